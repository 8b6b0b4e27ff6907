import type { Gateway } from '../sandbox/gateway.ts'
import type { Event } from '../store/events.ts'
import type { Job } from '../store/records.ts'
import type { Repos } from '../store/repos.ts'
import type { Entry } from '../store/store.ts'
import type { Finish, Verdict } from './finish.ts'
import { branchOf } from './finish.ts'
import type { Logbook } from './logbook.ts'
import type { Ticket } from './queue.ts'
import { judge } from './verdict.ts'

/** A job whose worker or box was lost is tried this often in all. */
const mostAttempts = 3

/**
 * Takes up a job whose attempt lost its worker or its box. An attempt whose exit is logged and whose branch has arrived is
 * finished, not repeated; another gets the ticket given back, for a little later, or, after the third, is ended with the
 * reason. The box must be gone when this is called.
 */
export type Recover = (job: Job, attempt?: number) => Promise<Ticket | undefined>

export const openRecover = ({
  repos,
  gateway,
  logbook,
  finish,
  now,
}: {
  readonly repos: Repos
  readonly gateway: Gateway
  readonly logbook: Logbook
  readonly finish: Finish
  readonly now: () => Date
}): Recover => {
  return async (job, attempt = job.attempt) => {
    await gateway.release(job._id, attempt)
    const log = (await logbook.read(job._id)).filter(entry => entry.attempt === attempt)
    const exited = log.find(entry => entry.type === 'exited')
    if (exited && (await arrived(job, log))) {
      const ending = judge(job, { exit: exited, exited: true, ...(job.cancel && { stopped: 'cancel' }) })
      if (ending !== 'lost') return await over(job, attempt, ending)
    }
    if (job.cancel)
      return await over(job, attempt, {
        outcome: 'cancelled',
        reason: 'cancelled',
        summary: 'Cancelled. Its worker was lost meanwhile, so what it had not yet saved is gone.',
      })
    if (attempt >= mostAttempts)
      return await over(job, attempt, {
        outcome: 'failed',
        reason: 'lost',
        summary: `Its worker or sandbox was lost ${mostAttempts} times, so it was given up. Retry starts it afresh.`,
      })
    const notBefore = new Date(now().getTime() + 1000 * 2 ** (attempt - 1)).toISOString()
    const why = 'The worker or its sandbox was lost.'
    const retrying = await logbook.add(
      job._id,
      [{ type: 'retrying', key: `${attempt}/retrying`, why, notBefore }],
      attempt,
    )
    await logbook.project(job._id)
    // It has waited its time already, so it goes before its equals.
    return retrying.ok ? { job: job._id, priority: Math.min(9, job.priority + 1), notBefore } : undefined
  }

  async function over(job: Job, attempt: number, verdict: Verdict): Promise<undefined> {
    await finish(job, attempt, verdict)
  }

  /** Whether the work of this attempt is in the repository: its push came after its exit, or it is recorded already. */
  async function arrived(job: Job, log: readonly Entry<Event>[]): Promise<boolean> {
    if (log.some(entry => entry.type === 'committed')) return true
    return (await repos.resolve(job.workspace, `refs/heads/${branchOf(job._id)}`)) !== undefined
  }
}
