import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import type { Logbook } from './logbook.ts'

/** A runner's hold on a job lasts this long without renewal, and is renewed three times in that time. */
const leaseMs = 30_000

/**
 * Marks a job as held by a runner until disposed, and keeps the record's cost and state fresh meanwhile. The lease says
 * whom to wait for; that nobody else writes to the log is the work of `append`.
 */
export const holdLease = ({
  store,
  job,
  runner,
  logbook,
  now,
}: {
  readonly store: Store
  readonly job: string
  readonly runner: string
  readonly logbook: Logbook
  readonly now: () => Date
}): AsyncDisposable => {
  const renew = async () => {
    const until = new Date(now().getTime() + leaseMs).toISOString()
    await update(store, 'jobs', job, record => ({ ...record, lease: { runner, until } }))
    await logbook.project(job)
  }
  let renewing = renew()
  renewing.catch(() => {})
  const timer = setInterval(() => {
    renewing = renewing.then(renew, renew)
    renewing.catch(() => {})
  }, leaseMs / 3)
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await renewing.catch(() => {})
    },
  }
}
