import type { Bell } from './bell.ts'
import type { Content, LogName } from './records.ts'
import type { Entry, Store } from './store.ts'

/** A lost ring costs at most this much. */
const lookAgainMs = 2000

/**
 * Follows a log from behind `after`: batches of new entries, never empty, in order and without a gap. Ends when the signal
 * aborts, and after the batch that holds a job's `ended`.
 */
export async function* tail<L extends LogName>(
  store: Store,
  bell: Bell,
  log: L,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<readonly Entry<Content<L>>[]> {
  let seen = after
  let look = Promise.withResolvers<void>()
  const wake = () => look.resolve()
  const off = bell.on(log, wake)
  const timer = setInterval(wake, lookAgainMs)
  signal.addEventListener('abort', wake)
  try {
    while (!signal.aborted) {
      look = Promise.withResolvers<void>()
      const entries = await store.after(log, seen)
      if (entries.length === 0) {
        await look.promise
        continue
      }
      seen = entries.at(-1)?.seq ?? seen
      yield entries
      if (entries.some(entry => entry.type === 'ended')) return
    }
  } finally {
    off()
    clearInterval(timer)
    signal.removeEventListener('abort', wake)
  }
}
