import { nameId } from '../store/ids.ts'
import { receive } from '../store/inbox.ts'
import type { Conversation } from '../store/records.ts'
import { granted, Problem } from './problem.ts'
import type { Asked, WebParts } from './web.ts'

export interface Typed {
  readonly text?: string
  readonly press?: { readonly verb: 'cancel' | 'retry'; readonly job: string }
  /** The same key from the same person a second time says nothing more. */
  readonly key: string
}

/** A browser chat, or one that its first message, still in the inbox, is about to open. */
export type Chat = { readonly id: string; readonly conversation?: Conversation }

/**
 * Opens a browser chat with its first message and gives its id, which is made of the person and the key: nobody can choose
 * the id of a conversation that is somebody else's.
 */
export const openChat = async (parts: WebParts, c: Asked, typed: Typed): Promise<string> => {
  const id = nameId(`chat ${c.var.who.user._id} ${typed.key}`)
  await keep(parts, c, id, { ...typed, key: id })
  return id
}

/** Says more in a browser chat of this person. Throws a `Problem` for any other conversation. */
export const sayMore = async (parts: WebParts, c: Asked, id: string, typed: Typed): Promise<void> => {
  const { conversation } = await findChat(parts, c, id)
  if (conversation && conversation.platform !== 'web')
    throw new Problem({
      status: 409,
      detail: 'This conversation is not in the browser; answer where it was begun.',
    })
  await keep(parts, c, id, typed)
}

/** The conversation, for somebody who may see it. Throws a `Problem` of 404 otherwise. */
export const findChat = async ({ store, intake }: WebParts, c: Asked, id: string): Promise<Chat> => {
  const found = await intake.conversation(c.var.who, id)
  if (found.ok) return { id, conversation: found.value }
  const opening = await store.get('inbox', keyOf(c, id))
  if (!opening || !opens(opening.body, id)) return granted(found)
  if (!(await store.get('conversations', id))) return { id }
  // The bot has opened it since it was looked for.
  return { id, conversation: granted(await intake.conversation(c.var.who, id)) }
}

/** Keys of later messages are the sender's to choose, so the envelope itself has to say that it opens this chat. */
const opens = (body: unknown, id: string): boolean =>
  typeof body === 'object' && body !== null && 'conversation' in body && body.conversation === id

const keyOf = (c: Asked, key: string) => `web:${c.var.who.user._id}:${key}`

/** On disk when it resolves; the bot takes it from there. */
const keep = async (parts: WebParts, c: Asked, id: string, { text, press, key }: Typed) => {
  const { user } = c.var.who
  const body = { user: user._id, name: user.name, conversation: id, text, press }
  const at = parts.now().toISOString()
  await receive(parts.store, parts.bell, { key: keyOf(c, key), platform: 'web', at, body })
}
