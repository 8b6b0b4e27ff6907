import type { Gateway } from '../sandbox/gateway.ts'
import type { Box, Sandbox } from '../sandbox/sandbox.ts'
import { NoBox } from '../sandbox/sandbox.ts'
import type { Bell } from '../store/bell.ts'
import type { Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { Agent } from './agents/agent.ts'
import type { Finish } from './finish.ts'
import { keepHold } from './lease.ts'
import type { Logbook } from './logbook.ts'
import type { KeepOutput } from './output.ts'
import type { Ticket } from './queue.ts'
import type { Recover } from './recover.ts'
import { follow, loggedOf } from './run.ts'
import type { Spill } from './spill.ts'
import { judge } from './verdict.ts'

export interface CarryParts {
  readonly runner: string
  readonly store: Store
  readonly bell: Bell
  readonly sandbox: Sandbox
  readonly gateway: Gateway
  readonly logbook: Logbook
  readonly finish: Finish
  readonly recover: Recover
  readonly spill: Spill
  readonly keepOutput: KeepOutput
  readonly now: () => Date
  /** What the sandbox's probe said its users should know. */
  readonly notes: readonly string[]
  readonly signal: AbortSignal
}

/**
 * Carries an attempt from its open box to the end of its job, holding it meanwhile; `open` gives the box, opened now or,
 * with `again`, taken up again. A runner that stops leaves a box that outlives it, and the rest is not its to do then; nor is
 * it when another runner has taken the job over, and the box is ended. Gives a ticket where the box was lost and the job is
 * to be tried again.
 */
export type Carry = (
  job: Job,
  attempt: number,
  agent: Agent,
  open: () => Promise<Box>,
  again?: 'again',
) => Promise<Ticket | undefined>

export const openCarry = (parts: CarryParts): Carry => {
  const { store, sandbox, gateway, logbook, notes } = parts
  return async (job, attempt, agent, open, again) => {
    await using hold = keepHold(parts, { job: job._id, attempt })
    const stops = () => sandbox.lasting && parts.signal.aborted
    try {
      await using box = await open()
      // Another runner has the job: this box is of no more use, and the abort below would only leave it.
      hold.lost.addEventListener('abort', () => void box.close())
      const ending = await followed(job, attempt, agent, box, hold.lost)
      if (stops()) {
        await box.leave()
        await hold.leave()
        return undefined
      }
      await box.close()
      if (!ending) return undefined
      const verdict = judge(job, { ...ending, alone: again === 'again' })
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
      if (!stops()) await gateway.release(job._id, attempt)
    }
  }

  async function followed(job: Job, attempt: number, agent: Agent, box: Box, lost: AbortSignal) {
    const opened = await logbook.add(
      job._id,
      [{ type: 'opened', key: `${attempt}/opened`, sandbox: sandbox.name, limits: notes }],
      attempt,
    )
    if (!opened.ok) return undefined
    await logbook.project(job._id)
    return await follow({
      ...parts,
      job,
      attempt,
      box,
      agent,
      logged: loggedOf(await logbook.read(job._id), attempt),
      cancelled: async () => (await store.get('jobs', job._id))?.cancel !== undefined,
      signal: AbortSignal.any([parts.signal, lost]),
    })
  }
}
