import type { Conversation, File, Job, JobState, Message, User, Workspace } from '../store/records.ts'
import type { Outcome } from './outcome.ts'

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
  /** A new job that asks the same, in the same thread unless that is another person's alone. Refused while the job still runs. */
  retry(who: Who, job: string, cause: Cause): Promise<Outcome<Job>>
  /** More for the agent: a job that continues this one, waiting for it while it runs. Refused in another person's conversation. */
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
  /** The https address of a repository to clone. */
  readonly remoteUrl?: string
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
