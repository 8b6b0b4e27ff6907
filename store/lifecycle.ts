import type { Event, Tokens } from './events.ts'
import { noTokens } from './events.ts'
import type { Job, JobState } from './records.ts'
import type { Entry } from './store.ts'

/** What of a job record is the fold of its log. */
export type Folded = Pick<
  Job,
  | 'state'
  | 'folded'
  | 'attempt'
  | 'claim'
  | 'startedAt'
  | 'endedAt'
  | 'cost'
  | 'tokens'
  | 'summary'
  | 'reason'
  | 'exitCode'
  | 'branch'
  | 'commit'
  | 'base'
  | 'session'
>

/** A job's folded part before its first event. */
export const unfolded: Folded = { state: 'queued', folded: 0, attempt: 0, cost: 0, tokens: noTokens }

/**
 * The job after these entries of its log. Entries it has folded already change nothing, so folding is safe to repeat; nor
 * does anything behind an end, since an end is final.
 */
export const fold = <J extends Folded>(job: J, entries: readonly Entry<Event>[]): J =>
  entries.reduce(step, job)

/** Whether the job is over for good. */
export const isOver = (state: JobState): state is 'succeeded' | 'failed' | 'cancelled' | 'timed_out' =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'timed_out'

/** Whether a run of the job is, or should be, in a box. */
export const isRunning = (state: JobState): boolean => state !== 'queued' && !isOver(state)

const step = <J extends Folded>(job: J, entry: Entry<Event>): J =>
  entry.seq <= job.folded ? job : { ...job, ...change(job, entry), folded: entry.seq }

const change = (job: Folded, entry: Entry<Event>): Partial<Folded> => {
  if (entry.erased || isOver(job.state)) return {}
  switch (entry.type) {
    case 'queued':
    case 'retrying':
      return { state: 'queued' }
    case 'started':
      return {
        state: 'starting',
        attempt: entry.attempt,
        claim: { runner: entry.runner, at: entry.at },
      }
    case 'opened':
      return job.state === 'queued' ? {} : { state: 'running', startedAt: job.startedAt ?? entry.at }
    case 'asked':
      return { state: 'waiting' }
    case 'paused':
      return { state: 'paused' }
    case 'answered':
    case 'resumed':
      return { state: 'running' }
    case 'exited':
      // Told late, by a runner from which the job was taken meanwhile.
      return job.state === 'queued' ? {} : { state: 'verifying' }
    case 'committed':
      return { branch: entry.branch, commit: entry.commit, base: entry.base }
    case 'metered':
      return { cost: job.cost + entry.cost, tokens: add(job.tokens, entry.tokens) }
    case 'produced':
      return entry.name === sessionName ? { session: entry.file } : {}
    case 'ended':
      return {
        state: entry.outcome,
        endedAt: entry.at,
        reason: entry.reason,
        summary: entry.summary,
        ...(entry.exitCode === undefined ? {} : { exitCode: entry.exitCode }),
      }
    case 'planned':
    case 'said':
    case 'thought':
    case 'used':
    case 'returned':
    case 'noted':
    case 'refused':
    case 'steered':
    case 'spawned':
    case 'merged':
    case 'verified':
      return {}
    default:
      entry satisfies never
      return {}
  }
}

/** The name under which the gateway's `produced` event keeps an agent's session. */
export const sessionName = '.session'

const add = (a: Tokens, b: Tokens): Tokens => ({
  input: a.input + b.input,
  output: a.output + b.output,
  cacheRead: a.cacheRead + b.cacheRead,
  cacheWrite: a.cacheWrite + b.cacheWrite,
})
