/**
 * Wake-ups. A ring says "look again" and carries nothing; one that gets lost costs latency, never data, so whoever
 * listens also looks on a slow timer of its own. Topics: a log's name, `inbox`, `outbox`, `jobs`, `cancel/<job>`,
 * `conversation/<id>`, `leases/<name>`.
 */
export interface Bell extends AsyncDisposable {
  ring(topic: string): void
  /** Calls `listener` after each ring of `topic`, never inside `ring` itself. Gives back what stops it. */
  on(topic: string, listener: () => void): () => void
}
