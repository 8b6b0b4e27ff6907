import { isUnreachable } from '../store/away.ts'
import type { Store } from '../store/store.ts'
import type { Tenure, Time } from './tenure.ts'
import { NotHeld } from './tenure.ts'

const firstPauseMs = 100
const mostPauseMs = 2000

/**
 * A store for what only the holder of an office may do. Each call first makes sure of the office, and one that the store
 * leaves unanswered is repeated for as long as that takes; without the office it rejects with `NotHeld`. A `put` that was
 * stored although it seemed to fail gives `undefined` when it is repeated, as if somebody else had been first.
 */
export const heldStore = (store: Store, tenure: () => Tenure | undefined, wait: Time['wait']): Store => {
  const held = async <T>(call: () => Promise<T>): Promise<T> => {
    const mine = tenure()
    if (!mine) throw new NotHeld()
    for (let pause = firstPauseMs; ; pause = Math.min(mostPauseMs, 2 * pause)) {
      await mine.sure()
      try {
        return await call()
      } catch (error) {
        if (!isUnreachable(error)) throw error
        mine.doubt()
        await wait(pause, mine.lost)
      }
    }
  }
  return {
    get: (kind, id) => held(() => store.get(kind, id)),
    put: (kind, record) => held(() => store.put(kind, record)),
    find: (kind, query) => held(() => store.find(kind, query)),
    count: (kind, where) => held(() => store.count(kind, where)),
    drop: (kind, id, rev) => held(() => store.drop(kind, id, rev)),
    append: (log, entries, attempt) => held(() => store.append(log, entries, attempt)),
    after: (log, seq, limit) => held(() => store.after(log, seq, limit)),
    erase: (log, seqs) => held(() => store.erase(log, seqs)),
    [Symbol.asyncDispose]: async () => {},
  }
}
