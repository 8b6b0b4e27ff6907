import type { Outbox } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import { settled } from './deliver.ts'
import type { Move } from './pace.ts'
import { stepOf } from './parts.ts'
import type { Platform } from './platform.ts'

const page = 1000
const mostPlaces = 10_000

/** Gives, each time, the next move of every slot of a platform that does not show what it should. */
export const openMoves = (store: Store, { name, limits }: Platform): (() => Promise<readonly Move[]>) => {
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

  return async () => {
    const moves: Move[] = []
    for (const row of await pending(store, name)) {
      const step = stepOf(row, limits.text)
      if (!step) {
        await update(store, 'outbox', row._id, fresh =>
          fresh.state === 'pending' ? settled(fresh, limits.text) : undefined,
        )
        continue
      }
      const { _id: id, conversation, urgent, n } = row
      const since = Date.parse(row.createdAt)
      moves.push({ id, kind: step.kind, conversation, urgent, n, since, ...(await placeOf(conversation)) })
    }
    return moves
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
