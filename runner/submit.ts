import { idFrom } from '../store/ids.ts'
import { isOver, unfolded } from '../store/lifecycle.ts'
import type { Conversation, Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { noAgent } from './agents/agent.ts'
import { checkAsk } from './ask.ts'
import type { Filing } from './filing.ts'
import type { Ask, Cause, Who } from './intake.ts'
import type { Logbook } from './logbook.ts'
import type { Outcome } from './outcome.ts'
import { ok, refuse } from './outcome.ts'
import { roleIn } from './people.ts'
import type { Queue } from './queue.ts'
import { actingTeam, roleOf } from './rights.ts'
import type { Workspaces } from './workspaces.ts'

export interface SubmitParts {
  readonly store: Store
  readonly queue: Queue
  readonly logbook: Logbook
  readonly filing: Filing
  readonly workspaces: Workspaces
  readonly agents: readonly string[]
  readonly defaultAgent: string
  readonly now: () => Date
}

/** What a new job says of the one before it. */
export interface Lineage {
  readonly retryOf?: string
  /** Where the asker did not choose, the workspace of the job before. */
  readonly workspace?: string
}

export type Submit = (who: Who, ask: Ask, cause: Cause, lineage?: Lineage) => Promise<Outcome<Job>>

/**
 * Checks and files a job: record, `queued`, ticket, in this order, each safe to repeat, so that the same cause finds or
 * completes what it began. In a conversation whose last job is not over the new one waits for it and has no ticket yet.
 */
export const openSubmit = (parts: SubmitParts): Submit => {
  const { store, queue, logbook, filing, workspaces, now } = parts

  return async (who, ask, cause, lineage = {}) => {
    const id = idFrom(cause, 'job')
    const there = await store.get('jobs', id)
    if (there)
      return there.requester === who.user._id
        ? ok(await again(there))
        : refuse(409, 'This key was used by somebody else.')

    const role = roleOf(who)
    if (role === undefined || role === 'viewer')
      return refuse(403, 'You may look here but not run jobs; an admin of the team can make you a member.')
    const checked = checkAsk(ask, parts.agents, parts.defaultAgent)
    if (!checked.ok) return checked
    const able = await canRun(checked.value.agent)
    if (!able.ok) return able
    const conversation = ask.conversation ? await store.get('conversations', ask.conversation) : undefined
    const wanted = ask.workspace ?? lineage.workspace
    const workspace = wanted
      ? await workspaces.named(who, wanted)
      : ok(await workspaces.usual(who, conversation))
    if (!workspace.ok) return workspace
    const { owner, team } = workspace.value
    if (owner !== who.user._id && roleIn(who.user, team) === 'viewer')
      return refuse(403, `You may look at "${workspace.value.name}" but not run jobs on it.`, 'workspace')
    for (const file of lineage.retryOf ? [] : checked.value.files)
      if ((await store.get('files', file))?.by !== who.user._id)
        return refuse(404, `There is no file "${file.slice(0, 40)}" of yours; upload it first.`, 'files')

    const last = conversation
      ? await lastJob(conversation)
      : ask.continues && (await logbook.current(ask.continues))
    const continues =
      ask.continues ?? (last && last.agent === checked.value.agent && !lineage.retryOf ? last._id : undefined)
    const job = await store.put('jobs', {
      _id: id,
      rev: 0,
      ...checked.value,
      workspace: workspace.value._id,
      requester: who.user._id,
      team: actingTeam(who),
      createdAt: cause.at,
      ...(conversation && { conversation: conversation._id }),
      ...(last && !isOver(last.state) && { waitsFor: last._id }),
      ...(continues !== undefined && { continues }),
      ...(lineage.retryOf !== undefined && { retryOf: lineage.retryOf }),
      ...unfolded,
    })
    return ok(job ? await file(job) : await again((await store.get('jobs', id))!))
  }

  /** From the record on: what files it, and the ticket. */
  async function file(job: Job): Promise<Job> {
    const filed = await filing(job)
    const before = job.waitsFor && (await logbook.current(job.waitsFor))
    if (!before || isOver(before.state)) await queue.add({ job: job._id, priority: job.priority })
    return filed
  }

  /** The same of a job that was filed before, or is being filed; it may have come further meanwhile. */
  async function again(job: Job): Promise<Job> {
    const filed = await file(job)
    return (await logbook.current(job._id)) ?? filed
  }

  async function lastJob(conversation: Conversation): Promise<Job | undefined> {
    const [last] = await store.find('jobs', {
      where: { conversation: conversation._id },
      descending: true,
      limit: 1,
    })
    return last && (await logbook.current(last._id))
  }

  /** Refused when there are live runners and none of them could carry the job. */
  async function canRun(agent: string): Promise<Outcome<true>> {
    const live = await store.find('runners', { where: { until: { gt: now().toISOString() } }, by: 'until' })
    if (live.length === 0 || live.some(runner => runner.sandbox && runner.agents.includes(agent)))
      return ok(true)
    const sandboxed = live.find(runner => runner.sandbox)
    if (sandboxed) return refuse(503, noAgent(agent, sandboxed.agents), 'agent')
    return refuse(503, `No sandbox is available here, so no job can run. ${live[0]?.why ?? ''}`.trim())
  }
}
