import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { sweepLogins } from '../runner/logins.ts'
import { sweepInbox } from '../store/inbox.ts'
import type { Store } from '../store/store.ts'

const hourMs = 60 * 60 * 1000
/** The platforms give up repeating long before: two days. */
const keptMs = 48 * hourMs

/**
 * Drops what has served its time, envelopes that were handled and logins that let nobody in, now and every hour until the
 * signal aborts. What goes wrong is logged and tried again the next time.
 */
export const runSweep = async ({
  store,
  now,
  log,
  signal,
}: {
  readonly store: Store
  readonly now: () => Date
  readonly log: Pick<Logger, 'error'>
  readonly signal: AbortSignal
}): Promise<void> => {
  while (!signal.aborted) {
    try {
      await sweepInbox(store, new Date(now().getTime() - keptMs).toISOString())
      await sweepLogins(store, now())
    } catch (error) {
      if (signal.aborted) return
      log.error({ err: error }, 'What is too old could not be dropped; it is tried again in an hour.')
    }
    await setTimeout(hourMs, undefined, { signal }).catch(() => {})
  }
}
