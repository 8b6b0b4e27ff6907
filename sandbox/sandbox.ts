/**
 * Where commands run. A box runs one program for its life, `box/entry.ts`: it opens the way to the gateway, clones, runs
 * the agent, commits and pushes. There is no way to start another program in it.
 */
export interface Sandbox {
  readonly name: string
  /** Whether a box outlives the runner that opened it, so that `adopt` can take it up again. */
  readonly lasting: boolean
  /** Opens and closes a real box. `notes` are what its user should know of it, such as limits that this host cannot give. */
  probe(): Promise<Probe>
  /** Starts a box and hands the plan to its entry. Throws `NoBox` when this host could not start one. */
  open(order: BoxOrder): Promise<Box>
  /** The boxes of this installation that are still there, also those a dead runner left. */
  list(): Promise<readonly BoxName[]>
  /** Takes up a box that an earlier runner opened, where the engine's boxes outlive their runner; ends and removes it elsewhere. */
  adopt(name: BoxName): Promise<Box | undefined>
}

export interface BoxName {
  readonly job: string
  readonly attempt: number
}

export type Probe =
  | {
      readonly ok: true
      readonly notes: readonly string[]
      /** Where lasting boxes live: runners that name the same place find each other's boxes by `list`. */
      readonly place?: string
    }
  | { readonly ok: false; readonly why: string }

export interface BoxOrder extends BoxName {
  /** The host's folder that holds this box's `gateway.sock`; it is all the box gets to see of the host. */
  readonly gateway: string
  readonly plan: Plan
}

/** The paths of a box as its own programs see them; on `process` they are the host's. */
export interface BoxPaths {
  readonly workspace: string
  readonly home: string
  readonly gateway: string
}

export interface Box extends AsyncDisposable {
  readonly paths: BoxPaths
  /** Bytes of the spool from position `from` on, as they come, ending when the box is over and all was read. */
  output(from: number): AsyncIterable<Uint8Array>
  /** Gives the agent a line on its standard input. Nothing happens when it is over. */
  write(line: string): void
  /** Ends the agent's standard input, after the lines written before. */
  closeInput(): void
  /** Signals the agent inside the box; `SIGKILL` ends the whole box. */
  signal(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void
  /** Resolves, and never rejects, when the box is over. `code` is the agent's own, 125 when the entry itself failed. */
  readonly exit: Promise<BoxExit>
  /**
   * Lets go of the box without ending it, where the engine's boxes outlive their runner: `adopt` takes it up again, here or
   * in another process. Elsewhere it is `close`.
   */
  leave(): Promise<void>
  /** Ends the box if it still runs, waits for all its processes, and removes what it left on the host. Safe to repeat. */
  close(): Promise<void>
}

export interface BoxExit {
  readonly code?: number
  readonly signal?: string
}

/** The exit code of a box whose entry failed: no clone, no agent to start, no push. */
export const entryFailed = 125

/**
 * What the entry is to do; the first line on its standard input. Paths in `agent` and `files` may hold `{workspace}`,
 * `{home}` and `{gateway}`, which the entry replaces by the box's own. It holds no secrets.
 */
export interface Plan {
  readonly job: string
  readonly attempt: number
  readonly git: {
    readonly from: string
    readonly branch: string
    readonly name: string
    readonly email: string
    readonly message: string
  }
  /** Text files written before the agent starts, by path. */
  readonly files: Readonly<Record<string, string>>
  /** Files fetched over the gateway's files route into `{home}/uploads/<name>`. */
  readonly uploads: readonly { readonly id: string; readonly name: string }[]
  /** The session to unpack into the home before the agent starts, and where in the home the agent keeps its own. */
  readonly session?: { readonly restore?: string; readonly folder: string }
  readonly agent: AgentCommand
  /** Seconds the agent may run before the entry ends it by itself; the runner's own limit comes first. */
  readonly timeoutSeconds: number
}

export interface AgentCommand {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Lines given to the agent's standard input at its start. */
  readonly input: readonly string[]
  /** Whether its standard input stays open for `Box.write`; the agent's own `done` line, if any, closes it. */
  readonly keepOpen: boolean
}

/**
 * The box's standard output: one JSON object a line. It comes from inside the box, so it is read as hearsay: it may fill
 * the log with nonsense, and changes nothing else.
 */
export type Report =
  /** The entry runs: always the first line. */
  | { readonly report: 'ready' }
  | { readonly report: 'cloned'; readonly commit: string }
  | { readonly report: 'output'; readonly stream: 'out' | 'err'; readonly text: string }
  | { readonly report: 'exited'; readonly code?: number; readonly signal?: string }
  | { readonly report: 'committed'; readonly commit: string }
  | { readonly report: 'pushed'; readonly commit: string }
  | { readonly report: 'failed'; readonly step: string; readonly why: string }

/** This host cannot start a box; the message is a sentence for the person who asked. */
export class NoBox extends Error {
  override name = 'NoBox'
}
