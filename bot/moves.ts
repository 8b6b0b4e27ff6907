import type { Outbox } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import { settled } from './deliver.ts'
import type { Move } from './pace.ts'
import { stepOf } from './parts.ts'
import type { Platform } from './platform.ts'

const page = 1000
const mostPlaces = 10_000

/** The next move of every slot of a platform that does not show what it should. */
export interface Moves {
  /** As they were read last. */
  list(): readonly Move[]
  /** Reads them all again. */
  readAll(): Promise<void>
  /** Reads one slot again, after a call for it. */
  read(id: string): Promise<void>
}

export const openMoves = (store: Store, { name, limits }: Platform): Moves => {
  /** A conversation never changes its channel. */
  const places = new Map<string, { readonly channel: string; readonly team: string }>()
  const placeOf = async (conversation: string) => {
    const known = places.get(conversation)
    if (known) return known
    const { channel = conversation, team = conversation } =
      (await store.get('conversations', conversation)) ?? {}
    if (places.size >= mostPlaces) places.clear()
    places.set(conversation, { channel, team })
    return { channel, team }
  }

  /** The next move of a slot; one that shows all it should is noted as such. */
  const moveOf = async (row: Outbox): Promise<Move | undefined> => {
    const step = stepOf(row, limits.text)
    const { _id: id, conversation, urgent, n } = row
    if (!step) {
      await update(store, 'outbox', id, fresh =>
        fresh.state === 'pending' ? settled(fresh, limits.text) : undefined,
      )
      return undefined
    }
    const since = Date.parse(row.createdAt)
    return { id, kind: step.kind, conversation, urgent, n, since, ...(await placeOf(conversation)) }
  }

  let moves = new Map<string, Move>()
  return {
    list: () => [...moves.values()],
    readAll: async () => {
      const found = new Map<string, Move>()
      for (const row of await pending(store, name)) {
        const move = await moveOf(row)
        if (move) found.set(move.id, move)
      }
      moves = found
    },
    read: async id => {
      const row = await store.get('outbox', id)
      const move = row?.state === 'pending' ? await moveOf(row) : undefined
      if (move) moves.set(id, move)
      else moves.delete(id)
    },
  }
}

const pending = async (store: Store, platform: string): Promise<Iterable<Outbox>> => {
  const rows = new Map<string, Outbox>()
  while (true) {
    const from = [...rows.values()].at(-1)?.createdAt
    const before = rows.size
    const found = await store.find('outbox', {
      where: { platform, state: 'pending', ...(from && { createdAt: { gte: from } }) },
      by: 'createdAt',
      limit: page,
    })
    for (const row of found) rows.set(row._id, row)
    if (found.length < page || rows.size === before) return rows.values()
  }
}
