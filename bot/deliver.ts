import type { Outbox } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'
import { shownWith, stepOf } from './parts.ts'
import type { Platform } from './platform.ts'
import { Limited, Undeliverable } from './platform.ts'

/** What came of it. `none`: there was nothing to call for any more. */
export type Delivered =
  | { readonly type: 'done' }
  | { readonly type: 'none' }
  | { readonly type: 'limited'; readonly ms: number }
  | { readonly type: 'dead'; readonly why: string }
  | { readonly type: 'failed'; readonly error: unknown }

/**
 * Makes one call for a slot, by what it wants at this moment, if that is still a call of the given kind. What was posted
 * is stored after the call: a crash in between repeats that one post. Throws only what the store throws.
 */
export const deliver = async (
  store: Store,
  platform: Platform,
  id: string,
  kind: 'post' | 'edit',
): Promise<Delivered> => {
  const row = await store.get('outbox', id)
  const step = row?.state === 'pending' ? stepOf(row, platform.limits.text) : undefined
  if (!row || step?.kind !== kind) return { type: 'none' }
  const conversation = await store.get('conversations', row.conversation)
  if (!conversation) return await give(store, id, 'Its conversation is not there any more.')

  const { index, part } = step
  const address = conversation.address ?? conversation.channel
  let posted: { readonly messageId: string; readonly address: string }
  try {
    if (kind === 'post') posted = await platform.post(address, part.message, `${id}/${index}`)
    else {
      const messageId = index === 0 ? row.shown?.messageId : row.shown?.more?.[index - 1]?.messageId
      await platform.edit(address, messageId ?? '', part.message)
      posted = { messageId: messageId ?? '', address }
    }
  } catch (error) {
    if (error instanceof Limited) return { type: 'limited', ms: error.retryAfterMs }
    if (error instanceof Undeliverable) return await give(store, id, error.message)
    return { type: 'failed', error }
  }

  // The address comes first: a post repeated in its thread is better than later ones that open a second thread.
  if (!conversation.address && posted.address !== conversation.channel)
    await update(store, 'conversations', conversation._id, record =>
      record.address ? undefined : { ...record, address: posted.address },
    )
  await update(store, 'outbox', id, record =>
    settled(
      { ...record, shown: shownWith(record.shown, index, { messageId: posted.messageId, hash: part.hash }) },
      platform.limits.text,
    ),
  )
  return { type: 'done' }
}

/** The slot with the state that follows from what it wants and shows. */
export const settled = (row: Outbox, limit: number): Outbox => ({
  ...row,
  state: stepOf(row, limit) ? 'pending' : 'shown',
})

const give = async (store: Store, id: string, why: string): Promise<Delivered> => {
  await update(store, 'outbox', id, row => ({ ...row, state: 'dead' }))
  return { type: 'dead', why }
}
