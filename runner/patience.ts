import type { Gateway } from '../sandbox/gateway.ts'
import { isAway } from '../store/away.ts'
import { isOver } from '../store/lifecycle.ts'
import type { Logbook } from './logbook.ts'
import type { Settle } from './settle.ts'

/** A job at which the runner itself fails this often in a row is given up, 4 minutes after the first. */
const mostTroubles = 9

/** Where trouble is written down for those who run the house. */
export interface Log {
  error(about: object, text: string): void
}

/**
 * Handles tickets by `work`, with patience that ends: what it throws is logged and thrown on, so that the queue tries
 * again, and after the ninth time in a row the job is ended with a sentence. A part on another host that does not answer
 * (`isAway`) is no trouble of the job's: it is waited for, however often that takes.
 */
export const withPatience = ({
  work,
  logbook,
  gateway,
  settle,
  log,
  signal,
}: {
  readonly work: (job: string) => Promise<void>
  readonly logbook: Logbook
  readonly gateway: Gateway
  readonly settle: Settle
  readonly log: Log
  readonly signal: AbortSignal
}): ((job: string) => Promise<void>) => {
  const troubles = new Map<string, number>()

  const giveUp = async (id: string): Promise<void> => {
    const job = await logbook.current(id)
    if (!job || isOver(job.state)) return
    await gateway.release(id, job.attempt)
    const summary = `Bellhop itself failed ${mostTroubles} times at this job, so it was given up; an admin finds the cause in the server’s log. What had arrived of its work is on its branch.`
    const ended = { type: 'ended', key: 'ended', outcome: 'failed', reason: 'trouble', summary } as const
    await logbook.add(id, [ended], job.attempt)
    const after = await logbook.current(id)
    if (after) await settle(after)
  }

  return async id => {
    try {
      await work(id)
      troubles.delete(id)
    } catch (error) {
      if (signal.aborted) throw error
      if (isAway(error)) {
        log.error({ err: error, job: id }, 'A job waits for a part of Bellhop that does not answer.')
        throw error
      }
      const count = (troubles.get(id) ?? 0) + 1
      troubles.set(id, count)
      log.error({ err: error, job: id }, `A job could not be carried on, for the ${count}. time in a row.`)
      if (count < mostTroubles) throw error
      await giveUp(id)
      troubles.delete(id)
    }
  }
}
