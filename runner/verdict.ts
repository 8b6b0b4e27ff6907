import type { BoxExit, Report } from '../sandbox/sandbox.ts'
import { entryFailed } from '../sandbox/sandbox.ts'
import type { Job } from '../store/records.ts'
import type { Verdict } from './finish.ts'

/** What is known when a box is over. */
export interface Ending {
  readonly exit: BoxExit
  /** Whether the agent was seen to be over. Without it, and without `failed`, the box was lost. */
  readonly exited: boolean
  readonly failed?: Extract<Report, { readonly report: 'failed' }>
  /** The agent's own last words, and its own word that it failed: shown to people, believed by nobody. */
  readonly summary?: string
  readonly complaint?: string
  /** Why the runner ended it, if it did. */
  readonly stopped?: 'cancel' | 'timeout'
  /** Whether nobody followed the box for a while: its way to the gateway may have been gone with its runner. */
  readonly alone?: boolean
}

/** What to call a run's end; `lost` when the box or its way out vanished under it and another attempt may do better. */
export const judge = (job: Pick<Job, 'agent' | 'timeoutSeconds'>, ending: Ending): Verdict | 'lost' => {
  const code = ending.exit.code
  const exit = code === undefined ? {} : { exitCode: code }
  if (ending.stopped === 'cancel')
    return {
      outcome: 'cancelled',
      reason: 'cancelled',
      summary: 'Cancelled while it ran. What it had done so far is kept.',
      ...exit,
    }
  if (ending.stopped === 'timeout')
    return {
      outcome: 'timed_out',
      reason: 'timeout',
      summary: `Stopped after its limit of ${duration(job.timeoutSeconds)}. What it had done so far is kept; \`timeout=\` gives it longer.`,
      ...exit,
    }
  if (ending.failed && ending.alone) return 'lost'
  if (ending.failed)
    return {
      outcome: 'failed',
      reason: 'trouble',
      summary: clipped(`The sandbox could not ${ending.failed.step}: ${ending.failed.why}`),
      ...exit,
    }
  if (!ending.exited) return 'lost'
  if (code === 0)
    return { outcome: 'succeeded', reason: 'done', summary: clipped(ending.summary ?? 'Done.'), ...exit }
  return {
    outcome: 'failed',
    reason: 'exit',
    summary: clipped(ending.complaint ?? words(job.agent, code, ending)),
    ...exit,
  }
}

/** A summary is read in threads and lists; the whole of long last words is in the log. */
const mostSummary = 16_000

const clipped = (text: string) =>
  text.length > mostSummary ? `${text.slice(0, mostSummary).toWellFormed()} …` : text

const words = (agent: string, code: number | undefined, ending: Ending) => {
  const who = agent === 'command' ? 'The command' : 'The agent'
  if (code === entryFailed) return `${who} ended with exit code ${code}.`
  const how =
    code === undefined ? `was ended by ${ending.exit.signal ?? 'a signal'}` : `ended with exit code ${code}`
  return ending.summary ? `${who} ${how}. ${ending.summary}` : `${who} ${how}.`
}

/** Seconds as people say them. */
const duration = (seconds: number): string => {
  if (seconds === 1) return '1 second'
  if (seconds < 120) return `${seconds} seconds`
  if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`
  return `${Math.round(seconds / 360) / 10} hours`
}
