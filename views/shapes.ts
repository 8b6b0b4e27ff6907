import type { Shown } from '../runner/intake.ts'
import type { Event } from '../store/events.ts'
import type { Conversation, File, Job, User, Workspace } from '../store/records.ts'
import type { Entry } from '../store/store.ts'

const dollars = (microDollars: number) => microDollars / 1_000_000

/** A job as the API shows it. `thread` is its conversation's address. */
export const jobShape = (job: Job, conversation: Conversation | undefined) => ({
  id: job._id,
  state: job.state,
  agent: job.agent,
  prompt: job.prompt,
  workspace: job.workspace,
  requester: job.requester,
  conversation: job.conversation,
  thread: conversation?.address ?? conversation?.channel,
  priority: job.priority,
  createdAt: job.createdAt,
  startedAt: job.startedAt,
  endedAt: job.endedAt,
  summary: job.summary,
  exitCode: job.exitCode,
  costUsd: dollars(job.cost),
  budgetUsd: job.budget === undefined ? undefined : dollars(job.budget),
  tokens: job.tokens,
  runs: job.attempt,
  branch: job.branch,
  commit: job.commit,
  parent: job.parent,
  retryOf: job.retryOf,
  continues: job.continues,
  waitsFor: job.waitsFor,
})

/** An event as the API shows it: its number, time and content; money in dollars. */
export const eventShape = (entry: Entry<Event>) => {
  const { key: _key, digest: _digest, ...event } = entry
  if (event.type === 'metered') {
    const { cost, ...rest } = event
    return { ...rest, costUsd: dollars(cost) }
  }
  return event
}

export const workspaceShape = ({
  _id,
  name,
  team,
  owner,
  visibility,
  persistence,
  remoteUrl,
  createdAt,
}: Workspace) => ({
  id: _id,
  name,
  team,
  owner,
  visibility,
  persistence,
  remoteUrl,
  createdAt,
})

export const fileShape = ({ _id, name, bytes, mime }: File) => ({ id: _id, name, bytes, mime })

export const userShape = ({ _id, name, roles }: User) => ({ id: _id, name, roles })

export const conversationShape = ({
  _id,
  platform,
  address,
  channel,
  workspace,
  createdAt,
}: Conversation) => ({
  id: _id,
  platform,
  thread: address ?? channel,
  workspace,
  createdAt,
})

export const messageShape = ({ id, at, by, byName, message, job }: Shown) => ({
  id,
  at,
  by,
  byName,
  text: message.text,
  buttons: message.buttons,
  file: message.file,
  job,
})
