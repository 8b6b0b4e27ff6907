import type { Sandbox } from '../sandbox/sandbox.ts'
import { isOver, isRunning } from '../store/lifecycle.ts'
import type { Job, JobState } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import { holdOf } from './lease.ts'
import type { Logbook } from './logbook.ts'
import type { Queue } from './queue.ts'

/** A runner says this often that it lives, and counts as gone after three silences. */
const heartbeatMs = 5000
/** How often each runner looks for jobs whose runner is gone, and for boxes that nobody follows. */
const sweepMs = 5000
/** How often each runner makes up for tickets that were lost with the process that was to queue them. */
const refillMs = 60_000
/** What is known of a runner that is gone is kept for a day. */
const forgottenMs = 24 * 60 * 60_000

/** Those that had begun come first: they have waited their time. */
const running: readonly JobState[] = ['verifying', 'paused', 'waiting', 'running', 'starting']

export interface RunnerParts {
  readonly runner: string
  readonly store: Store
  readonly queue: Queue
  readonly logbook: Logbook
  /** The engine that was probed and works, or why there is none. */
  readonly sandbox:
    | { readonly ok: true; readonly engine: Sandbox; readonly place?: string }
    | { readonly ok: false; readonly why: string }
  /** Engines that may have left boxes behind, the one in use among them. */
  readonly engines: readonly Sandbox[]
  readonly agents: readonly string[]
  readonly concurrency: number
  readonly work: (job: string) => Promise<void>
  /** Whether a job is being worked on here. */
  readonly has: (job: string) => boolean
  readonly failed: (error: unknown) => void
  readonly now: () => Date
  readonly signal: AbortSignal
}

/**
 * One runner's life, beside any number of others: ends the boxes that its earlier life left and cannot go on, goes on with
 * the jobs that it had in hand, and works off tickets until the signal aborts and the jobs in hand have let go. Meanwhile
 * it says that it lives, and looks for running jobs whose runner is gone.
 */
export const runRunner = async (parts: RunnerParts): Promise<void> => {
  const { runner, store, queue, logbook, now, signal } = parts
  /** Engines that did not answer when they were asked last, which is told once. */
  const away = new Set<Sandbox>()
  for (const engine of parts.engines) if (!engine.lasting) await endLeft(engine)
  await announce()
  const had = await inHand()
  const resumed = had.map(goOn)
  await sweep()
  await refill()
  const timers = [
    setInterval(attempt(announce), heartbeatMs),
    setInterval(attempt(sweep), sweepMs),
    setInterval(attempt(refill), refillMs),
  ]
  try {
    const take = (concurrency: number) => queue.work(parts.work, { concurrency, signal })
    const free = parts.concurrency - had.length
    // The place of a job that it had in hand is for tickets once that job is over.
    const freed = resumed.slice(0, parts.concurrency).map(over => over.then(() => take(1)))
    await Promise.all([queue.keepFilled(refill, signal), free > 0 && take(free), ...freed, ...resumed])
  } finally {
    for (const timer of timers) clearInterval(timer)
    await update(store, 'runners', runner, record => ({ ...record, until: now().toISOString() }))
  }

  /** One at a time; what fails is told and tried at the next turn. */
  function attempt(what: () => Promise<void>): () => void {
    let busy = false
    return () => {
      if (busy || signal.aborted) return
      busy = true
      what()
        .catch(error => signal.aborted || parts.failed(error))
        .finally(() => {
          busy = false
        })
    }
  }

  async function announce(): Promise<void> {
    const { sandbox, agents } = parts
    const can = sandbox.ok
      ? { sandbox: sandbox.engine.name, agents, ...(sandbox.place && { place: sandbox.place }) }
      : { why: sandbox.why, agents }
    const record = { _id: runner, ...can, until: from(3 * heartbeatMs) }
    const renewed = await update(store, 'runners', runner, ({ rev }) => ({ ...record, rev }))
    if (!renewed) await store.put('runners', { ...record, rev: 0 })
  }

  /** The jobs that this runner's earlier life carried and nobody has taken over. */
  async function inHand(): Promise<readonly Job[]> {
    const had: Job[] = []
    for (const state of running)
      for await (const record of jobsIn(state)) {
        const job = await logbook.current(record._id)
        if (job && isRunning(job.state) && holdOf(job)?.runner === runner) had.push(job)
      }
    return had
  }

  /** Its ticket may be with the dead process yet, and by the time that it comes back another runner may take the job. */
  async function goOn({ _id: job }: Job): Promise<void> {
    try {
      await parts.work(job)
    } catch {
      await queue.add({ job, priority: 9 })
    }
  }

  async function sweep(): Promise<void> {
    for (const state of running)
      for await (const job of jobsIn(state)) {
        const hold = holdOf(job)
        const lapsed = !hold || hold.runner === runner || hold.until <= now().toISOString()
        if (lapsed && !parts.has(job._id)) await queue.add({ job: job._id, priority: 9 })
      }
    for (const engine of parts.engines)
      if (engine.lasting)
        await reap(engine).then(
          () => away.delete(engine),
          error => {
            if (!away.has(engine)) parts.failed(error)
            away.add(engine)
          },
        )
    const gone = { until: { lt: from(-forgottenMs) } }
    for (const { _id } of await store.find('runners', { where: gone, by: 'until' }))
      await store.drop('runners', _id)
  }

  /** Ends lasting boxes of attempts that are over. One whose attempt runs belongs to who holds the job. */
  async function reap(engine: Sandbox): Promise<void> {
    for (const box of await engine.list()) {
      if (parts.has(box.job)) continue
      const job = await logbook.current(box.job)
      if (!job || !isRunning(job.state) || job.attempt !== box.attempt)
        await (await engine.adopt(box))?.close()
    }
  }

  async function endLeft(engine: Sandbox): Promise<void> {
    for (const left of await engine.list()) await (await engine.adopt(left))?.close()
  }

  /** The queue is filled from the store: tickets are hints, and a ticket for a job that still waits does nothing. */
  async function refill(): Promise<void> {
    for (const state of [...running, 'queued'] as const)
      for await (const job of jobsIn(state))
        if (!isOver(job.state) && !parts.has(job._id))
          await queue.add({ job: job._id, priority: job.priority })
  }

  async function* jobsIn(state: JobState) {
    let after = ''
    while (true) {
      const jobs = await store.find('jobs', { where: { state, _id: { gt: after } }, limit: 500 })
      yield* jobs
      if (jobs.length < 500) return
      after = jobs.at(-1)?._id ?? after
    }
  }

  function from(ms: number): string {
    return new Date(now().getTime() + ms).toISOString()
  }
}
