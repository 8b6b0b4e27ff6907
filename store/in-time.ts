import { setTimeout } from 'node:timers/promises'
import { isUnreachable } from './away.ts'
import type { Bell } from './bell.ts'
import type { Envelope } from './inbox.ts'
import { receive } from './inbox.ts'
import type { Store } from './store.ts'

/** Chat services wait 3 s for their answer; what the store leaves of them is for saying that it is away. */
const patienceMs = 2000
/** Between two tries to take an envelope back. */
const pauseMs = 500

/**
 * Stores an envelope as `receive` does. Rejects with what the store throws, or when it does not answer within 2 s; an
 * envelope marked `once` is never handled then, even if the store keeps it after all, since its person was told otherwise.
 */
export const receiveInTime = async (store: Store, bell: Bell, envelope: Envelope): Promise<void> => {
  const { once = false } = envelope
  let late = false
  const ring = (topic: string) => {
    if (!late || !once) bell.ring(topic)
  }
  const storing = receive(store, { ...bell, ring }, envelope)
  const { promise: patience, reject } = Promise.withResolvers<never>()
  const tooLate = () => reject(new Error(`The store did not answer within ${patienceMs} ms.`))
  const timer = globalThis.setTimeout(tooLate, patienceMs)
  try {
    await Promise.race([storing, patience])
  } catch (error) {
    late = true
    if (once) takeBack(store, envelope, storing).catch(() => {})
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Puts one that is done in the envelope's place, so that a write still on its way finds it taken. Tries for as long as the
 * database is away; rejects with what else the store throws.
 */
const takeBack = async (
  store: Store,
  { key, platform, at }: Envelope,
  storing: Promise<'new' | 'repeat'>,
): Promise<void> => {
  if ((await storing.catch(() => 'new')) === 'repeat') return
  const done = { _id: key, rev: 0, platform, receivedAt: at, body: null, tries: 0, state: 'done' } as const
  while (true) {
    try {
      if (await store.put('inbox', done)) return
      const there = await store.get('inbox', key)
      // What the bot has worked on is past revision 1 and stays.
      if (there?.rev !== 1 || there.state !== 'new') return
      if (await store.put('inbox', { ...there, state: 'done' })) return
    } catch (error) {
      if (!isUnreachable(error)) throw error
      await setTimeout(pauseMs, undefined, { ref: false })
    }
  }
}
