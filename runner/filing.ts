import type { Bell } from '../store/bell.ts'
import { fold } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import type { Logbook } from './logbook.ts'
import { announce } from './messages.ts'

/**
 * Completes what a job's record began: its thread keeps the workspace, its log is to be shown there, `queued` is in it. Safe
 * to repeat. Whoever finds a record with an empty log does it first, for its submitter may have crashed, or be at it. Gives the job
 * with `queued` in it.
 */
export type Filing = (job: Job) => Promise<Job>

export const openFiling =
  ({
    store,
    bell,
    logbook,
  }: {
    readonly store: Store
    readonly bell: Bell
    readonly logbook: Logbook
  }): Filing =>
  async job => {
    const { _id, requester: by, conversation, workspace, continues, retryOf } = job
    if (conversation) {
      await update(store, 'conversations', conversation, record =>
        record.workspace === workspace ? undefined : { ...record, workspace },
      )
      await announce(store, { conversation, job: _id })
    }
    const lineage = { ...(retryOf && { retryOf }), ...(continues && { continues }) }
    const filed = await logbook.add(_id, [{ type: 'queued', key: 'queued', by, ...lineage }])
    bell.ring('jobs')
    return filed.ok ? fold(job, filed.entries) : job
  }
