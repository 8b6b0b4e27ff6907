/**
 * What a run reports. Everything people see of a job is folded from these, so an event is never changed after it was
 * appended; new kinds are added at the end of the union and every reader's `switch` is made to cover them.
 *
 * Money is integer micro-dollars. Text is at most `maxInlineBytes` of UTF-8; more lies in the file named beside it.
 */
export type Event =
  | { readonly type: 'queued'; readonly by: string; readonly retryOf?: string; readonly continues?: string }
  | { readonly type: 'started'; readonly runner: string }
  | { readonly type: 'opened'; readonly sandbox: string; readonly limits?: readonly string[] }
  | { readonly type: 'planned'; readonly items: readonly PlanItem[] }
  | { readonly type: 'said'; readonly text: string; readonly file?: string }
  | { readonly type: 'thought'; readonly text: string; readonly file?: string }
  | { readonly type: 'used'; readonly call: string; readonly tool: string; readonly input: unknown }
  | {
      readonly type: 'returned'
      readonly call: string
      readonly ok: boolean
      readonly text: string
      readonly file?: string
    }
  | { readonly type: 'noted'; readonly level: 'info' | 'warn' | 'error'; readonly text: string }
  | { readonly type: 'refused'; readonly route: Route; readonly what: string; readonly why: string }
  | {
      readonly type: 'asked'
      readonly question: string
      readonly kind: 'question' | 'approval'
      readonly text: string
      readonly choices: readonly string[]
    }
  | {
      readonly type: 'answered'
      readonly question: string
      readonly by: string
      readonly choice?: string
      readonly text?: string
    }
  | { readonly type: 'steered'; readonly by: string; readonly text: string }
  | { readonly type: 'spawned'; readonly job: string }
  | {
      readonly type: 'produced'
      readonly file: string
      readonly name: string
      readonly bytes: number
      readonly mime: string
    }
  | { readonly type: 'exited'; readonly code?: number; readonly signal?: string }
  | {
      readonly type: 'committed'
      readonly branch: string
      readonly commit: string
      /** Where the work left `main`: what it changed is the way from here to `commit`. */
      readonly base: string
      readonly files: readonly string[]
    }
  | {
      readonly type: 'merged'
      readonly into: string
      readonly commit?: string
      readonly conflicts: readonly string[]
    }
  | { readonly type: 'verified'; readonly ok: boolean; readonly command: string; readonly exitCode: number }
  | { readonly type: 'metered'; readonly model: string; readonly tokens: Tokens; readonly cost: number }
  | { readonly type: 'paused'; readonly why: string }
  | { readonly type: 'resumed'; readonly by: string; readonly budget: number }
  | { readonly type: 'retrying'; readonly why: string; readonly notBefore: string }
  | {
      readonly type: 'ended'
      readonly outcome: Outcome
      readonly reason: EndReason
      readonly summary: string
      readonly exitCode?: number
    }

export type Outcome = 'succeeded' | 'failed' | 'cancelled' | 'timed_out'

/** Why a job ended, for programs; `summary` says the same to people. */
export type EndReason = 'done' | 'exit' | 'cancelled' | 'timeout' | 'lost' | 'no_sandbox' | 'trouble'

/** The routes of a box's gateway. */
export type Route = 'model' | 'git' | 'tools' | 'files' | 'mirror' | 'egress'

export interface PlanItem {
  readonly text: string
  readonly state: 'pending' | 'in_progress' | 'completed'
}

/** Counts as the model API reports them; `input` leaves out what was read from or written to its cache. */
export interface Tokens {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
}

export const noTokens: Tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }

/** Text past this many bytes of UTF-8 becomes a file: 64 KB. */
export const maxInlineBytes = 64 * 1024

/** One thing said in a conversation, by a person (`user` id) or by Bellhop itself (`bellhop`). */
export interface Turn {
  readonly type: 'turn'
  readonly by: string
  readonly text: string
  readonly files: readonly string[]
  readonly job?: string
}
