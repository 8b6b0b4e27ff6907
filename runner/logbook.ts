import type { Bell } from '../store/bell.ts'
import type { Event } from '../store/events.ts'
import { fold } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import type { Appended, Entry, Store } from '../store/store.ts'
import { update } from '../store/update.ts'

/** An event on its way into a log; `key` names it there for good. */
export type Keyed = Event & { readonly key: string }

/** The logs of jobs: everything that happens to a job is written here first, and its record follows. */
export interface Logbook {
  /** Appends and rings; refused as `Store.append` says. */
  add(job: string, events: readonly Keyed[], attempt?: number): Promise<Appended<Event>>
  /** The job as its log has it now, whatever its record says. */
  current(job: string): Promise<Job | undefined>
  /** Brings the record up to its log. */
  project(job: string): Promise<Job | undefined>
  /** Every entry of the log. */
  read(job: string): Promise<readonly Entry<Event>[]>
}

/** A log is read so many entries at a time. */
const pageEntries = 500

export const openLogbook = ({
  store,
  bell,
  now,
}: {
  readonly store: Store
  readonly bell: Bell
  readonly now: () => Date
}): Logbook => {
  const rest = async (job: string, seq: number): Promise<readonly Entry<Event>[]> => {
    const entries: Entry<Event>[] = []
    while (true) {
      const page = await store.after(`job/${job}`, entries.at(-1)?.seq ?? seq, pageEntries)
      entries.push(...page)
      if (page.length < pageEntries) return entries
    }
  }
  const current = async (id: string) => {
    const job = await store.get('jobs', id)
    return job && fold(job, await rest(id, job.folded))
  }
  return {
    add: async (job, events, attempt) => {
      const at = now().toISOString()
      const appended = await store.append(
        `job/${job}`,
        events.map(event => ({ ...event, at })),
        attempt,
      )
      if (appended.ok) bell.ring(`job/${job}`)
      return appended
    },
    current,
    project: async id => {
      const folded = await current(id)
      if (!folded) return undefined
      return await update(store, 'jobs', id, job => projected(job, folded))
    },
    read: job => rest(job, 0),
  }
}

/**
 * The record brought up to a fold of its log, undefined where it is there already. What is not the log's is the record's own:
 * it may be newer than the one that the fold was made from.
 */
export const projected = (record: Job, folded: Job): Job | undefined =>
  record.folded >= folded.folded
    ? undefined
    : { ...folded, rev: record.rev, lease: record.lease, cancel: record.cancel }
