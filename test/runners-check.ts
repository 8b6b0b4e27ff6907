import assert from 'node:assert/strict'
import type { Event } from '../store/events.ts'
import type { Job } from '../store/records.ts'
import type { Entry, Store } from '../store/store.ts'
import type { Kill } from './runners-parts.ts'

/** What the log of one job tells of its attempts. */
export interface Told {
  /** Attempts that were lost and tried again, or given up. */
  readonly lost: number
  /** Whether a runner was killed while the box ran, and the attempt went on to its end all the same. */
  readonly adopted: boolean
}

/** How many lines each job prints. */
export const lines = 50

/**
 * Checks that the log of a job that is over has no gap and nothing twice, that each attempt that was lost was lost with its
 * runner, and that the last one said its lines once and in order and was merged. A job may fail in one way only: it lost three.
 */
export const checkLog = async (store: Store, job: Job, kills: readonly Kill[]): Promise<Told> => {
  const log = await logOf(store, job._id)
  const told = `job ${job._id}:\n${log.map(entry => JSON.stringify(entry).slice(0, 200)).join('\n')}`
  assert.deepEqual(
    log.map(({ seq }) => seq),
    log.map((_, n) => n + 1),
    `a gap in the log of ${told}`,
  )
  assert.equal(new Set(log.map(({ key }) => key)).size, log.length, `a key twice in the log of ${told}`)
  assert.deepEqual(
    log.filter(({ type }) => type === 'ended'),
    log.slice(-1),
    `the end is not the end of ${told}`,
  )
  const attempts = Array.from({ length: job.attempt }, (_, n) =>
    log.filter(({ attempt }) => attempt === n + 1),
  )
  const lost = attempts.filter(own => own.some(isLoss))
  for (const own of lost) assert.ok(killIn(own, kills, 'started', isLoss), `lost without a kill: ${told}`)
  const last = attempts.at(-1) ?? []
  const adopted = !last.some(isLoss) && killIn(last, kills, 'opened', ({ type }) => type === 'exited')
  if (lost.length === 3) {
    assert.deepEqual([job.state, job.reason], ['failed', 'lost'], told)
    return { lost: 3, adopted }
  }
  assert.equal(job.state, 'succeeded', told)
  const said = last.map(entry => (entry.type === 'said' ? entry.text : '')).join('')
  assert.equal(said, Array.from({ length: lines }, (_, n) => `line-${n + 1}\n`).join(''), told)
  const merged = last.filter(entry => entry.type === 'merged')
  assert.equal(merged.length, 1, told)
  assert.ok(merged[0]?.type === 'merged' && merged[0].commit, told)
  return { lost: lost.length, adopted }
}

/** Whether the runner that started an attempt was killed between its first `from` and the entry that `to` picks. */
const killIn = (
  own: readonly Entry<Event>[],
  kills: readonly Kill[],
  from: Event['type'],
  to: (entry: Entry<Event>) => boolean,
): boolean => {
  const started = own.find(({ type }) => type === 'started')
  const begin = own.find(({ type }) => type === from)?.at
  const end = own.find(to)?.at
  if (started?.type !== 'started' || !begin || !end) return false
  return kills.some(({ runner, at }) => runner === started.runner && begin <= at && at <= end)
}

const isLoss = (entry: Entry<Event>): boolean =>
  entry.type === 'retrying' || (entry.type === 'ended' && entry.reason === 'lost')

const logOf = async (store: Store, job: string): Promise<readonly Entry<Event>[]> => {
  const log: Entry<Event>[] = []
  while (true) {
    const page = await store.after(`job/${job}`, log.at(-1)?.seq ?? 0)
    if (page.length === 0) return log
    log.push(...page)
  }
}
