import type { Gateway } from '../sandbox/gateway.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { NoBox } from '../sandbox/sandbox.ts'
import type { Bell } from '../store/bell.ts'
import { isOver, isRunning } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { Agent } from './agents/agent.ts'
import { noAgent } from './agents/agent.ts'
import type { Finish } from './finish.ts'
import { holdLease } from './lease.ts'
import type { Logbook } from './logbook.ts'
import type { Order } from './order.ts'
import type { KeepOutput } from './output.ts'
import type { Queue, Ticket } from './queue.ts'
import type { Recover } from './recover.ts'
import { follow } from './run.ts'
import type { Settle } from './settle.ts'
import type { Spill } from './spill.ts'
import { judge } from './verdict.ts'

export interface WorkerParts {
  readonly runner: string
  readonly store: Store
  readonly bell: Bell
  readonly queue: Queue
  readonly sandbox: Sandbox
  readonly gateway: Gateway
  readonly agents: ReadonlyMap<string, Agent>
  readonly logbook: Logbook
  readonly order: Order
  readonly finish: Finish
  readonly recover: Recover
  readonly settle: Settle
  readonly spill: Spill
  readonly keepOutput: KeepOutput
  readonly now: () => Date
  /** What the sandbox's probe said its users should know. */
  readonly notes: readonly string[]
  readonly signal: AbortSignal
}

/**
 * Takes one job as far as it goes: claims it by appending `started`, opens its box, follows it, brings the work home. Safe
 * to repeat at any point: a ticket for a job that is over settles it, one for a job whose runner was lost recovers it, one
 * for a job that another runner holds does nothing. At most one attempt of a job is alive: the claim is an append that
 * only one runner can make, and an attempt whose append is refused ends its box.
 */
export const openWorker = (parts: WorkerParts): ((job: string) => Promise<void>) => {
  const { runner, store, queue, sandbox, gateway, agents, logbook, now, signal } = parts
  /** The jobs in hand, each with what tells it that another ticket came meanwhile. */
  const mine = new Map<string, () => void>()

  return async id => {
    if (signal.aborted) return
    const held = mine.get(id)
    if (held) return held()
    let again: Ticket | undefined
    let rung = false
    mine.set(id, () => {
      rung = true
    })
    try {
      again = await take(id)
    } finally {
      mine.delete(id)
    }
    if (again) await queue.add(again)
    // What the other ticket told of may have happened after it was looked for.
    else if (rung) await queue.add({ job: id, priority: 9 })
  }

  async function take(id: string): Promise<Ticket | undefined> {
    const job = await logbook.current(id)
    if (!job) return undefined
    if (isOver(job.state)) {
      await parts.settle(job)
      return undefined
    }
    if (isRunning(job.state)) {
      const holder = job.lease?.runner
      if (holder !== undefined && holder !== runner && (await isAlive(holder))) return undefined
      return await parts.recover(job)
    }
    const before = job.waitsFor && (await logbook.current(job.waitsFor))
    return before && !isOver(before.state) ? undefined : await attemptOf(job)
  }

  async function isAlive(name: string): Promise<boolean> {
    const record = await store.get('runners', name)
    return record !== undefined && record.until > now().toISOString()
  }

  async function attemptOf(job: Job): Promise<Ticket | undefined> {
    const attempt = job.attempt + 1
    const claim = await logbook.add(
      job._id,
      [{ type: 'started', key: `${attempt}/started`, runner }],
      attempt,
    )
    const started = claim.ok ? claim.entries[0] : undefined
    if (started?.type !== 'started' || started.runner !== runner) return undefined
    await using _lease = holdLease({ store, job: job._id, runner, logbook, now })
    await logbook.project(job._id)
    const agent = agents.get(job.agent)
    if (!agent) {
      const summary = noAgent(job.agent, [...agents.keys()])
      await parts.finish(job, attempt, { outcome: 'failed', reason: 'trouble', summary })
      return undefined
    }
    const { admission, plan } = await parts.order(job, attempt, agent)
    const { folder } = await gateway.admit(admission)
    try {
      await using box = await sandbox.open({ job: job._id, attempt, gateway: folder, plan })
      const opened = await logbook.add(
        job._id,
        [{ type: 'opened', key: `${attempt}/opened`, sandbox: sandbox.name, limits: parts.notes }],
        attempt,
      )
      if (!opened.ok) return undefined
      await logbook.project(job._id)
      const cancelled = async () => (await store.get('jobs', job._id))?.cancel !== undefined
      const ending = await follow({ ...parts, job, attempt, box, agent, cancelled })
      await box.close()
      if (!ending) return undefined
      const verdict = judge(job, ending)
      if (verdict === 'lost') return await parts.recover(job, attempt)
      await parts.keepOutput(job, attempt)
      await parts.finish(job, attempt, verdict)
      return undefined
    } catch (error) {
      if (!(error instanceof NoBox)) throw error
      const verdict = { outcome: 'failed', reason: 'no_sandbox', summary: error.message } as const
      await parts.finish(job, attempt, verdict)
      return undefined
    } finally {
      await gateway.release(job._id, attempt)
    }
  }
}
