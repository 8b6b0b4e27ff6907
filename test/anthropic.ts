import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Block } from './anthropic-message.ts'
import { messageOf, sse } from './anthropic-message.ts'

/** What a client asked, as it arrived. */
export interface Asked {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
}

/** A message of the model's, or how the call goes wrong. */
export type Answer =
  | {
      readonly content: readonly Block[]
      readonly usage?: Readonly<Record<string, unknown>>
      /** `break` cuts the connection before the last block is whole, `hang` goes silent there; only a stream can. */
      readonly ending?: 'break' | 'hang'
    }
  | { readonly status: number; readonly error: string; readonly headers?: Readonly<Record<string, string>> }
  /** The call is taken and never answered. */
  | 'hang'

/** The model says this and stops. */
export const says = (words: string): Answer => ({ content: [{ type: 'text', text: words }] })

/** The model uses a tool, after these words if there are any. */
export const uses = (name: string, input: Readonly<Record<string, unknown>>, words = ''): Answer => ({
  content: [
    ...(words ? [{ type: 'text', text: words } as const] : []),
    { type: 'tool_use', name, input } as const,
  ],
})

/** A stand-in for the model API on a port of its own. */
export interface Anthropic extends AsyncDisposable {
  readonly url: string
  /** Every request to a messages route so far, in order. */
  readonly requests: readonly Asked[]
  /** Resolves when that many messages were asked for. */
  asked(messages: number): Promise<void>
}

/** Serves what `script` answers to the nth call of `/v1/messages`, from 0, in the wire format of the real API. */
export const openAnthropic = async ({
  port = 0,
  script,
}: {
  readonly port?: number
  readonly script: (asked: Asked, n: number) => Answer | Promise<Answer>
}): Promise<Anthropic> => {
  const requests: Asked[] = []
  const waiting: { readonly messages: number; readonly resolve: () => void }[] = []
  let messages = 0

  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    if (request.method !== 'POST' || !/^\/v1\/messages(\/count_tokens)?(\?|$)/.test(path))
      return fail(response, 404, `${request.method} ${path} is not served here`)
    const asked: Asked = { path, headers: request.headers, body: JSON.parse(await text(request)) }
    requests.push(asked)
    if (path.includes('count_tokens')) return json(response, 200, { input_tokens: 100 })
    const n = messages++
    for (const { resolve } of waiting.filter(each => each.messages <= messages)) resolve()
    const answer = await script(asked, n)
    if (answer === 'hang') return
    if ('status' in answer) return fail(response, answer.status, answer.error, answer.headers)
    const message = messageOf(String(asked.body.model), n, answer.content, answer.usage)
    if (!asked.body.stream) return json(response, 200, message)
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': `req_${n}` })
    const events = sse(message)
    const kept = answer.ending ? events.slice(0, -3) : events
    const sent = new Promise<void>(resolve => response.write(kept.join(''), () => resolve()))
    if (!answer.ending) return response.end()
    await sent
    if (answer.ending === 'break') response.destroy()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    asked: count =>
      new Promise(resolve => {
        if (messages >= count) resolve()
        else waiting.push({ messages: count, resolve })
      }),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const json = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const fail = (
  response: ServerResponse,
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify({ type: 'error', error: { type: 'api_error', message } }))
}
