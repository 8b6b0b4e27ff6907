import type { Box } from '../sandbox/sandbox.ts'
import type { Bell } from '../store/bell.ts'
import type { Event } from '../store/events.ts'
import type { Job } from '../store/records.ts'
import type { Entry } from '../store/store.ts'
import type { Agent, AgentEvent, Reader } from './agents/agent.ts'
import type { Keyed, Logbook } from './logbook.ts'
import { reportsOf } from './reports.ts'
import type { Spill } from './spill.ts'
import { stopper } from './stopper.ts'
import type { Ending } from './verdict.ts'

/** What one attempt may add to its log by its output: 10 MB of text, then one note that the rest is left out. */
const mostOutput = 10 * 1024 * 1024
/** Each piece counts as this much more, since an entry takes room however short its text is. */
const pieceCost = 100
/** A lost ring of a cancel costs at most this much. */
const lookAgainMs = 3000

/** What of an attempt an earlier follower has logged. */
export interface Logged {
  /** Output that began before this position of the spool is in the log. */
  readonly position: number
  /** When the box was opened, ISO. */
  readonly openedAt?: string
}

/** Reads from the log how far an attempt was followed. */
export const loggedOf = (log: readonly Entry<Event>[], attempt: number): Logged => {
  const own = log.filter(entry => entry.attempt === attempt)
  const positions = own.map(({ key }) => Number(key.match(/^\d+\/(\d+)\.\d+$/)?.[1] ?? 0))
  const openedAt = own.find(entry => entry.type === 'opened')?.at
  return { position: Math.max(0, ...positions), ...(openedAt && { openedAt }) }
}

/**
 * Follows an open box to its end: what the agent prints becomes events in the log, a cancel or the time limit becomes the
 * ladder of signals. Resolves with how it ended; with `undefined` when that is not ours to tell: the log refused this
 * attempt, whose box is ended at once, or `signal` aborted, and the box was left.
 */
export const follow = async ({
  job,
  attempt,
  box,
  agent,
  logged,
  logbook,
  bell,
  cancelled,
  spill,
  now,
  signal,
}: {
  readonly job: Job
  readonly attempt: number
  readonly box: Box
  readonly agent: Agent
  /** What of this attempt is in the log already, when the box is taken up again. */
  readonly logged: Logged
  readonly logbook: Logbook
  readonly bell: Bell
  /** Whether somebody asked for the job's end. */
  readonly cancelled: () => Promise<boolean>
  readonly spill: Spill
  readonly now: () => Date
  readonly signal: AbortSignal
}): Promise<Ending | undefined> => {
  const reader = agent.read()
  const ran = logged.openedAt === undefined ? 0 : (now().getTime() - Date.parse(logged.openedAt)) / 1000
  using stop = stopper({
    box,
    interrupt: agent.interrupt,
    timeoutSeconds: Math.max(1, job.timeoutSeconds - ran),
  })
  const look = () =>
    void cancelled().then(
      yes => yes && stop.now('cancel'),
      () => {},
    )
  const off = bell.on(`cancel/${job._id}`, look)
  const timer = setInterval(look, lookAgainMs)
  const abandon = () => void box.leave()
  signal.addEventListener('abort', abandon, { once: true })
  look()
  try {
    const seen: { exited: boolean; failed?: Ending['failed'] } = { exited: false }
    let left = mostOutput
    let refused = signal.aborted
    if (refused) abandon()
    for await (const reports of reportsOf(box.output(0))) {
      const events: Keyed[] = []
      for (const { at, report } of reports) {
        if (report.report === 'exited') {
          seen.exited = true
          const { report: _, ...how } = report
          events.push({ type: 'exited', key: `${attempt}/exited`, ...how })
          stop.exited()
        } else if (report.report === 'failed') {
          seen.failed = report
        } else if (report.report === 'output') {
          // What is left out of the log is still read: only so is it known when the agent has said its last word.
          const read = reader.read(report.stream, report.text)
          const fits = left > 0
          left -= report.text.length + pieceCost
          if (fits && at >= logged.position)
            events.push(...keyed(left > 0 ? read : [leftOut], `${attempt}/${at}`))
        }
      }
      if (!(await write(events))) refused = true
      if (refused) box.signal('SIGKILL')
      if (reader.done) box.closeInput()
    }
    if (signal.aborted) return undefined
    const exit = await box.exit
    const last = reader.end()
    if (!(await write(keyed(last.events, `${attempt}/end`)))) refused = true
    if (refused || signal.aborted) return undefined
    return { exit, ...seen, ...lastWords(last), ...(stop.why && { stopped: stop.why }) }
  } finally {
    off()
    clearInterval(timer)
    signal.removeEventListener('abort', abandon)
  }

  async function write(events: readonly Keyed[]): Promise<boolean> {
    if (events.length === 0) return true
    const { ok } = await logbook.add(
      job._id,
      await Promise.all(events.map(event => spill(job._id, event))),
      attempt,
    )
    return ok
  }
}

const leftOut: AgentEvent = {
  type: 'noted',
  level: 'warn',
  text: 'The output is longer than 10 MB; the rest of it is left out here.',
}

const keyed = (events: readonly AgentEvent[], prefix: string): Keyed[] =>
  events.map((event, n) => ({ ...event, key: `${prefix}.${n}` }))

const lastWords = ({ summary, failed }: ReturnType<Reader['end']>) => ({
  ...(summary !== undefined && { summary }),
  ...(failed !== undefined && { complaint: failed }),
})
