import type { Doors, Gateway } from '../sandbox/gateway.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Bell } from '../store/bell.ts'
import type { Files } from '../store/files.ts'
import { patientFiles } from '../store/patient.ts'
import type { Repos } from '../store/repos.ts'
import type { Store } from '../store/store.ts'
import type { Agent } from './agents/agent.ts'
import { openBriefing } from './brief.ts'
import { openCarry } from './carry.ts'
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
import { isOffered, openRefuser } from './refuser.ts'
import { runRunner } from './runner.ts'
import { openSettle } from './settle.ts'
import { openSpill } from './spill.ts'
import { openTakeover } from './takeover.ts'
import { openWorker } from './worker.ts'
import { openWorkspaces } from './workspaces.ts'

export interface CrewParts {
  /** The name of the runner that `run` is, the same after each restart. */
  readonly runner: string
  readonly store: Store
  readonly bell: Bell
  readonly queue: Queue
  readonly repos: Repos
  readonly files: Files
  /** In order of preference; the first whose probe box runs is used. */
  readonly sandboxes: readonly Sandbox[]
  /** What the boxes of a sandbox have, by the sandbox's name. */
  readonly agents: (sandbox: string | undefined) => readonly Agent[]
  readonly defaultAgent: string
  readonly gateway: (doors: Doors) => Gateway
  readonly concurrency: number
  readonly log: Log
  readonly now: () => Date
}

/** Work in motion: the door through which it comes, and the runner that carries it. */
export interface Crew {
  readonly intake: Intake
  /** What stands behind the gateway of a box. */
  readonly doors: Doors
  /** Probes the sandboxes, then carries jobs until the signal aborts; `probed` is told the engine in use, or why there is none. */
  run(signal: AbortSignal, probed: (found: Found) => void): Promise<void>
}

export type Found =
  | {
      readonly ok: true
      readonly engine: Sandbox
      readonly notes: readonly string[]
      readonly place?: string
    }
  | { readonly ok: false; readonly why: string }

export const openCrew = (parts: CrewParts): Crew => {
  const { runner, store, repos, files, now } = parts
  const logbook = openLogbook(parts)
  const settle = openSettle({ ...parts, logbook })
  const workspaces = openWorkspaces(parts)
  const names = [...new Set([...parts.agents(undefined).map(agent => agent.name), parts.defaultAgent])]
  const intake = openIntake({ ...parts, agents: names, logbook, settle, workspaces })
  const doors = openDoors({ store, files, repos, logbook, now })

  const run: Crew['run'] = async (signal, probed) => {
    await using gateway = parts.gateway(doors)
    const found = await firstThatWorks(parts.sandboxes)
    probed(found)
    const agents = new Map(parts.agents(found.ok ? found.engine.name : undefined).map(one => [one.name, one]))
    const filing = openFiling({ ...parts, logbook })
    const waiting = patientFiles(files, { signal })
    const finish = openFinish({ store, repos, gateway, logbook, settle, now })
    const recover = openRecover({ repos, gateway, logbook, finish, now })
    const common = { ...parts, gateway, logbook, filing, finish, recover, settle, agents, signal }
    const othersHave = (agent?: string) => isOffered(store, runner, agent, now)
    const worker = found.ok
      ? openWorker({
          ...common,
          sandbox: found.engine,
          order: openOrder({ store, repos, briefing: openBriefing({ store, repos, now }) }),
          carry: openCarry({
            ...common,
            sandbox: found.engine,
            notes: found.notes,
            spill: openSpill({ store, files: waiting, now }),
            keepOutput: openKeepOutput({ store, files: waiting, logbook, now }),
          }),
          takeover: openTakeover({ ...common, ...found, sandbox: found.engine }),
          othersHave,
        })
      : openRefuser({ ...common, why: noSandbox(found.why), othersHave })
    await runRunner({
      ...common,
      sandbox: found,
      engines: parts.sandboxes,
      agents: [...agents.keys()],
      work: withPatience({ ...common, work: worker.work }),
      has: worker.has,
      failed: error =>
        parts.log.error({ err: error }, 'a runner could not say that it lives, or look around'),
    })
  }
  return { intake, doors, run }
}

const firstThatWorks = async (sandboxes: readonly Sandbox[]): Promise<Found> => {
  const reasons: string[] = []
  for (const engine of sandboxes) {
    const probe = await engine.probe()
    if (probe.ok) return { ok: true, engine, notes: probe.notes, ...(probe.place && { place: probe.place }) }
    reasons.push(probe.why)
  }
  return { ok: false, why: reasons.join(' ') }
}

/** The sentence for a job that no sandbox can carry. */
const noSandbox = (why: string) => `No sandbox is available here, so the job could not run. ${why}`.trim()
