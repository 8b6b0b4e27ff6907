import type { Event } from '../store/events.ts'
import { isOver } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import type { Entry } from '../store/store.ts'
import { tail } from '../store/tail.ts'
import type { Sent } from './sse.ts'
import { stream } from './sse.ts'
import type { Asked, WebParts } from './web.ts'

export interface Part {
  readonly job: Job
  /** The number behind which it begins, where the request has no `Last-Event-ID`. */
  readonly after: number
  /** Sent last of all, when the log has ended. Without it, a request for what comes after the end answers 204. */
  readonly farewell?: Sent
}

/**
 * A job's log as server-sent events, up to `ended`: each batch of entries as the messages that `show` makes of it. An
 * EventSource comes again until it is answered 204.
 */
export const streamLog = (
  parts: WebParts,
  c: Asked,
  { job, after, farewell }: Part,
  show: (entries: readonly Entry<Event>[]) => Promise<readonly Sent[]>,
) => {
  const last = Number(c.req.header('last-event-id'))
  const from = Number.isSafeInteger(last) && last > 0 ? last : after
  const done = isOver(job.state) && from >= job.folded
  if (done && !farewell) return c.body(null, 204)
  return stream(parts, c, async (signal, send) => {
    if (!done)
      for await (const entries of tail(parts.store, parts.bell, `job/${job._id}`, from, signal))
        for (const message of await show(entries)) await send(message)
    if (farewell && !signal.aborted) await send(farewell)
  })
}
