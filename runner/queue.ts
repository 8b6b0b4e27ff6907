/**
 * Job ids in order of urgency. A ticket is delivered at least once, and is a hint: the store is the truth, the queue is
 * refilled from it at start, and whatever handles a ticket must be safe to repeat.
 */
export interface Queue extends AsyncDisposable {
  /** Queues a job; priority 9 goes first, 0 last, equals in order of `add`. A job that is queued already stays once. */
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
}

export interface Ticket {
  readonly job: string
  readonly priority: number
  /** ISO time before which it is not delivered. */
  readonly notBefore?: string
}
