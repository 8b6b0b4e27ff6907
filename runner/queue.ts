/**
 * Job ids in order of urgency. A ticket is delivered at least once, and is a hint: the store is the truth, the queue is
 * filled from it, and whatever handles a ticket must be safe to repeat. Nothing here throws because the engine is away.
 */
export interface Queue extends AsyncDisposable {
  /**
   * Queues a job; priority 9 goes first, 0 last, equals in order of `add`. A job that is queued already stays once; one whose
   * ticket is being handled is delivered once more. A ticket that cannot be queued is lost, which `keepFilled` makes up for.
   */
  add(ticket: Ticket): Promise<void>
  /** Takes a waiting ticket back. One being handled is not touched. */
  remove(job: string): Promise<void>
  /**
   * Handles tickets, at most `concurrency` at once, until `signal` aborts and those in hand have settled. A handler that
   * throws has its ticket delivered again after 1 s, doubling up to 60 s.
   */
  work(
    handle: (job: string) => Promise<void>,
    options: { readonly concurrency: number; readonly signal: AbortSignal },
  ): Promise<void>
  /**
   * Calls `fill` whenever the queue does not hold its tickets: at the start of its life, and after it lost some. Of any number
   * of processes one fills at a time. A `fill` that throws is called again after 2 s. Resolves once the signal aborts.
   */
  keepFilled(fill: () => Promise<void>, signal: AbortSignal): Promise<void>
  /** Rejects within 2 s when the engine does not answer. */
  ping(): Promise<void>
}

export interface Ticket {
  readonly job: string
  readonly priority: number
  /** ISO time before which it is not delivered. */
  readonly notBefore?: string
}

/** The pause before a ticket is delivered again whose handler threw the `tried`th time: 1 s, then double, up to a minute. */
export const backoffMs = (tried: number): number => Math.min(60_000, 1000 * 2 ** (tried - 1))
