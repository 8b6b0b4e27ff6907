import type { Doors, Gateway } from '../sandbox/gateway.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Bell } from '../store/bell.ts'
import type { Files } from '../store/files.ts'
import { randomId } from '../store/ids.ts'
import { isRunning } from '../store/lifecycle.ts'
import type { Repos } from '../store/repos.ts'
import type { Store } from '../store/store.ts'
import type { Agent } from './agents/agent.ts'
import { openBriefing } from './brief.ts'
import { openIntake } from './desk.ts'
import { openDoors } from './doors.ts'
import { openFiling } from './filing.ts'
import { openFinish } from './finish.ts'
import type { Intake } from './intake.ts'
import { openLogbook } from './logbook.ts'
import { openOrder } from './order.ts'
import { openKeepOutput } from './output.ts'
import type { Log } from './patience.ts'
import { withPatience } from './patience.ts'
import type { Queue } from './queue.ts'
import { openRecover } from './recover.ts'
import { runRunner } from './runner.ts'
import { openSettle } from './settle.ts'
import { openSpill } from './spill.ts'
import { openWorker } from './worker.ts'
import { openWorkspaces } from './workspaces.ts'

export interface CrewParts {
  readonly store: Store
  readonly bell: Bell
  readonly queue: Queue
  readonly repos: Repos
  readonly files: Files
  /** In order of preference; the first whose probe box runs is used. */
  readonly sandboxes: readonly Sandbox[]
  readonly agents: readonly Agent[]
  readonly defaultAgent: string
  readonly gateway: (doors: Doors) => Gateway
  readonly concurrency: number
  readonly log: Log
  readonly now: () => Date
}

/** Work in motion: the door through which it comes, and the runner that carries it. */
export interface Crew {
  readonly intake: Intake
  /** Probes the sandboxes, then carries jobs until the signal aborts; `probed` is told the engine in use, or why there is none. */
  run(signal: AbortSignal, probed: (found: Found) => void): Promise<void>
}

export type Found =
  | { readonly ok: true; readonly engine: Sandbox; readonly notes: readonly string[] }
  | { readonly ok: false; readonly why: string }

export const openCrew = (parts: CrewParts): Crew => {
  const { store, repos, files, queue, now } = parts
  const agents = new Map(parts.agents.map(agent => [agent.name, agent]))
  const logbook = openLogbook(parts)
  const settle = openSettle({ ...parts, logbook })
  const workspaces = openWorkspaces(parts)
  const names = [...new Set([...agents.keys(), parts.defaultAgent])]
  const intake = openIntake({ ...parts, agents: names, logbook, settle, workspaces })

  return {
    intake,
    run: async (signal, probed) => {
      await using gateway = parts.gateway(openDoors({ store, files, repos, logbook, now }))
      const found = await firstThatWorks(parts.sandboxes)
      probed(found)
      const runner = randomId()
      const finish = openFinish({ store, repos, gateway, logbook, settle, now })
      const recover = openRecover({ repos, gateway, logbook, finish, now })
      const work = found.ok
        ? openWorker({
            ...parts,
            runner,
            sandbox: found.engine,
            notes: found.notes,
            gateway,
            agents,
            logbook,
            order: openOrder({ store, repos, briefing: openBriefing({ store, repos, now }) }),
            finish,
            recover,
            settle,
            spill: openSpill({ store, files, now }),
            keepOutput: openKeepOutput({ store, files, logbook, now }),
            signal,
          })
        : async (id: string) => {
            const job = await logbook.current(id)
            const verdict = {
              outcome: 'failed',
              reason: 'no_sandbox',
              summary: noSandbox(found.why),
            } as const
            if (!job) return
            const again = isRunning(job.state) ? await recover(job) : undefined
            if (again) await queue.add(again)
            else await finish(job, job.attempt, verdict)
          }
      await runRunner({
        runner,
        store,
        queue,
        sandbox: found,
        engines: parts.sandboxes,
        agents: [...agents.keys()],
        concurrency: parts.concurrency,
        work: withPatience({
          ...parts,
          work,
          logbook,
          filing: openFiling({ ...parts, logbook }),
          gateway,
          settle,
          signal,
        }),
        now,
        signal,
      })
    },
  }
}

const firstThatWorks = async (sandboxes: readonly Sandbox[]): Promise<Found> => {
  const reasons: string[] = []
  for (const engine of sandboxes) {
    const probe = await engine.probe()
    if (probe.ok) return { ok: true, engine, notes: probe.notes }
    reasons.push(probe.why)
  }
  return { ok: false, why: reasons.join(' ') }
}

/** The sentence for a job that no sandbox can carry. */
const noSandbox = (why: string) => `No sandbox is available here, so the job could not run. ${why}`.trim()
