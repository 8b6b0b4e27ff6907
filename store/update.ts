import type { Kind, Records } from './records.ts'
import type { Store } from './store.ts'

/**
 * Changes a record by compare-and-set, from what is stored at that moment, until it holds. `change` gives the new record,
 * or `undefined` to leave it; it may be called again with a newer one. Gives what is stored in the end, `undefined` when
 * there is no such record.
 */
export const update = async <K extends Kind>(
  store: Store,
  kind: K,
  id: string,
  change: (record: Records[K]) => Records[K] | undefined,
): Promise<Records[K] | undefined> => {
  while (true) {
    const record = await store.get(kind, id)
    if (!record) return undefined
    const wanted = change(record)
    if (!wanted) return record
    const stored = await store.put(kind, wanted)
    if (stored) return stored
  }
}
