import type { Bell } from './bell.ts'
import type { Store } from './store.ts'

export interface Envelope {
  /** Names app, team and event, so that the same event stored twice is one. */
  readonly key: string
  readonly platform: string
  readonly at: string
  readonly body: unknown
  /** It never comes again: where it is not stored in time, its person is told to repeat it. */
  readonly once?: boolean
}

/** Stores an envelope and rings `inbox`. When it resolves, the envelope is on disk and may be acknowledged. */
export const receive = async (
  store: Store,
  bell: Bell,
  { key, platform, at, body, once }: Envelope,
): Promise<'new' | 'repeat'> => {
  const stored = await store.put('inbox', {
    _id: key,
    rev: 0,
    platform,
    receivedAt: at,
    body,
    tries: 0,
    state: 'new',
    ...(once && { once }),
  })
  bell.ring('inbox')
  return stored ? 'new' : 'repeat'
}

/** Drops what was done before `before` (ISO). Keep a day at least: a repeat is known by the envelope that is still here. */
export const sweepInbox = async (store: Store, before: string): Promise<number> => {
  let dropped = 0
  while (true) {
    const old = await store.find('inbox', {
      where: { state: 'done', receivedAt: { lt: before } },
      by: 'receivedAt',
      limit: 500,
    })
    for (const { _id } of old) if (await store.drop('inbox', _id)) dropped++
    if (old.length < 500) return dropped
  }
}
