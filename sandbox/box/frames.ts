import type { BoxPaths, Plan } from '../sandbox.ts'

/** The first line on the entry's standard input. */
export interface Start {
  readonly plan: Plan
  readonly paths: BoxPaths
  /** The environment of every program of the box; the plan's own values for the agent come on top. */
  readonly env: Readonly<Record<string, string>>
}

/** Each further line. The end of the input means that the server is gone. */
export type Frame =
  | { readonly frame: 'input'; readonly line: string }
  | { readonly frame: 'close' }
  | { readonly frame: 'signal'; readonly signal: 'SIGINT' | 'SIGTERM' }

/** The variable that marks every process of a box, so that those which slipped out of their group are found. */
export const mark = 'BELLHOP_BOX'
