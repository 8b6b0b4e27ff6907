import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event, Outcome } from './events.ts'
import { noTokens } from './events.ts'
import type { Folded } from './lifecycle.ts'
import { fold, isOver, isRunning, sessionName, unfolded } from './lifecycle.ts'
import type { JobState } from './records.ts'
import type { Entry } from './store.ts'

const rounds = process.env.SOAK ? 20_000 : 500
const outcomes: readonly Outcome[] = ['succeeded', 'failed', 'cancelled', 'timed_out']
const over: readonly JobState[] = outcomes
const running: readonly JobState[] = ['starting', 'running', 'waiting', 'paused', 'verifying']

/** Numbers from a seed, evenly spread: mulberry32. */
const numbersFrom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

/** One of each event, some of them in several forms, by a source of numbers from 0 to 1. */
const makers: readonly ((random: () => number) => Event)[] = [
  () => ({ type: 'queued', by: 'u' }),
  () => ({ type: 'started', runner: 'r' }),
  () => ({ type: 'opened', sandbox: 'process' }),
  () => ({ type: 'planned', items: [] }),
  () => ({ type: 'said', text: 'a' }),
  () => ({ type: 'thought', text: 'a' }),
  () => ({ type: 'used', call: 'c', tool: 't', input: {} }),
  () => ({ type: 'returned', call: 'c', ok: true, text: '' }),
  () => ({ type: 'noted', level: 'info', text: '' }),
  () => ({ type: 'refused', route: 'model', what: '', why: '' }),
  () => ({ type: 'asked', question: 'q', kind: 'question', text: '', choices: [] }),
  () => ({ type: 'answered', question: 'q', by: 'u' }),
  () => ({ type: 'steered', by: 'u', text: '' }),
  () => ({ type: 'spawned', job: 'j' }),
  random => ({
    type: 'produced',
    file: `f${Math.floor(random() * 9)}`,
    name: random() < 0.5 ? sessionName : 'a.txt',
    bytes: 1,
    mime: 'text/plain',
  }),
  () => ({ type: 'exited', code: 0 }),
  random => ({
    type: 'committed',
    branch: 'jobs/a',
    commit: `c${Math.floor(random() * 9)}`,
    base: 'b',
    files: [],
  }),
  () => ({ type: 'merged', into: 'main', conflicts: [] }),
  () => ({ type: 'verified', ok: true, command: 'true', exitCode: 0 }),
  random => ({
    type: 'metered',
    model: 'm',
    tokens: { input: Math.floor(random() * 1000), output: 1, cacheRead: 2, cacheWrite: 3 },
    cost: Math.floor(random() * 1e6),
  }),
  () => ({ type: 'paused', why: '' }),
  () => ({ type: 'resumed', by: 'u', budget: 1 }),
  () => ({ type: 'retrying', why: '', notBefore: '' }),
]

const timeOf = (seq: number) => new Date(Date.UTC(2026, 0, 1) + seq * 1000).toISOString()
const entry = (event: Event, seq: number, attempt = 1): Entry<Event> => ({
  ...event,
  seq,
  attempt,
  key: `${seq}`,
  at: timeOf(seq),
  digest: '',
})

/** A log of any events in any order, its attempt never falling, with the end, when it has one, last. */
const logFrom = (random: () => number): readonly Entry<Event>[] => {
  const length = Math.floor(random() * 40)
  let attempt = 0
  const entries = Array.from({ length }, (_, n) => {
    if (random() < 0.1) attempt++
    const make = makers[Math.floor(random() * makers.length)]!
    return entry(make(random), n + 1, attempt)
  })
  if (random() < 0.5) return entries
  const outcome = outcomes[Math.floor(random() * outcomes.length)]!
  const end: Event = { type: 'ended', outcome, reason: 'done', summary: 'It is over.', exitCode: 3 }
  return [...entries, entry(end, length + 1, attempt)]
}

const forAnyLog = (
  check: (entries: readonly Entry<Event>[], random: () => number, seed: string) => void,
): void => {
  const first = Math.floor(Math.random() * 2 ** 31)
  for (let n = 0; n < rounds; n++) {
    const random = numbersFrom(first + n)
    check(logFrom(random), random, `seed ${first + n}`)
  }
}

test('folding in pieces, whatever the pieces, equals folding at once', () => {
  forAnyLog((entries, random, seed) => {
    let folded: Folded = unfolded
    for (let from = 0; from < entries.length; ) {
      const to = from + Math.ceil(random() * 7)
      folded = fold(folded, entries.slice(from, to))
      from = to
    }
    assert.deepEqual(folded, fold(unfolded, entries), seed)
  })
})

test('entries that were folded already change nothing, wherever one begins again', () => {
  forAnyLog((entries, random, seed) => {
    const whole = fold(unfolded, entries)
    const from = Math.floor(random() * entries.length)
    assert.deepEqual(fold(whole, entries.slice(from)), whole, seed)
    const part = fold(unfolded, entries.slice(0, from))
    assert.deepEqual(fold(part, entries), whole, seed)
  })
})

