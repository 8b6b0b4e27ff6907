import { Buffer } from 'node:buffer'
import type { Logger } from 'pino'
import type { Intake, Who } from '../runner/intake.ts'
import { personOf } from '../runner/people.ts'
import type { Bell } from '../store/bell.ts'
import { maxInlineBytes } from '../store/events.ts'
import { idFrom, nameId } from '../store/ids.ts'
import type { Conversation, Inbox, Role } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { Answer } from './commands.ts'
import { cancel, obey, refusal } from './commands.ts'
import { conversationOf, findConversation } from './conversations.ts'
import { parseCommand, parseMention } from './grammar.ts'
import { want } from './outbox.ts'
import type { Incoming, Pressed, Said } from './platform.ts'

export interface IncomingParts {
  readonly store: Store
  readonly bell: Bell
  readonly intake: Intake
  /** The role of somebody first met, by platform. */
  readonly defaultRoles: Readonly<Record<string, Role>>
  readonly admins: readonly string[]
  readonly publicUrl: string
  readonly log: Pick<Logger, 'warn' | 'error'>
  readonly now: () => Date
}

export interface IncomingDoor {
  /** Takes what somebody said or pressed as far as a turn, a job or an answer. Safe to repeat with the same envelope. */
  take(incoming: Incoming): Promise<void>
  /** Tells the people of a conversation that an envelope could not be handled, where it can be known which. Never throws. */
  tellDead(envelope: Inbox, error: unknown): Promise<void>
}

export const openIncoming = (parts: IncomingParts): IncomingDoor => {
  const { store, bell, intake, log, now } = parts
  const failed = new Map<string, Incoming>()

  return {
    take: async incoming => {
      failed.set(incoming.key, incoming)
      if (incoming.type === 'said') await takeSaid(incoming)
      else await takePressed(incoming)
      failed.delete(incoming.key)
    },
    tellDead: async (envelope, error) => {
      log.error({ err: error, envelope: envelope._id }, 'An envelope could not be handled and is given up.')
      const incoming = failed.get(envelope._id)
      failed.delete(envelope._id)
      if (!incoming) return
      try {
        const conversation = await conversationOf(store, incoming, await ownerOf(incoming))
        const text = `This could not be taken in after five tries, and nothing was started; please say it again in a while, or show an admin this number of it: ${nameId(incoming.key)}.`
        await reply(conversation, incoming, refusal(text))
      } catch (trouble) {
        log.error(
          { err: trouble, envelope: envelope._id },
          'Nobody could be told that an envelope was given up.',
        )
      }
    },
  }

  async function takeSaid(said: Said): Promise<void> {
    if (said.how === 'reply') return await takeReply(said)
    const who = await whoIs(said)
    const isPrivate = said.how === 'direct' || said.direct || said.platform === 'web'
    const conversation = await conversationOf(store, said, isPrivate ? who.user._id : undefined)
    if (conversation.owner !== undefined && conversation.owner !== who.user._id)
      return log.warn({ envelope: said.key }, 'Somebody spoke in a conversation of another person.')
    await addTurn(conversation, who, said)
    if (await isAnswered(conversation, said)) return
    const parsed = said.how === 'command' ? parseCommand(said.text) : parseMention(said.text)
    const { files } = said
    const asked = { who, conversation, cause: said, files, inThread: said.address !== undefined }
    await reply(
      conversation,
      said,
      parsed.ok ? await obey(parts, parsed.command, asked) : refusal(parsed.detail),
    )
  }

  /** A plain reply counts in a thread that has a job, from the person who asked for it; others mention the bot. */
  async function takeReply(said: Said): Promise<void> {
    const conversation = await findConversation(store, said)
    if (!conversation) return
    const [last] = await store.find('jobs', {
      where: { conversation: conversation._id, _id: { lt: idFrom(said, 'job') } },
      descending: true,
      limit: 1,
    })
    if (!last || (await store.get('identities', said.person))?.user !== last.requester) return
    const who = await whoIs(said)
    await addTurn(conversation, who, said)
    const asked = await intake.say(who, last._id, said.text, said)
    if (!asked.ok) await reply(conversation, said, refusal(asked.refusal.detail))
  }

  async function takePressed(pressed: Pressed): Promise<void> {
    const who = await whoIs(pressed)
    const detail = pressed.verb === 'cancel' ? await stop(who, pressed) : await again(who, pressed)
    if (detail === undefined) return
    const there = await findConversation(store, pressed)
    const job = there ? undefined : await store.get('jobs', pressed.job)
    const conversation = there ?? (job?.conversation && (await store.get('conversations', job.conversation)))
    if (conversation) await reply(conversation, pressed, { ...refusal(detail), aside: true })
  }

  async function stop(who: Who, { job }: Pressed): Promise<string | undefined> {
    const asked = await cancel(parts, who, job)
    return typeof asked === 'string' ? asked : undefined
  }

  async function again(who: Who, pressed: Pressed): Promise<string | undefined> {
    const asked = await intake.retry(who, pressed.job, pressed)
    return asked.ok ? undefined : asked.refusal.detail
  }

  /** Who logged in to the page is a user already; anybody else is met by their identity. */
  async function whoIs({ platform, person, personName, team }: Incoming): Promise<Who> {
    if (platform === 'web') {
      const user = await store.get('users', person.slice('web:'.length))
      if (!user) throw new Error(`The page let somebody in who is no user: ${person}.`)
      return { user, team }
    }
    const user = await personOf(store, {
      identity: person,
      team,
      defaultRole: parts.defaultRoles[platform] ?? 'viewer',
      admins: parts.admins,
      ...(personName && { name: personName }),
    })
    return { user, team }
  }

  async function ownerOf(incoming: Incoming): Promise<string | undefined> {
    const isPrivate =
      incoming.platform === 'web' ||
      (incoming.type === 'said' && (incoming.how === 'direct' || incoming.direct))
    return isPrivate ? (await whoIs(incoming)).user._id : undefined
  }

  async function addTurn({ _id }: Conversation, who: Who, said: Said): Promise<void> {
    const { key, at, files } = said
    const text = clipped(said.how === 'command' ? `/hop ${said.text}` : said.text)
    await store.append(`conversation/${_id}`, [{ type: 'turn', key, at, by: who.user._id, text, files }])
    bell.ring(`conversation/${_id}`)
  }

  /** An answer once wanted stands: a repeat does not make it anew. */
  async function isAnswered({ _id }: Conversation, { key }: Incoming): Promise<boolean> {
    return (await store.get('outbox', `${_id}/${slotOf(key)}`)) !== undefined
  }

  async function reply({ _id, platform, owner }: Conversation, { key, person }: Incoming, answer?: Answer) {
    if (!answer) return
    const { text, aside } = answer
    const message = { text, ...(aside && owner === undefined && { onlyFor: person }) }
    const order = { platform, conversation: _id, slot: slotOf(key), urgent: true, message }
    await want(store, bell, order, now().toISOString())
  }
}

const slotOf = (key: string) => `reply-${nameId(key)}`

/** A turn holds as much text as an event. */
const clipped = (text: string) =>
  Buffer.byteLength(text) <= maxInlineBytes
    ? text
    : Buffer.from(text)
        .subarray(0, maxInlineBytes)
        .toString('utf8')
        .replace(/\ufffd+$/, '')
