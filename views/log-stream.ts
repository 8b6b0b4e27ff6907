import type { Event } from '../store/events.ts'
import { isOver } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import type { Entry } from '../store/store.ts'
import { tail } from '../store/tail.ts'
import type { Sent } from './sse.ts'
import { stream } from './sse.ts'
import type { Asked, WebParts } from './web.ts'

/**
 * A job's log as server-sent events, from behind `Last-Event-ID` or else `after`, up to `ended`: each batch of entries as
 * the messages that `show` makes of it. Answers 204, which tells an EventSource to stay away, when all of it was sent before.
 */
export const streamLog = (
  parts: WebParts,
  c: Asked,
  { job, after }: { readonly job: Job; readonly after: number },
  show: (entries: readonly Entry<Event>[]) => Promise<readonly Sent[]>,
) => {
  const last = Number(c.req.header('last-event-id'))
  const from = Number.isSafeInteger(last) && last > 0 ? last : after
  if (isOver(job.state) && from >= job.folded) return c.body(null, 204)
  return stream(parts, c, async (signal, send) => {
    for await (const entries of tail(parts.store, parts.bell, `job/${job._id}`, from, signal))
      for (const message of await show(entries)) await send(message)
  })
}
