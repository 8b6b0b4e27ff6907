import type { Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import type { Logbook } from './logbook.ts'

/** A runner's hold on a job lasts this long without renewal, and is renewed three times in that time. */
const leaseMs = 15_000

/** How long a runner that stops in order has to come back for boxes that outlive it, before others end them. */
const restartMs = 60_000

export interface Hold {
  readonly runner: string
  /** ISO. */
  readonly until: string
}

interface LeaseParts {
  readonly store: Store
  readonly logbook: Logbook
  readonly runner: string
  readonly now: () => Date
}

/** Who carries the job's attempt. A claim counts as a lease from the moment it was appended. */
export const holdOf = ({ claim, lease, attempt }: Job): Hold | undefined => {
  if (lease?.attempt === attempt) return lease
  return claim && { runner: claim.runner, until: later(new Date(claim.at), leaseMs) }
}

/**
 * Takes the hold on a running job from a runner that let it lapse, or from this runner's own earlier life. False when it
 * is held, or somebody else was first.
 */
export const takeHold = async ({ store, runner, now }: LeaseParts, job: Job): Promise<boolean> => {
  const hold = holdOf(job)
  if (hold && hold.runner !== runner && hold.until > now().toISOString()) return false
  const lease = { runner, attempt: job.attempt, until: later(now(), leaseMs) }
  return (await store.put('jobs', { ...job, lease })) !== undefined
}

export interface Lease extends AsyncDisposable {
  /** Aborts when another runner has taken the job over, or a later attempt has begun. */
  readonly lost: AbortSignal
  /** Ends the renewal but keeps the job for this runner for a minute, so that it can come back to a box that goes on. */
  leave(): Promise<void>
}

/** Renews the hold on an attempt until disposed, and keeps the record's cost and state fresh meanwhile. */
export const keepHold = (
  { store, logbook, runner, now }: LeaseParts,
  { job, attempt }: { readonly job: string; readonly attempt: number },
): Lease => {
  const lost = new AbortController()
  const renew = async (ms = leaseMs) => {
    await update(store, 'jobs', job, record => {
      const hold = record.lease
      const taken = hold?.attempt === attempt && hold.runner !== runner
      if (taken || record.attempt > attempt) {
        lost.abort()
        return undefined
      }
      return { ...record, lease: { runner, attempt, until: later(now(), ms) } }
    })
    await logbook.project(job)
  }
  let renewing = renew()
  renewing.catch(() => {})
  const timer = setInterval(() => {
    renewing = renewing.then(
      () => renew(),
      () => renew(),
    )
    renewing.catch(() => {})
  }, leaseMs / 3)
  const end = async () => {
    clearInterval(timer)
    await renewing.catch(() => {})
  }
  return {
    lost: lost.signal,
    leave: async () => {
      await end()
      await renew(restartMs)
    },
    [Symbol.asyncDispose]: end,
  }
}

const later = (from: Date, ms: number) => new Date(from.getTime() + ms).toISOString()
