import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { Files } from './files.ts'
import type { Store } from './store.ts'
import { Unreachable } from './store.ts'

/** Pauses between two tries of a call: 0.1 s, doubled up to 2 s. */
const firstPauseMs = 100
const longestPauseMs = 2000

/**
 * The same store, whose calls wait while the database is away: one that throws `Unreachable` is repeated until it answers,
 * or throws that once the signal has aborted. A `put` or `drop` that was done although it seemed not to be is told as done;
 * only where somebody has changed the record again meanwhile, as a conflict. `lost` is told when the first call finds the
 * database away, `found` when one is answered again.
 */
export const patient = (
  store: Store,
  {
    signal,
    lost = () => {},
    found = () => {},
  }: { readonly signal: AbortSignal; readonly lost?: () => void; readonly found?: () => void },
): Store => {
  let away = false
  const answered = async <T>(call: (doubt: boolean) => Promise<T>): Promise<T> => {
    let doubt = false
    for (let ms = firstPauseMs; ; ms = Math.min(2 * ms, longestPauseMs)) {
      try {
        const answer = await call(doubt)
        if (away) {
          away = false
          found()
        }
        return answer
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error
        if (!away) {
          away = true
          lost()
        }
        doubt = true
        // The abort is told by the error of the call, not by that of the pause.
        await pause(ms, undefined, { signal }).catch(() => {})
        if (signal.aborted) throw error
      }
    }
  }
  return {
    get: (kind, id) => answered(() => store.get(kind, id)),
    put: (kind, record) =>
      answered(async doubt => {
        const stored = await store.put(kind, record)
        if (stored || !doubt) return stored
        const there = await store.get(kind, record._id)
        const wanted = JSON.stringify({ ...record, rev: record.rev + 1 })
        return there && JSON.stringify(there) === wanted ? there : undefined
      }),
    find: (kind, query) => answered(() => store.find(kind, query)),
    count: (kind, where) => answered(() => store.count(kind, where)),
    drop: (kind, id, rev) =>
      answered(
        async doubt =>
          (await store.drop(kind, id, rev)) || (doubt && (await store.get(kind, id)) === undefined),
      ),
    append: (log, entries, attempt) => answered(() => store.append(log, entries, attempt)),
    after: (log, seq, limit) => answered(() => store.after(log, seq, limit)),
    erase: (log, seqs) => answered(() => store.erase(log, seqs)),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

/**
 * The same files, whose texts and bytes are written again while the database is away, until the signal aborts. What comes as
 * a stream can be read once only, so that is not repeated.
 */
export const patientFiles = (files: Files, { signal }: { readonly signal: AbortSignal }): Files => ({
  ...files,
  write: async (id, source, limit) => {
    for (let ms = firstPauseMs; ; ms = Math.min(2 * ms, longestPauseMs)) {
      try {
        return await files.write(id, source, limit)
      } catch (error) {
        if (!(error instanceof Unreachable) || source instanceof Readable || signal.aborted) throw error
        await pause(ms, undefined, { signal }).catch(() => {})
      }
    }
  },
})
