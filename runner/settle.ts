import type { Bell } from '../store/bell.ts'
import { isOver } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import { answerOf } from './answer.ts'
import type { Logbook } from './logbook.ts'
import { projected } from './logbook.ts'
import type { Queue } from './queue.ts'

/**
 * What follows the `ended` of a job, in an order that a crash may cut anywhere and the next start repeats: the answer is
 * added to the conversation, the jobs that waited are released, and last the record is brought up to the log.
 */
export type Settle = (job: Job) => Promise<void>

export const openSettle =
  ({
    store,
    bell,
    logbook,
    queue,
  }: {
    readonly store: Store
    readonly bell: Bell
    readonly logbook: Logbook
    readonly queue: Queue
  }): Settle =>
  async job => {
    if (!isOver(job.state)) return
    if (job.conversation) {
      await store.append(`conversation/${job.conversation}`, [
        {
          type: 'turn',
          key: `end/${job._id}`,
          at: job.endedAt ?? job.createdAt,
          by: 'bellhop',
          text: answerOf(job, await logbook.read(job._id)),
          files: [],
          job: job._id,
        },
      ])
      bell.ring(`conversation/${job.conversation}`)
    }
    for (const waiting of await store.find('jobs', { where: { waitsFor: job._id } }))
      if (waiting.state === 'queued') await queue.add({ job: waiting._id, priority: waiting.priority })
    await update(store, 'jobs', job._id, record => {
      const settled = projected(record, job)
      if (!settled && !record.lease) return undefined
      const { lease: _, ...rest } = settled ?? record
      return rest
    })
    bell.ring('jobs')
  }
