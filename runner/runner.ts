import type { Sandbox } from '../sandbox/sandbox.ts'
import { isOver } from '../store/lifecycle.ts'
import type { JobState } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import type { Queue } from './queue.ts'

/** A runner says this often that it lives, and counts as gone after three silences. */
const heartbeatMs = 10_000

/** Those that had begun come first: they have waited their time. */
const unfinished: readonly JobState[] = ['verifying', 'paused', 'waiting', 'running', 'starting', 'queued']

export interface RunnerParts {
  readonly runner: string
  readonly store: Store
  readonly queue: Queue
  /** The engine that was probed and works, or why there is none. */
  readonly sandbox:
    | { readonly ok: true; readonly engine: Sandbox }
    | { readonly ok: false; readonly why: string }
  /** Engines that may have left boxes behind, the one in use among them. */
  readonly engines: readonly Sandbox[]
  readonly agents: readonly string[]
  readonly concurrency: number
  readonly work: (job: string) => Promise<void>
  readonly now: () => Date
  readonly signal: AbortSignal
}

/**
 * One runner's life, in the only process of its data folder: ends the boxes that a dead one left, takes up every job that
 * is not over, then works off tickets until the signal aborts and the jobs in hand have let go.
 */
export const runRunner = async (parts: RunnerParts): Promise<void> => {
  const { runner, store, queue, now, signal } = parts
  for (const gone of await store.find('runners', { limit: 1000 })) await store.drop('runners', gone._id)
  for (const engine of parts.engines)
    for (const left of await engine.list()) await (await engine.adopt(left))?.close()
  await announce()
  const timer = setInterval(() => void announce().catch(() => {}), heartbeatMs)
  try {
    await refill()
    await queue.work(parts.work, { concurrency: parts.concurrency, signal })
  } finally {
    clearInterval(timer)
    await store.drop('runners', runner)
  }

  async function announce(): Promise<void> {
    const until = new Date(now().getTime() + 3 * heartbeatMs).toISOString()
    const { sandbox, agents } = parts
    const can = sandbox.ok ? { sandbox: sandbox.engine.name, agents } : { why: sandbox.why, agents }
    const renewed = await update(store, 'runners', runner, record => ({ ...record, ...can, until }))
    if (!renewed) await store.put('runners', { _id: runner, rev: 0, ...can, until })
  }

  /** The queue is filled from the store: tickets are hints, and a ticket for a job that still waits does nothing. */
  async function refill(): Promise<void> {
    for (const state of unfinished) {
      let after = ''
      while (true) {
        const jobs = await store.find('jobs', { where: { state, _id: { gt: after } }, limit: 500 })
        for (const job of jobs)
          if (!isOver(job.state)) await queue.add({ job: job._id, priority: job.priority })
        if (jobs.length < 500) break
        after = jobs.at(-1)?._id ?? after
      }
    }
  }
}