test('cost and tokens are the sums of what was metered, over all attempts', () => {
  forAnyLog((entries, _random, seed) => {
    const { cost, tokens, folded } = fold(unfolded, entries)
    const metered = entries.filter(one => one.type === 'metered')
    const sum = (of: (one: (typeof metered)[number]) => number) => metered.reduce((a, b) => a + of(b), 0)
    assert.equal(
      cost,
      sum(one => one.cost),
      seed,
    )
    for (const field of Object.keys(noTokens) as (keyof typeof noTokens)[])
      assert.equal(
        tokens[field],
        sum(one => one.tokens[field]),
        `${field}, ${seed}`,
      )
    assert.equal(folded, entries.length, seed)
  })
})

test('a job is over when its log has an end, and only then', () => {
  forAnyLog((entries, _random, seed) => {
    const end = entries.find(one => one.type === 'ended')
    const { state, endedAt, summary, reason, exitCode } = fold(unfolded, entries)
    assert.equal(isOver(state), end !== undefined, seed)
    const told = { state, endedAt, summary, reason, exitCode }
    if (end)
      assert.deepEqual(
        told,
        {
          state: end.outcome,
          endedAt: end.at,
          summary: 'It is over.',
          reason: 'done',
          exitCode: 3,
        },
        seed,
      )
  })
})

test('an end is final: nothing behind it brings the job back', () => {
  for (const outcome of outcomes) {
    const ended = fold(unfolded, [
      entry({ type: 'started', runner: 'r' }, 1),
      entry({ type: 'ended', outcome, reason: 'done', summary: 'over' }, 2),
    ])
    for (const make of makers) {
      const event = make(() => 0)
      const late = fold(ended, [entry(event, 3, 2)])
      assert.equal(late.state, outcome, event.type)
    }
  }
})

test('what was asked is left as it was', () => {
  forAnyLog((entries, _random, seed) => {
    const asked = { ...unfolded, prompt: 'fix the test', lease: { runner: 'r', until: '' } }
    const { prompt, lease } = fold(asked, entries)
    assert.deepEqual({ prompt, lease }, { prompt: 'fix the test', lease: { runner: 'r', until: '' } }, seed)
    assert.deepEqual(unfolded.tokens, noTokens)
  })
})

test('a job goes the natural path, and round again after a lost worker, from the first start', () => {
  const path: readonly (readonly [Event, number, JobState])[] = [
    [{ type: 'queued', by: 'u' }, 0, 'queued'],
    [{ type: 'started', runner: 'a' }, 1, 'starting'],
    [{ type: 'opened', sandbox: 'bubblewrap' }, 1, 'running'],
    [{ type: 'retrying', why: 'lost', notBefore: '' }, 1, 'queued'],
    // What a stalled runner of the lost attempt still tells brings it back to nothing.
    [{ type: 'exited', code: 0 }, 1, 'queued'],
    [{ type: 'opened', sandbox: 'bubblewrap' }, 1, 'queued'],
    [{ type: 'started', runner: 'b' }, 2, 'starting'],
    [{ type: 'opened', sandbox: 'bubblewrap' }, 2, 'running'],
    [{ type: 'asked', question: 'q', kind: 'approval', text: '', choices: [] }, 2, 'waiting'],
    [{ type: 'answered', question: 'q', by: 'u' }, 2, 'running'],
    [{ type: 'paused', why: 'money' }, 2, 'paused'],
    [{ type: 'resumed', by: 'u', budget: 9 }, 2, 'running'],
    [{ type: 'said', text: 'done' }, 2, 'running'],
    [{ type: 'exited', code: 0 }, 2, 'verifying'],
    [{ type: 'committed', branch: 'jobs/a', commit: 'c', base: 'b', files: [] }, 2, 'verifying'],
    [{ type: 'verified', ok: true, command: 'true', exitCode: 0 }, 2, 'verifying'],
    [{ type: 'merged', into: 'main', commit: 'm', conflicts: [] }, 2, 'verifying'],
    [{ type: 'ended', outcome: 'succeeded', reason: 'done', summary: 'Done.' }, 2, 'succeeded'],
  ]
  let job: Folded = unfolded
  for (const [n, [event, attempt, state]] of path.entries()) {
    job = fold(job, [entry(event, n + 1, attempt)])
    assert.equal(job.state, state, event.type)
  }
  assert.equal(job.attempt, 2)
  assert.equal(job.startedAt, timeOf(3))
  assert.deepEqual([job.branch, job.commit, job.base], ['jobs/a', 'c', 'b'])
  assert.ok(!('exitCode' in job), 'what the end does not tell is not there')
})

test('the session is the file kept under its own name, and no other', () => {
  const produced = (file: string, name: string) =>
    ({ type: 'produced', file, name, bytes: 1, mime: '' }) as const
  const job = fold(unfolded, [
    entry(produced('s1', sessionName), 1),
    entry(produced('f', 'session'), 2),
    entry(produced('s2', sessionName), 3),
    entry(produced('g', 'a.txt'), 4),
  ])
  assert.equal(job.session, 's2')
})

test('erased entries count as folded and tell nothing', () => {
  const erased: Entry<Event> = { ...entry({ type: 'exited' }, 2), erased: true }
  const job = fold(unfolded, [entry({ type: 'started', runner: 'r' }, 1), erased])
  assert.deepEqual([job.state, job.folded], ['starting', 2])
})

test('every state is queued, running or over, and one of them only', () => {
  for (const state of ['queued', ...running, ...over] as const) {
    assert.equal(isOver(state), over.includes(state), state)
    assert.equal(isRunning(state), running.includes(state), state)
  }
})
