import type { Bell } from '../store/bell.ts'
import { isOver } from '../store/lifecycle.ts'
import type { Conversation, Job } from '../store/records.ts'
import { update } from '../store/update.ts'
import { openFiling } from './filing.ts'
import type { Ask, Intake, Who } from './intake.ts'
import { messagesOf } from './messages.ts'
import type { Outcome } from './outcome.ts'
import { ok, refuse } from './outcome.ts'
import { commands, roleOf } from './rights.ts'
import type { Settle } from './settle.ts'
import type { SubmitParts } from './submit.ts'
import { openSubmit } from './submit.ts'

/** The intake over the store, the queue and the logs. */
export const openIntake = (
  parts: Omit<SubmitParts, 'filing'> & { readonly bell: Bell; readonly settle: Settle },
): Intake => {
  const { store, bell, queue, logbook, workspaces, settle, now } = parts
  const submit = openSubmit({ ...parts, filing: openFiling(parts) })

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
  /** What is said to a job there is briefed with the conversation, and told in it. */
  const isAnothers = async (who: Who, id: string): Promise<boolean> => {
    const owner = (await store.get('conversations', id))?.owner
    return owner !== undefined && owner !== who.user._id
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
      const { conversation: thread, ...ask } = again(before)
      const there = thread !== undefined && !(await isAnothers(who, thread)) && { conversation: thread }
      const lineage = { retryOf: id, workspace: before.workspace }
      return await submit(who, { ...ask, ...there }, cause, lineage)
    },
    say: async (who, id, text, cause) => {
      const found = await job(who, id)
      if (!found.ok) return found
      const { conversation: thread, model, workspace } = found.value
      if (thread && (await isAnothers(who, thread)))
        return refuse(
          403,
          `Job ${id} belongs to a private conversation of another person; ask for a new job on its workspace.`,
        )
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
