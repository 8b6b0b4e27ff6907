import { setTimeout as pause } from 'node:timers/promises'
import type { Gateway } from '../sandbox/gateway.ts'
import type { Box, Sandbox } from '../sandbox/sandbox.ts'
import { isAway } from '../store/away.ts'
import { isOver, isRunning } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import type { Agent } from './agents/agent.ts'
import { noAgent } from './agents/agent.ts'
import type { Carry } from './carry.ts'
import type { Filing } from './filing.ts'
import type { Finish } from './finish.ts'
import type { Logbook } from './logbook.ts'
import type { Order } from './order.ts'
import type { Queue, Ticket } from './queue.ts'
import type { Recover } from './recover.ts'
import type { Settle } from './settle.ts'
import type { Takeover } from './takeover.ts'

export interface WorkerParts {
  readonly runner: string
  readonly queue: Queue
  readonly sandbox: Sandbox
  readonly gateway: Gateway
  readonly agents: ReadonlyMap<string, Agent>
  readonly logbook: Logbook
  readonly filing: Filing
  readonly order: Order
  readonly carry: Carry
  readonly takeover: (job: Job) => Promise<Takeover>
  readonly finish: Finish
  readonly recover: Recover
  readonly settle: Settle
  /** Whether another live runner can do what this one cannot. */
  readonly othersHave: (agent: string) => Promise<boolean>
  readonly now: () => Date
  readonly signal: AbortSignal
}

export interface Worker {
  /**
   * Takes one job as far as it goes: claims it by appending `started`, opens its box, follows it, brings the work home. Safe
   * to repeat at any point: a ticket for a job that is over settles it, one for a job whose runner was lost takes it over,
   * one for a job that another runner holds comes back when that hold ends, one for a job that is not filed yet files it. At
   * most one attempt of a job is alive: the claim is an append that only one runner can make, and an attempt whose append
   * is refused ends its box.
   */
  work(job: string): Promise<void>
  /** Whether the job is being worked on here. */
  has(job: string): boolean
}

/** A part that is away is asked again after this pause. */
const awayMs = 1000
/** A job that only another runner can carry is offered again after this pause. */
const elsewhereMs = 2000

export const openWorker = (parts: WorkerParts): Worker => {
  const { runner, queue, sandbox, gateway, agents, logbook, now, signal } = parts
  /** The jobs in hand, each with what tells it that another ticket came meanwhile. */
  const mine = new Map<string, () => void>()

  return { work, has: job => mine.has(job) }

  async function work(id: string): Promise<void> {
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
    const found = await logbook.current(id)
    if (!found) return undefined
    const job = found.folded === 0 ? await parts.filing(found) : found
    if (isOver(job.state)) {
      await parts.settle(job)
      return undefined
    }
    if (isRunning(job.state)) return await resume(job)
    const before = job.waitsFor && (await logbook.current(job.waitsFor))
    return before && !isOver(before.state) ? undefined : await attemptOf(job)
  }

  async function resume(job: Job): Promise<Ticket | undefined> {
    const found = await parts.takeover(job)
    switch (found.is) {
      case 'held':
        return { job: job._id, priority: job.priority, notBefore: found.until }
      case 'lost':
        return await parts.recover(job)
      case 'alive':
        return await parts.carry(job, job.attempt, agentOf(job), async () => found.box, 'again')
      default:
        return found satisfies never
    }
  }

  async function attemptOf(job: Job): Promise<Ticket | undefined> {
    const agent = agents.get(job.agent)
    if (!agent && (await parts.othersHave(job.agent)))
      return {
        job: job._id,
        priority: job.priority,
        notBefore: new Date(now().getTime() + elsewhereMs).toISOString(),
      }
    const attempt = job.attempt + 1
    const claim = await logbook.add(
      job._id,
      [{ type: 'started', key: `${attempt}/started`, runner }],
      attempt,
    )
    const started = claim.ok ? claim.entries[0] : undefined
    if (started?.type !== 'started' || started.runner !== runner) return undefined
    if (agent) return await parts.carry(job, attempt, agent, () => opened(job, attempt, agent))
    const summary = noAgent(job.agent, [...agents.keys()])
    await parts.finish(job, attempt, { outcome: 'failed', reason: 'trouble', summary })
    return undefined
  }

  async function opened(job: Job, attempt: number, agent: Agent): Promise<Box> {
    const { admission, plan } = await answered(job, () => parts.order(job, attempt, agent))
    const { folder } = await answered(job, () => gateway.admit(admission))
    return await sandbox.open({ job: job._id, attempt, gateway: folder, plan })
  }

  /** What `ask` gives, once the parts on other hosts that it needs are there: nothing is lost yet, so it costs no attempt. */
  async function answered<T>({ _id }: Job, ask: () => Promise<T>): Promise<T> {
    while (true) {
      try {
        return await ask()
      } catch (error) {
        if (!isAway(error) || (await logbook.current(_id))?.cancel) throw error
        await pause(awayMs, undefined, { signal }).catch(() => {})
        if (signal.aborted) throw error
      }
    }
  }

  function agentOf(job: Job): Agent {
    const agent = agents.get(job.agent)
    if (!agent) throw new Error(`Job ${job._id} runs the agent "${job.agent}", which this runner has lost.`)
    return agent
  }
}
