import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'

/** How a route of the gateway refuses: an HTTP status and a sentence that the agent, and its people, can read. */
export class Refused extends Error {
  override name = 'Refused'
  readonly status: number
  readonly what: string
  constructor(status: number, what: string, why: string) {
    super(why)
    this.status = status
    this.what = what
  }
}

/** Answers in the shape of the model API's errors, which its clients know how to show. */
export const sendError = (response: ServerResponse, status: number, type: string, text: string): void => {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const body = JSON.stringify({ type: 'error', error: { type, message: text } })
  response.writeHead(status, { 'content-type': 'application/json' }).end(body)
}

/** Reads a body whole. Throws `Refused` with 413 past `limit` bytes. */
export const readBody = async (request: IncomingMessage, limit: number): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limit)
      throw new Refused(413, 'body', `The request is larger than the ${limit} bytes allowed here.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Sends an answer that is a stream or a text. An early end of either side ends the other. */
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
  else await pipeline(answer.body, response).catch(() => response.destroy())
}

/** What is left of a body is read and thrown away for a moment, so that its sender gets to see the answer. */
export const drainBody = async (request: IncomingMessage): Promise<void> => {
  if (request.complete) return
  request.resume()
  await Promise.race([
    new Promise(resolve => request.once('close', resolve)),
    pause(2000, undefined, { ref: false }),
  ])
}
