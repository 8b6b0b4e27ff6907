import { streamSSE } from 'hono/streaming'
import type { Asked, WebParts } from './web.ts'

/** Proxies close a stream that is quiet for a minute or less. */
const heartbeatMs = 15_000

export interface Sent {
  readonly id?: string
  /** Unnamed messages are swapped into a page; a named one becomes an event there. */
  readonly event?: string
  readonly data: string
}

/** A stream of server-sent events that ends with `run`, with its client, or with the server. */
export const stream = (
  { log }: Pick<WebParts, 'log'>,
  c: Asked,
  run: (signal: AbortSignal, send: (message: Sent) => Promise<void>) => Promise<void>,
) => {
  c.header('x-accel-buffering', 'no')
  return streamSSE(c, async sse => {
    const gone = new AbortController()
    sse.onAbort(() => gone.abort())
    // A request that no server brought has no environment at all.
    const closing = c.env?.closing
    const signal = closing ? AbortSignal.any([gone.signal, closing]) : gone.signal
    const beat = () => sse.write(': \n\n')
    const heartbeat = setInterval(beat, heartbeatMs)
    try {
      await beat()
      await run(signal, message => sse.writeSSE(message))
    } catch (error) {
      log.error(
        { err: error, path: c.req.path },
        'a stream ended because of an error; its reader comes again',
      )
    } finally {
      clearInterval(heartbeat)
    }
  })
}
