import type { Bell } from '../../store/bell.ts'
import { receive } from '../../store/inbox.ts'
import type { Store } from '../../store/store.ts'
import type { Stored } from './envelope.ts'
import { timeOf } from './snowflake.ts'

/** Discord waits 3 s for the answer to an interaction; what is left of them is for saying that the store is away. */
const patienceMs = 2000

/**
 * Stores an envelope of Discord's and rings `inbox`; its time is the one in its id, so that a repeat is the same to the
 * letter. Rejects with what the store throws, or when it does not answer within 2 s. `takeBack`: what it keeps after all is
 * taken out again, as its person was told otherwise.
 */
export const keep = async (
  { store, bell }: { readonly store: Store; readonly bell: Bell },
  { key, id, body }: { readonly key: string; readonly id: string; readonly body: Stored },
  { takeBack }: { readonly takeBack: boolean },
): Promise<void> => {
  let late = false
  const ring = (topic: string) => {
    if (!late || !takeBack) bell.ring(topic)
  }
  const storing = receive(store, { ...bell, ring }, { key, platform: 'discord', at: timeOf(id), body })
  const { promise: patience, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`The store did not answer within ${patienceMs} ms.`)),
    patienceMs,
  )
  try {
    await Promise.race([storing, patience])
  } catch (error) {
    late = true
    if (takeBack) void drop(store, key, storing)
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** What the bot has worked on is past revision 1 and stays. */
const drop = async (store: Store, key: string, storing: Promise<'new' | 'repeat'>): Promise<void> => {
  try {
    if ((await storing.catch(() => 'new')) === 'new') await store.drop('inbox', key, 1)
  } catch {
    // The store is still away, and so is what it might have kept.
  }
}
