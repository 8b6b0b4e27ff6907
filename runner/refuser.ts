import { isOver, isRunning } from '../store/lifecycle.ts'
import type { Store } from '../store/store.ts'
import type { Filing } from './filing.ts'
import type { Finish } from './finish.ts'
import { holdOf } from './lease.ts'
import type { Logbook } from './logbook.ts'
import type { Queue } from './queue.ts'
import type { Recover } from './recover.ts'
import type { Worker } from './worker.ts'

/** A ticket that another runner should have comes back after this pause. */
const pauseMs = 5000

/** Whether another live runner has a sandbox, and this agent if one is named. */
export const isOffered = async (
  store: Store,
  runner: string,
  agent: string | undefined,
  now: () => Date,
): Promise<boolean> => {
  const live = await store.find('runners', { where: { until: { gt: now().toISOString() } }, by: 'until' })
  return live.some(
    ({ _id, sandbox, agents }) =>
      _id !== runner && sandbox !== undefined && (agent === undefined || agents.includes(agent)),
  )
}

/**
 * The worker of a runner without a sandbox: where no other runner has one, each job is ended with the reason; else its
 * tickets are left to the others.
 */
export const openRefuser = ({
  runner,
  queue,
  logbook,
  filing,
  recover,
  finish,
  othersHave,
  why,
  now,
}: {
  readonly runner: string
  readonly queue: Queue
  readonly logbook: Logbook
  readonly filing: Filing
  readonly recover: Recover
  readonly finish: Finish
  readonly othersHave: () => Promise<boolean>
  /** The sentence for the person who asked. */
  readonly why: string
  readonly now: () => Date
}): Worker => ({
  has: () => false,
  work: async id => {
    const found = await logbook.current(id)
    if (!found || isOver(found.state)) return
    const job = found.folded === 0 ? await filing(found) : found
    const hold = isRunning(job.state) ? holdOf(job) : undefined
    const held = hold && hold.runner !== runner && hold.until > now().toISOString()
    if (held || (await othersHave())) {
      const notBefore = new Date(now().getTime() + pauseMs).toISOString()
      return await queue.add({ job: id, priority: job.priority, notBefore })
    }
    const again = isRunning(job.state) ? await recover(job) : undefined
    if (again) await queue.add(again)
    else await finish(job, job.attempt, { outcome: 'failed', reason: 'no_sandbox', summary: why })
  },
})
