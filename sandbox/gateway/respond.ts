import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { finished, PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { RouteName } from './refusal.ts'

/** How long the rest of a refused body is read, so that its sender gets to see the answer: 2 s. */
const drainMs = 2000

/** Sends an answer that is a stream or a text. Where either side ends early, the other one is ended too. */
export const send = async (
  response: ServerResponse,
  answer: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: Readable | string
  },
): Promise<void> => {
  response.writeHead(answer.status, answer.headers)
  if (typeof answer.body === 'string') response.end(answer.body)
  else await pipeline(answer.body, response)
}

/** How the model API calls its errors, which its clients know to show. */
const types: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
}

/**
 * Answers with a sentence, in the shape of the model API's errors on its route and as plain text on the others. A caller
 * that is still sending has a moment to read it.
 */
export const sendSentence = (
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  sentence: string,
  route: RouteName | undefined,
): void => {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const error = { type: types[status] ?? 'api_error', message: sentence }
  if (route === 'model')
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ type: 'error', error }))
  else response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${sentence}\n`)
  request.resume()
  const late = setTimeout(() => request.destroy(), drainMs)
  finished(request, () => clearTimeout(late))
}

/**
 * A request's body as a stream of its own: whoever ends it early does not end the connection with it, on which the answer
 * still has to go back. One that breaks off tells whoever reads it, now or later; where nobody does, nothing happens.
 */
export const bodyOf = (request: IncomingMessage): Readable => {
  const body = new PassThrough()
  body.on('error', () => {})
  request.pipe(body)
  finished(request, error => {
    if (error) body.destroy(error)
  })
  return body
}
