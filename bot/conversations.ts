import { idFrom, nameId } from '../store/ids.ts'
import type { Conversation } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { Incoming } from './platform.ts'

/** The conversation that something arrived in, `undefined` where its thread is not known. */
export const findConversation = async (
  store: Store,
  { address }: Pick<Incoming, 'address'>,
): Promise<Conversation | undefined> => {
  if (address === undefined) return undefined
  const [found] = await store.find('conversations', { where: { address }, limit: 1 })
  return found
}

/**
 * The same, made where there is none: under an id that its address gives, or its envelope where the thread is still to be
 * opened, so that the same message finds it again. `owner` is the one person who may read it.
 */
export const conversationOf = async (
  store: Store,
  incoming: Incoming,
  owner: string | undefined,
): Promise<Conversation> => {
  const known = await findConversation(store, incoming)
  if (known) return known
  const { platform, team, channel, address, at } = incoming
  const _id = address === undefined ? idFrom(incoming, 'conversation') : idAt(address)
  const made = await store.put('conversations', {
    _id,
    rev: 0,
    platform,
    team,
    channel,
    ...(address !== undefined && { address }),
    ...(owner !== undefined && { owner }),
    createdAt: at,
  })
  const conversation = made ?? (await store.get('conversations', _id))
  if (!conversation) throw new Error(`The conversation ${_id} was removed while it was being made.`)
  return conversation
}

/** A browser chat goes by the id that its page has; other addresses are too odd for one. */
const idAt = (address: string) =>
  address.startsWith('web:') ? address.slice('web:'.length) : nameId(address)
