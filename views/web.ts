import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { Intake, Who } from '../runner/intake.ts'
import type { Bell } from '../store/bell.ts'
import type { Files } from '../store/files.ts'
import type { Repos } from '../store/repos.ts'
import type { Store } from '../store/store.ts'

/** What the web is made of. */
export interface WebParts {
  readonly store: Store
  readonly bell: Bell
  readonly intake: Intake
  readonly repos: Repos
  readonly files: Files
  readonly now: () => Date
  /** The address people open; known once the server listens. */
  readonly publicUrl: () => string
  /** What the other roles show to get at the repositories; where it is absent, they are open to none. */
  readonly reposToken?: string
  readonly slack?: { readonly signingSecret: string }
  /** What each engine says of itself when asked whether the house is ready. */
  readonly ready: () => Promise<readonly Ready[]>
  readonly log: Logger
  readonly version: string
}

export interface Ready {
  readonly name: string
  readonly ok: boolean
  readonly why?: string
}

/** What a request carries: who asks, once that is known, and from a server the signal of its own closing. */
export interface Env {
  Variables: { who: Who }
  Bindings: { closing?: AbortSignal }
}

export type Asked = Context<Env>
