import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Env } from './web.ts'

export interface Served {
  /** Where it listens, `http://127.0.0.1:8080`. */
  readonly url: string
  /** Takes no more requests, ends the streams, lets the rest be answered; what is not after 3 s is cut. */
  close(): Promise<void>
}

/** What answers below a path of its own, in Node's own terms. */
export interface Beside {
  readonly path: string
  readonly answer: RequestListener
}

/** The address cannot be listened on; the message says why and what to set. */
class NoAddress extends Error {
  override name = 'NoAddress'
}

const graceMs = 3000

/**
 * Serves the app, and `beside` it what answers below a path of its own in Node's own terms. Throws `NoAddress` when the port
 * is taken or not ours to take.
 */
export const serveApp = async (
  app: Hono<Env>,
  {
    port,
    host,
    beside,
  }: {
    readonly port: number
    readonly host: string
    readonly beside?: Beside
  },
): Promise<Served> => {
  const closing = new AbortController()
  const answer = getRequestListener(request => app.fetch(request, { closing: closing.signal }), {
    overrideGlobalObjects: false,
  })
  const server = createServer((request, response) =>
    beside && request.url?.startsWith(beside.path)
      ? beside.answer(request, response)
      : void answer(request, response),
  )
  // A push through the door of the repositories may take longer than Node would allow a request.
  server.requestTimeout = 0
  // A connection that a stream leaves is idle only then, too late for `close` to see it.
  server.on('request', (_request, response) =>
    response.on('close', () => closing.signal.aborted && setImmediate(() => server.closeIdleConnections())),
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(new NoAddress(sentenceOf(error, port, host), { cause: error })))
    server.listen(port, host, resolve)
  })
  const { address, family, port: taken } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    close: async () => {
      closing.abort()
      const closed = new Promise(resolve => server.close(resolve))
      const cut = setTimeout(() => server.closeAllConnections(), graceMs)
      await closed
      clearTimeout(cut)
    },
  }
}

const sentenceOf = (error: Error & { readonly code?: string }, port: number, host: string): string => {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use by another program; stop that one or choose another port with PORT=8081.`
    case 'EACCES':
      return `Port ${port} on ${host} may not be used by this user; choose one above 1023 with PORT=8080.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine; set HOST to one that is, such as HOST=127.0.0.1.`
    default:
      return `The web could not listen at ${host}:${port}: ${error.message}`
  }
}
