import type { Box, Sandbox } from '../sandbox/sandbox.ts'
import type { Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { holdOf, takeHold } from './lease.ts'
import type { Logbook } from './logbook.ts'

/** The box of a lost runner on another host may still be at work: that host's runner has this long to come back for it. */
const elsewhereMs = 60_000

/**
 * A hold that has lapsed must stand unchanged for so long under this runner's own eyes before it is taken: after an outage of
 * the database every hold has lapsed, and those who live renew theirs within some seconds.
 */
const watchedMs = 10_000
const mostWatched = 10_000

/** What became of a running job that this runner does not have in hand. */
export type Takeover =
  /** Somebody holds it, or held it too lately to be sure; look again then, ISO. */
  | { readonly is: 'held'; readonly until: string }
  /** This runner's earlier life opened the box, which goes on. */
  | { readonly is: 'alive'; readonly box: Box }
  /** The attempt has no box any more, and its job is this runner's to recover. */
  | { readonly is: 'lost' }

export interface TakeoverParts {
  readonly runner: string
  readonly store: Store
  readonly logbook: Logbook
  readonly sandbox: Sandbox
  /** Where this runner's boxes live, if they outlive it. */
  readonly place?: string
  readonly now: () => Date
  /** Milliseconds that only ever grow. */
  readonly tick?: () => number
}

/**
 * Takes a running job over from a runner that let it lapse. Its own earlier life's box is adopted; that of another runner
 * is ended, for its way to the gateway died with that runner.
 */
export const openTakeover = (parts: TakeoverParts): ((job: Job) => Promise<Takeover>) => {
  const { runner, store, sandbox, place, now, tick = () => performance.now() } = parts
  /** Holds of others that were seen lapsed, and since when. */
  const watched = new Map<string, { readonly until: string; readonly since: number }>()

  return async job => {
    const hold = holdOf(job)
    const time = now().toISOString()
    if (hold && hold.runner !== runner) {
      const until = (await isElsewhere(hold.runner)) ? later(hold.until, elsewhereMs) : hold.until
      if (until > time) return { is: 'held', until }
      const left = watch(job._id, hold.until)
      if (left > 0) return { is: 'held', until: later(time, left) }
    }
    watched.delete(job._id)
    if (!(await takeHold(parts, job))) return { is: 'held', until: later(time, 1000) }
    const box = await sandbox.adopt({ job: job._id, attempt: job.attempt })
    if (box && hold?.runner === runner) return { is: 'alive', box }
    await box?.close()
    return { is: 'lost' }
  }

  /** For how long this hold is still to be watched. */
  function watch(job: string, until: string): number {
    const seen = watched.get(job)
    if (seen?.until === until) return seen.since + watchedMs - tick()
    watched.delete(job)
    watched.set(job, { until, since: tick() })
    for (const oldest of watched.keys()) if (watched.size > mostWatched) watched.delete(oldest)
    return watchedMs
  }

  /** Whether the box of that runner may be alive where this one cannot see it. */
  async function isElsewhere(name: string): Promise<boolean> {
    return place === undefined || (await store.get('runners', name))?.place !== place
  }
}

const later = (from: string, ms: number) => new Date(Date.parse(from) + ms).toISOString()
