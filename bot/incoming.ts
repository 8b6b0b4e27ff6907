import type { Logger } from 'pino'
import type { Intake, Who } from '../runner/intake.ts'
import { personOf } from '../runner/people.ts'
import type { Bell } from '../store/bell.ts'
import { nameId } from '../store/ids.ts'
import type { Conversation, Inbox, Message, Role } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { Answer } from './commands.ts'
import { obey } from './commands.ts'
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
  readonly log: Logger
  readonly now: () => Date
}

export interface IncomingDoor {
  /** Takes what somebody said or pressed as far as a turn, a job or an answer. Safe to repeat with the same envelope. */
  take(incoming: Incoming): Promise<void>
  /** Tells the people of a conversation that an envelope could not be handled, where it can be known which. */
  tellDead(envelope: Inbox, error: unknown): Promise<void>
}

export const openIncoming = (parts: IncomingParts): IncomingDoor => {
  const { store, bell, intake, log, now } = parts
  const inHand = new Map<string, Incoming>()

  return {
    take: async incoming => {
      inHand.set(incoming.key, incoming)
      if (incoming.type === 'said') await takeSaid(incoming)
      else await takePressed(incoming)
      inHand.delete(incoming.key)
    },
    tellDead: async (envelope, error) => {
      log.error({ err: error, envelope: envelope._id }, 'an envelope could not be handled')
      const incoming = inHand.get(envelope._id)
      inHand.delete(envelope._id)
      if (!incoming) return
      const conversation = await conversationOf(store, incoming, undefined)
      const text =
        '❌ This could not be taken in, after five tries. Nothing was started; please say it again in a while.'
      await answer(conversation, incoming.key, { text })
    },
  }

  async function takeSaid(said: Said): Promise<void> {
    const who = await whoIs(said)
    if (said.how === 'reply') return await takeReply(who, said)
    const conversation = await conversationOf(store, said, said.how === 'direct' ? who.user._id : undefined)
    await addTurn(conversation, who, said)
    const parsed = said.how === 'command' ? parseCommand(said.text) : parseMention(said.text)
    const answered: Answer = parsed.ok
      ? await obey(parts, who, parsed.command, {
          conversation,
          cause: said,
          files: said.files,
          person: said.person,
        })
      : { refused: parsed.detail }
    await reply(conversation, said, answered)
  }

  /** A plain reply counts in a thread that has a job, from the person who asked for it; others mention the bot. */
  async function takeReply(who: Who, said: Said): Promise<void> {
    const conversation = await findConversation(store, said)
    if (!conversation) return
    const [last] = await store.find('jobs', {
      where: { conversation: conversation._id },
      descending: true,
      limit: 1,
    })
    if (!last || last.requester !== who.user._id) return
    await addTurn(conversation, who, said)
    const asked = await intake.say(who, last._id, said.text, said)
    await reply(conversation, said, asked.ok ? {} : { refused: asked.refusal.detail })
  }

  async function takePressed(pressed: Pressed): Promise<void> {
    const who = await whoIs(pressed)
    const asked =
      pressed.verb === 'cancel'
        ? await intake.cancel(who, pressed.job)
        : await intake.retry(who, pressed.job, pressed)
    if (asked.ok) return
    const conversation = await conversationOf(store, pressed, undefined)
    await answer(conversation, pressed.key, { text: `⚠️ ${asked.refusal.detail}`, onlyFor: pressed.person })
  }

  async function whoIs({ platform, person, personName, team }: Incoming): Promise<Who> {
    const loggedIn = platform === 'web' ? await store.get('users', person.slice('web:'.length)) : undefined
    if (loggedIn) return { user: loggedIn, team }
    const user = await personOf(store, {
      identity: person,
      team,
      defaultRole: parts.defaultRoles[platform] ?? 'viewer',
      admins: parts.admins,
      ...(personName && { name: personName }),
    })
    return { user, team }
  }

  async function addTurn(
    conversation: Conversation,
    who: Who,
    { key, at, text, files }: Said,
  ): Promise<void> {
    await store.append(`conversation/${conversation._id}`, [
      { type: 'turn', key, at, by: who.user._id, text, files },
    ])
    bell.ring(`conversation/${conversation._id}`)
  }

  async function reply(conversation: Conversation, said: Said, { refused, message }: Answer): Promise<void> {
    if (refused !== undefined) await answer(conversation, said.key, { text: `⚠️ ${refused}` })
    else if (message) await answer(conversation, said.key, message)
  }

  async function answer(conversation: Conversation, key: string, message: Message): Promise<void> {
    const slot = `reply/${nameId(key)}`
    const order = {
      platform: conversation.platform,
      conversation: conversation._id,
      slot,
      urgent: true,
      message,
    }
    await want(store, bell, order, now().toISOString())
  }
}
