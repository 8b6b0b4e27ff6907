import { isOver } from '../store/lifecycle.ts'
import type { Conversation, File, Job, JobState, Message, User, Workspace } from '../store/records.ts'
import { update } from '../store/update.ts'
import { messagesOf } from './messages.ts'
import type { Outcome } from './outcome.ts'
import { ok, refuse } from './outcome.ts'
import { commands, roleOf } from './rights.ts'
import type { Settle } from './settle.ts'
import type { SubmitParts } from './submit.ts'
import { openSubmit } from './submit.ts'

/** Who asks, and in which team (`slack:T1`, `web`) they do it. */
export interface Who {
  readonly user: User
  readonly team: string
}

/**
 * What happened outside that caused this: the inbox entry's key and stored time, or the caller's idempotency key. Ids are
 * made of it, so that the same cause a second time finds what the first made, and makes nothing.
 */
export interface Cause {
  readonly key: string
  readonly at: string
}

export interface Ask {
  readonly prompt: string
  readonly agent?: string
  /** Name or id; else the conversation's, else the team's `main` (a direct message's: the person's private one). */
  readonly workspace?: string
  readonly conversation?: string
  readonly priority?: number
  readonly model?: string
  readonly files?: readonly string[]
  readonly timeoutSeconds?: number
  readonly budgetUsd?: number
  readonly continues?: string
}

/**
 * The one door to work: who may do what is decided here, for chat, pages and API alike. A refusal names the field, the
 * limit and the way out in a sentence for the person who asked; what somebody may not see is refused like what is not there.
 */
export interface Intake {
  /** A job, `queued` and ticketed; where the conversation's last job is not over, one that waits for it (`waitsFor`). */
  submit(who: Who, ask: Ask, cause: Cause): Promise<Outcome<Job>>
  /** Asks for the end; it shows in the log as soon as the runner saw it. A queued job ends at once. */
  cancel(who: Who, job: string): Promise<Outcome<Job>>
  /** A new job that asks the same. Refused while the job still runs. */
  retry(who: Who, job: string, cause: Cause): Promise<Outcome<Job>>
  /** More for the agent: a job that continues this one, waiting for it while it runs. */
  say(who: Who, job: string, text: string, cause: Cause): Promise<Outcome<Job>>
  /** How many queued jobs go before this one; 0 is the next. */
  place(job: Job): Promise<number>

  job(who: Who, id: string): Promise<Outcome<Job>>
  jobs(who: Who, filter: JobFilter): Promise<Outcome<readonly Job[]>>
  workspace(who: Who, nameOrId: string): Promise<Outcome<Workspace>>
  workspaces(who: Who): Promise<readonly Workspace[]>
  createWorkspace(who: Who, order: WorkspaceOrder, cause: Cause): Promise<Outcome<Workspace>>
  conversation(who: Who, id: string): Promise<Outcome<Conversation>>
  /** What was said and posted in a conversation, in order of time. */
  messages(who: Who, conversation: string): Promise<Outcome<readonly Shown[]>>
  /** The conversations only this person sees (browser chats and direct messages), newest first. */
  conversations(who: Who): Promise<readonly Conversation[]>
  /** Whether a stored file may be read: whoever sees its job or conversation, or uploaded it. */
  file(who: Who, id: string): Promise<Outcome<File>>
}

export interface JobFilter {
  readonly state?: JobState
  readonly workspace?: string
  /** A user's id. */
  readonly requester?: string
  readonly conversation?: string
  readonly limit?: number
  /** The id of the last job of the page before. Newest first. */
  readonly after?: string
}

export interface WorkspaceOrder {
  readonly name: string
  readonly visibility?: string
  readonly persistence?: string
}

/** One message of a conversation as everybody in it sees it. */
export interface Shown {
  readonly id: string
  readonly at: string
  /** A user's id, or `bellhop`. */
  readonly by: string
  readonly byName: string
  readonly message: Message
  readonly job?: string
}

/** Limits that the refusals name. */
export const maxPromptCharacters = 50_000
export const defaultTimeoutSeconds = 30 * 60
export const maxTimeoutSeconds = 24 * 60 * 60

