import type { Gateway } from '../sandbox/gateway.ts'
import type { EndReason, Outcome } from '../store/events.ts'
import type { Job, Workspace } from '../store/records.ts'
import type { Repos } from '../store/repos.ts'
import type { Store } from '../store/store.ts'
import type { Keyed, Logbook } from './logbook.ts'
import type { Settle } from './settle.ts'

/** How a run ended, before its work is brought home. */
export interface Verdict {
  readonly outcome: Outcome
  readonly reason: EndReason
  readonly summary: string
  readonly exitCode?: number
}

/**
 * Brings a run's work home and ends its job: what the box pushed is recorded, a success is merged into `main` of a
 * persistent workspace, the gateway is closed, `ended` is appended. Each step is safe to repeat, so that a start after a
 * crash goes on where it stopped. Does nothing more once a later attempt, or an end, is in the log.
 */
export type Finish = (job: Job, attempt: number, verdict: Verdict) => Promise<void>

export const openFinish = ({
  store,
  repos,
  gateway,
  logbook,
  settle,
  now,
}: {
  readonly store: Store
  readonly repos: Repos
  readonly gateway: Gateway
  readonly logbook: Logbook
  readonly settle: Settle
  readonly now: () => Date
}): Finish => {
  const bringHome = async (job: Job, attempt: number, verdict: Verdict): Promise<boolean> => {
    const branch = branchOf(job._id)
    const commit = await repos.resolve(job.workspace, `refs/heads/${branch}`)
    if (!commit) return true
    const main = await repos.resolve(job.workspace, mainRef)
    const base = (main && (await repos.base(job.workspace, main, commit))) ?? commit
    const files = await repos.changed(job.workspace, base, commit)
    if (
      !(await add(
        job._id,
        { type: 'committed', key: `${attempt}/committed`, branch, commit, base, files },
        attempt,
      ))
    )
      return false
    const workspace = await store.get('workspaces', job.workspace)
    if (verdict.outcome !== 'succeeded' || !merges(workspace)) return true
    const merge = await repos.merge(job.workspace, {
      commit,
      into: 'main',
      message: `Merge job ${job._id}`,
      at: now().toISOString(),
    })
    const merged: Keyed =
      'merged' in merge
        ? { type: 'merged', key: `${attempt}/merged`, into: 'main', commit: merge.merged, conflicts: [] }
        : { type: 'merged', key: `${attempt}/merged`, into: 'main', conflicts: merge.conflicts }
    return await add(job._id, merged, attempt)
  }
  const add = async (job: string, event: Keyed, attempt: number) =>
    (await logbook.add(job, [event], attempt)).ok

  return async (job, attempt, verdict) => {
    const home = await bringHome(job, attempt, verdict)
    await gateway.release(job._id, attempt)
    if (home) await add(job._id, { type: 'ended', key: 'ended', ...verdict }, attempt)
    const ended = await logbook.current(job._id)
    if (ended) await settle(ended)
  }
}

/** The branch that holds a job's work. */
export const branchOf = (job: string): string => `jobs/${job}`

/** The branch that is the workspace. */
export const mainRef = 'refs/heads/main'

const merges = (workspace: Workspace | undefined) => workspace?.persistence === 'persistent'
