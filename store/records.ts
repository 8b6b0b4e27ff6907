import type { EndReason, Event, Tokens, Turn } from './events.ts'

/** Every record carries its id and the revision that `put` compares. A record not stored yet has `rev: 0`. */
export interface Row {
  readonly _id: string
  readonly rev: number
}

export type Role = 'admin' | 'member' | 'viewer'

/** A person. `roles` maps a team (`slack:T1`, `discord:G1`, `web`) to the role held there. */
export interface User extends Row {
  readonly name: string
  readonly roles: Readonly<Record<string, Role>>
}

/** `_id` is the person's name at a platform, `slack:T1:U2`: linking two people moves one record. */
export interface Identity extends Row {
  readonly user: string
}

export interface Workspace extends Row {
  readonly name: string
  readonly team: string
  readonly owner: string
  readonly visibility: 'team' | 'private'
  readonly persistence: 'persistent' | 'ephemeral' | 'snapshot'
  /** What it was cloned from. */
  readonly remoteUrl?: string
  readonly createdAt: string
}

/** A private workspace, opened to `subject` (a user's id). */
export interface Grant extends Row {
  readonly workspace: string
  readonly subject: string
}

/**
 * A thread or direct message. `channel` is `platform:team:channel`; `address` adds the thread and is known at once where
 * a person opened the thread, otherwise with the first delivered post. `owner` is set where only one person may read it.
 */
export interface Conversation extends Row {
  readonly platform: string
  readonly team: string
  readonly channel: string
  readonly address?: string
  readonly workspace?: string
  readonly owner?: string
  readonly createdAt: string
}

/** A raw platform envelope; `_id` is its key, so the same envelope is stored once. */
export interface Inbox extends Row {
  readonly platform: string
  readonly receivedAt: string
  readonly body: unknown
  readonly tries: number
  readonly state: 'new' | 'done' | 'dead'
  /** It never comes again; one that was kept too late may yet be taken back. */
  readonly once?: boolean
}

export type JobState =
  | 'queued'
  | 'starting'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'verifying'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'timed_out'

/**
 * What was asked, put once before `queued`; from `state` on all but `lease` and `cancel` is the fold of the job's log up
 * to the entry numbered `folded`.
 */
export interface Job extends Row {
  readonly agent: string
  readonly prompt: string
  readonly workspace: string
  readonly requester: string
  readonly team: string
  readonly conversation?: string
  readonly priority: number
  readonly model?: string
  readonly files: readonly string[]
  readonly timeoutSeconds: number
  /** Micro-dollars. */
  readonly budget?: number
  readonly createdAt: string
  /** The job whose end releases this one into the queue. */
  readonly waitsFor?: string
  readonly retryOf?: string
  readonly continues?: string
  readonly parent?: string

  /** Who carries this attempt, renewed while it does. */
  readonly lease?: { readonly runner: string; readonly attempt: number; readonly until: string }
  readonly cancel?: { readonly by: string; readonly at: string }

  readonly state: JobState
  readonly folded: number
  readonly attempt: number
  /** Who began this attempt, and when. */
  readonly claim?: { readonly runner: string; readonly at: string }
  readonly startedAt?: string
  readonly endedAt?: string
  /** Micro-dollars. */
  readonly cost: number
  readonly tokens: Tokens
  readonly summary?: string
  readonly reason?: EndReason
  readonly exitCode?: number
  readonly branch?: string
  readonly commit?: string
  /** Where the work left `main`. */
  readonly base?: string
  /** The file that holds the agent's own session, for the job that continues this one. */
  readonly session?: string
}

/** How far a job's log was shown in its conversation. `_id` is `conversation/job`. */
export interface Delivery extends Row {
  readonly conversation: string
  readonly job: string
  readonly seq: number
  readonly done: boolean
}

export interface Button {
  readonly label: string
  readonly style?: 'primary' | 'danger'
  /** What pressing sends back, or where it leads. */
  readonly press: { readonly verb: 'cancel' | 'retry'; readonly job: string } | { readonly url: string }
}

/** A message as the platforms are asked to show it. `text` is CommonMark; each platform turns it into its own markup. */
export interface Message {
  readonly text: string
  readonly buttons?: readonly Button[]
  /** A stored file to be shown beside the text. */
  readonly file?: { readonly id: string; readonly name: string }
  /** The one person (`slack:T1:U2`) who may see it; it is then shown to nobody else, where the platform can do that. */
  readonly onlyFor?: string
}

/** `hash` is the SHA-256, in hex, of the posted message's JSON. */
export interface Posting {
  readonly messageId: string
  readonly hash: string
}

/** What a thread should show in one slot: level-triggered, posted or edited until `shown.hash` is that of `wanted`. */
export interface Outbox extends Row {
  readonly platform: string
  readonly conversation: string
  readonly slot: string
  /** Order inside the conversation. */
  readonly n: number
  /** Ends and replies go before progress. */
  readonly urgent: boolean
  readonly createdAt: string
  readonly wanted: Message
  /** The message as posted, and behind it what did not fit into one. */
  readonly shown?: Posting & { readonly more?: readonly Posting[] }
  /** `pending` until shown; `dead` when the platform said it can never be. */
  readonly state: 'pending' | 'shown' | 'dead'
}

/** A one-time link. `_id` is the digest of its secret, as it is for sessions and tokens. */
export interface Login extends Row {
  readonly user: string
  readonly until: string
  readonly usedAt?: string
}

export interface Session extends Row {
  readonly user: string
  readonly until: string
}

export interface Token extends Row {
  readonly user: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly until?: string
}

/** What a live runner can do. Intake refuses a job that none can. */
export interface Runner extends Row {
  readonly sandbox?: string
  /** Why there is no sandbox, a sentence for the person who asked. */
  readonly why?: string
  readonly agents: readonly string[]
  /** Where its boxes live, if they outlive it. */
  readonly place?: string
  readonly until: string
}

/** An office that one process holds at a time, such as speaking for the bots: `_id` is its name. */
export interface Lease extends Row {
  readonly holder: string
  readonly until: string
}

/** A stored blob's description; who sees its job or conversation sees it. */
export interface File extends Row {
  readonly name: string
  readonly bytes: number
  readonly mime: string
  readonly by?: string
  readonly job?: string
  readonly conversation?: string
  readonly createdAt: string
}

export interface Records {
  readonly users: User
  readonly identities: Identity
  readonly workspaces: Workspace
  readonly grants: Grant
  readonly conversations: Conversation
  readonly inbox: Inbox
  readonly jobs: Job
  readonly deliveries: Delivery
  readonly outbox: Outbox
  readonly logins: Login
  readonly sessions: Session
  readonly tokens: Token
  readonly runners: Runner
  readonly leases: Lease
  readonly files: File
}

export type Kind = keyof Records

/** A job's log holds events, a conversation's holds turns. */
export type LogName = `job/${string}` | `conversation/${string}`
export type Content<L extends LogName> = L extends `job/${string}` ? Event : Turn
