/** What the thread needs to know besides the job and its log. */
export interface Context {
  readonly now: Date
  readonly publicUrl: string
  /** The name of the workspace. */
  readonly workspace: string
  /** How many jobs went first when it was queued. */
  readonly place?: number
  /** The job before it in the thread is not over yet. */
  readonly waits?: boolean
  /** Who asked. */
  readonly asker: string
}
