import type { Bell } from './bell.ts'
import type { Inbox } from './records.ts'
import type { Store } from './store.ts'
import { update } from './update.ts'

export interface Envelope {
  /** Names app, team and event, so that the same event stored twice is one. */
  readonly key: string
  readonly platform: string
  readonly at: string
  readonly body: unknown
}

/** Stores an envelope and rings `inbox`. When it resolves, the envelope is on disk and may be acknowledged. */
export const receive = async (
  store: Store,
  bell: Bell,
  { key, platform, at, body }: Envelope,
): Promise<'new' | 'repeat'> => {
  const stored = await store.put('inbox', {
    _id: key,
    rev: 0,
    platform,
    receivedAt: at,
    body,
    tries: 0,
    state: 'new',
  })
  bell.ring('inbox')
  return stored ? 'new' : 'repeat'
}

/** Pauses before an envelope is tried again; after the last it is dead. */
const pausesMs = [1000, 5000, 20_000, 60_000]
const lookAgainMs = 5000

/**
 * Hands the stored envelopes of one platform to `handle`, one after another in order of arrival, until the signal aborts
 * and the one in hand has settled. One that throws is tried again after growing pauses that hold up no other; after the
 * fifth time it is `dead` and `onDead` is told, so that the person can be. A throw after the abort does not count: the
 * next start hands the envelope over again.
 */
export const drain = async ({
  store,
  bell,
  platform,
  handle,
  now,
  signal,
  onDead,
}: {
  readonly store: Store
  readonly bell: Bell
  readonly platform: string
  readonly handle: (envelope: Inbox) => Promise<void>
  readonly now: () => Date
  readonly signal: AbortSignal
  readonly onDead?: (envelope: Inbox, error: unknown) => Promise<void>
}): Promise<void> => {
  const notBefore = new Map<string, number>()
  let look = Promise.withResolvers<void>()
  const wake = () => look.resolve()
  const off = bell.on('inbox', wake)
  signal.addEventListener('abort', wake)
  try {
    while (!signal.aborted) {
      look = Promise.withResolvers<void>()
      const waiting = await store.find('inbox', {
        where: { platform, state: 'new' },
        by: 'receivedAt',
        limit: 1000,
      })
      const due = waiting.filter(({ _id }) => (notBefore.get(_id) ?? 0) <= now().getTime())
      for (const envelope of due) {
        if (signal.aborted) return
        await handOver(envelope)
      }
      if (due.length > 0) continue
      const pauses = waiting.map(({ _id }) => (notBefore.get(_id) ?? 0) - now().getTime())
      const timer = setTimeout(wake, Math.max(1, Math.min(lookAgainMs, ...pauses)))
      await look.promise
      clearTimeout(timer)
    }
  } finally {
    off()
    signal.removeEventListener('abort', wake)
  }

  async function handOver(envelope: Inbox): Promise<void> {
    try {
      await handle(envelope)
    } catch (error) {
      if (signal.aborted) return
      const pause = pausesMs[envelope.tries]
      if (pause !== undefined) {
        notBefore.set(envelope._id, now().getTime() + pause)
        await update(store, 'inbox', envelope._id, record => ({ ...record, tries: envelope.tries + 1 }))
        return
      }
      await onDead?.(envelope, error)
      await finish(envelope, 'dead')
      return
    }
    await finish(envelope, 'done')
  }

  async function finish(envelope: Inbox, state: 'done' | 'dead'): Promise<void> {
    notBefore.delete(envelope._id)
    await update(store, 'inbox', envelope._id, record => ({ ...record, state }))
  }
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
