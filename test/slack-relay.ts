import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** One call to Slack's Web API, as it was answered. */
export interface SlackCall {
  /** Milliseconds since the epoch, when it came in. */
  readonly at: number
  readonly method: string
  readonly channel: string
  /** The thread it went to; none for a message of the channel itself. */
  readonly thread?: string
  /** The message that was posted or edited. */
  readonly ts?: string
  readonly text: string
  readonly blocks: readonly Block[]
  readonly user?: string
  readonly ok: boolean
  readonly status: number
  readonly error?: string
}

export interface Block {
  readonly type: string
  readonly text?: { readonly type: string; readonly text: string; readonly verbatim?: boolean }
  readonly elements?: readonly {
    readonly action_id: string
    readonly value?: string
    readonly url?: string
  }[]
}

/** A server in front of another one: passes everything on, notes the calls, and refuses some with 429. */
export interface Relay extends AsyncDisposable {
  readonly url: string
  /** Answers the next `times` chat calls for a channel with 429 and this Retry-After. */
  limit(channel: string, seconds: number, times: number): void
}

const chat = new Set(['chat.postMessage', 'chat.update', 'chat.postEphemeral'])

/** Opens a relay to the Web API at `target`; `noted` is told each call once it is answered. */
export const openRelay = async (target: string, noted: (call: SlackCall) => void): Promise<Relay> => {
  const limits = new Map<string, { readonly seconds: number; times: number }>()

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = Date.now()
    const body = await buffer(request)
    const method = request.url?.startsWith('/api/') ? request.url.slice(5) : ''
    const fields = new URLSearchParams(method ? body.toString() : '')
    const channel = fields.get('channel') ?? fields.get('channel_id') ?? ''
    const call = {
      at,
      method,
      channel,
      ...(fields.get('thread_ts') && { thread: fields.get('thread_ts') ?? '' }),
      text: fields.get('text') ?? fields.get('initial_comment') ?? '',
      blocks: JSON.parse(fields.get('blocks') ?? '[]') as readonly Block[],
      ...(fields.get('user') && { user: fields.get('user') ?? '' }),
    }

    const limit = limits.get(channel)
    if (limit && limit.times > 0 && chat.has(method)) {
      limit.times--
      response.writeHead(429, { 'retry-after': String(limit.seconds) }).end()
      noted({ ...call, ok: false, status: 429, error: 'ratelimited' })
      return
    }
    const { authorization = '', 'content-type': type = '' } = request.headers
    const passed = await fetch(target + request.url, {
      method: request.method ?? 'POST',
      headers: { ...(authorization && { authorization }), ...(type && { 'content-type': type }) },
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    })
    const text = await passed.text()
    response
      .writeHead(passed.status, { 'content-type': passed.headers.get('content-type') ?? 'text/plain' })
      .end(text)
    if (!method) return
    const {
      ok = false,
      error,
      ts,
      message_ts,
    } = passed.headers.get('content-type')?.includes('json') ? JSON.parse(text) : {}
    const stamp = ts ?? message_ts ?? fields.get('ts')
    noted({ ...call, ok, status: passed.status, ...(error && { error }), ...(stamp && { ts: stamp }) })
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(error => {
      response.writeHead(502).end(String(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    limit: (channel, seconds, times) => void limits.set(channel, { seconds, times }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