export const openIntake = (parts: SubmitParts & { readonly settle: Settle }): Intake => {
  const { store, bell, queue, logbook, workspaces, settle, now } = parts
  const submit = openSubmit(parts)

  const job = async (who: Who, id: string): Promise<Outcome<Job>> => {
    const found = await logbook.current(id)
    if (!found) return noJob(id)
    if (found.requester !== who.user._id && !(await workspaces.named(who, found.workspace)).ok)
      return noJob(id)
    return ok(found)
  }
  /** The job, for somebody who may command it. */
  const commanded = async (who: Who, id: string, verb: string): Promise<Outcome<Job>> => {
    const found = await job(who, id)
    if (!found.ok) return found
    const workspace = await store.get('workspaces', found.value.workspace)
    if (roleOf(who) !== 'viewer' && workspace && commands(who.user, found.value, workspace)) return found
    return refuse(403, `Only who asked for the job, the owner of its workspace or an admin may ${verb} it.`)
  }
  const conversation = async (who: Who, id: string): Promise<Outcome<Conversation>> => {
    const found = await store.get('conversations', id)
    if (found?.owner === who.user._id) return ok(found)
    const missing = refuse(404, `There is no conversation "${id.slice(0, 40)}" that you can see.`)
    if (!found || found.owner || !found.workspace) return missing
    return (await workspaces.named(who, found.workspace)).ok ? ok(found) : missing
  }

  return {
    submit: (who, ask, cause) => submit(who, ask, cause),
    job,
    conversation,
    cancel: async (who, id) => {
      const found = await commanded(who, id, 'cancel')
      if (!found.ok) return found
      if (isOver(found.value.state)) return refuse(409, `Job ${id} is over already (${found.value.state}).`)
      const at = now().toISOString()
      await update(store, 'jobs', id, record =>
        record.cancel ? undefined : { ...record, cancel: { by: who.user._id, at } },
      )
      if (found.value.state === 'queued') {
        await logbook.add(id, [
          {
            type: 'ended',
            key: 'ended',
            outcome: 'cancelled',
            reason: 'cancelled',
            summary: 'Cancelled before it began.',
          },
        ])
        await queue.remove(id)
      }
      bell.ring(`cancel/${id}`)
      const after = await logbook.current(id)
      if (after) await settle(after)
      return ok(after ?? found.value)
    },
    retry: async (who, id, cause) => {
      const found = await commanded(who, id, 'retry')
      if (!found.ok) return found
      const { value: before } = found
      if (!isOver(before.state))
        return refuse(409, `Job ${id} is not over yet (${before.state}); cancel it first.`)
      return await submit(who, again(before), cause, { retryOf: id, workspace: before.workspace })
    },
    say: async (who, id, text, cause) => {
      const found = await job(who, id)
      if (!found.ok) return found
      const { conversation: thread, model, workspace } = found.value
      const agent = found.value.agent === 'command' ? parts.defaultAgent : found.value.agent
      const ask = {
        prompt: text,
        agent,
        continues: id,
        ...(thread && { conversation: thread }),
        ...(model && { model }),
      }
      return await submit(who, ask, cause, { workspace })
    },
    place: async ({ priority, _id }) => {
      const higher = Array.from({ length: 9 - priority }, (_, n) => priority + 1 + n)
      const ahead = higher.length > 0 ? await store.count('jobs', { state: 'queued', priority: higher }) : 0
      const equal = await store.count('jobs', { state: 'queued', priority, _id: { lt: _id } })
      return ahead + equal
    },
    jobs: async (who, { limit = 50, after, workspace, ...equal }) => {
      const seen = await workspaces.seen(who)
      const chosen = workspace
        ? seen.filter(({ _id, name }) => _id === workspace || name === workspace)
        : seen
      if (workspace && chosen.length === 0)
        return refuse(
          404,
          `There is no workspace "${workspace.slice(0, 100)}" that you can see.`,
          'workspace',
        )
      const where = { ...equal, workspace: chosen.map(({ _id }) => _id).slice(0, 100) }
      if (chosen.length === 0) return ok([])
      return ok(
        await store.find('jobs', {
          where: after ? { ...where, _id: { lt: after } } : where,
          descending: true,
          limit,
        }),
      )
    },
    workspace: (who, nameOrId) => workspaces.named(who, nameOrId),
    workspaces: who => workspaces.seen(who),
    createWorkspace: (who, order, cause) => workspaces.create(who, order, cause),
    messages: async (who, id) => {
      const found = await conversation(who, id)
      return found.ok ? ok(await messagesOf(store, id)) : found
    },
    conversations: who => store.find('conversations', { where: { owner: who.user._id }, descending: true }),
    file: async (who, id) => {
      const file = await store.get('files', id)
      if (!file) return noFile(id)
      if (file.by === who.user._id) return ok(file)
      if (file.job && (await job(who, file.job)).ok) return ok(file)
      return file.conversation && (await conversation(who, file.conversation)).ok ? ok(file) : noFile(id)
    },
  }
}

const noJob = (id: string) => refuse(404, `There is no job "${id.slice(0, 40)}" that you can see.`)
const noFile = (id: string) => refuse(404, `There is no file "${id.slice(0, 40)}" that you can see.`)

/** The same order once more. */
const again = ({
  prompt,
  agent,
  conversation,
  priority,
  model,
  files,
  timeoutSeconds,
  budget,
}: Job): Ask => ({
  prompt,
  agent,
  priority,
  files,
  timeoutSeconds,
  ...(conversation && { conversation }),
  ...(model && { model }),
  ...(budget !== undefined && { budgetUsd: budget / 1_000_000 }),
})
