import type { Readable } from 'node:stream'

/**
 * The one door of a box. Each admitted attempt gets a folder of its own that holds `gateway.sock`; the socket is the
 * identity, so nothing inside the box keeps a token. No secret passes inwards.
 */
export interface Gateway extends AsyncDisposable {
  /**
   * Opens the socket of an attempt, closing that of an earlier one; nothing happens when it is open. What was admitted first
   * holds: a repeat cannot change its grants. Arguments are plain data: the gateway may live elsewhere. An admission is
   * remembered until its release: a box that outlived its gateway finds the socket at its place again, with what it has
   * spent. Disposing ends the sockets and keeps the folders.
   */
  admit(admission: Admission): Promise<{ readonly folder: string }>
  /** Closes the socket and removes its folder, after requests in flight were ended and metered. Safe to repeat. */
  release(job: string, attempt: number): Promise<void>
}

export interface Admission {
  readonly job: string
  readonly attempt: number
  readonly grants: Grants
}

export interface Grants {
  readonly repository: string
  /** The one ref that may be pushed to. */
  readonly push: string
  /** Files that may be fetched. */
  readonly files: readonly string[]
  /** Micro-dollars this attempt may still spend; absent means no limit. */
  readonly budget?: number
}

/** What the gateway needs of the rest of the house, put in by `main.ts`. */
export interface Doors {
  git(
    repository: string,
    request: DoorRequest,
    push: (ref: string) => string | undefined,
  ): Promise<DoorResponse>
  readFile(id: string): Promise<Readable | undefined>
  /** Keeps a file that the box sent out; gives its id. Throws an error named `TooLarge` past `limit` bytes. */
  keepFile(
    from: { readonly job: string; readonly attempt: number },
    file: OutgoingFile,
    limit: number,
  ): Promise<string>
  /** Whether this attempt is its job's last and the job is not over. One that is not any more never is again. */
  current(at: { readonly job: string; readonly attempt: number }): Promise<boolean>
  /** Micro-dollars that this attempt has spent by its log. A gateway that starts again counts on from there. */
  spent(at: { readonly job: string; readonly attempt: number }): Promise<number>
  metered(at: { readonly job: string; readonly attempt: number }, usage: Usage): Promise<void>
  refused(
    at: { readonly job: string; readonly attempt: number },
    refusal: { readonly route: 'model' | 'git' | 'files'; readonly what: string; readonly why: string },
  ): Promise<void>
}

/** `session` is the agent's own session, kept for the job that continues this one; `produced` is shown to people. */
export interface OutgoingFile {
  readonly purpose: 'session' | 'produced'
  readonly name: string
  readonly mime: string
  readonly body: Readable
}

/** Micro-dollars and tokens of one model call, read from the API's own answer. */
export interface Usage {
  readonly model: string
  readonly tokens: {
    readonly input: number
    readonly output: number
    readonly cacheRead: number
    readonly cacheWrite: number
  }
  readonly cost: number
}

export interface DoorRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Readable
}
export interface DoorResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readable | string
}

/** How to reach the model API; `undefined` where no key is set, and the model route then answers 403 with a sentence. */
export interface ModelAccess {
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
}

/** There is no gateway to ask, after asking for a while. Admit and release are safe to repeat. */
export class NoGateway extends Error {
  override name = 'NoGateway'
  constructor(options?: ErrorOptions) {
    super(
      'The gateway does not answer; is `start gateway` running on this host with the same GATEWAY_FOLDER?',
      options,
    )
  }
}
