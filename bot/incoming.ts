import { Buffer } from 'node:buffer'
import type { Logger } from 'pino'
import type { Intake, Who } from '../runner/intake.ts'
import type { Bell } from '../store/bell.ts'
import { maxInlineBytes } from '../store/events.ts'
import { idFrom, nameId } from '../store/ids.ts'
import type { Conversation, Inbox } from '../store/records.ts'
import type { Answer } from './commands.ts'
import { cancel, obey, refusal } from './commands.ts'
import { conversationOf, findConversation } from './conversations.ts'
import { parseCommand, parseMention } from './grammar.ts'
import { want } from './outbox.ts'
import type { Incoming, Pressed, Said } from './platform.ts'
import type { WhoParts } from './who.ts'
import { isPrivate, whoIs } from './who.ts'

export interface IncomingParts extends WhoParts {
  readonly bell: Bell
  readonly intake: Intake
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
        const who = await whoIs(parts, incoming)
        const conversation = await conversationOf(
          store,
          incoming,
          isPrivate(incoming) ? who.user._id : undefined,
        )
        if (isForeign(conversation, who)) return
        const text = `This could not be taken in, after five tries. Please say it again in a while, or show an admin its number in the log: ${incoming.key}.`
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
    const who = await whoIs(parts, said)
    const conversation = await conversationOf(store, said, isPrivate(said) ? who.user._id : undefined)
    if (isForeign(conversation, who))
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
    if (!conversation) return await takeStray(said)
    const [last] = await store.find('jobs', {
      where: { conversation: conversation._id, _id: { lt: idFrom(said, 'job') } },
      descending: true,
      limit: 1,
    })
    if (!last || (await store.get('identities', said.person))?.user !== last.requester) return
    const who = await whoIs(parts, said)
    await addTurn(conversation, who, said)
    const asked = await intake.say(who, last._id, said.text, said)
    if (!asked.ok) await reply(conversation, said, refusal(asked.refusal.detail))
  }

  /**
   * A reply below a message of the bot's own that belongs to no conversation: what a crash between posting and noting it
   * leaves behind. Nobody can tell which job was meant, so the person is told what to do instead.
   */
  async function takeStray(said: Said): Promise<void> {
    if (!said.underBot) return
    const detail =
      'I do not know this thread any more, after a restart. Reply in the thread that has the result, or mention me here to begin anew.'
    await reply(await conversationOf(store, said, undefined), said, { ...refusal(detail), aside: true })
  }

  async function takePressed(pressed: Pressed): Promise<void> {
    const who = await whoIs(parts, pressed)
    const detail = pressed.verb === 'cancel' ? await stop(who, pressed) : await again(who, pressed)
    if (detail === undefined) return
    const there = await findConversation(store, pressed)
    const job = there ? undefined : await store.get('jobs', pressed.job)
    const conversation = there ?? (job?.conversation && (await store.get('conversations', job.conversation)))
    if (conversation && !isForeign(conversation, who))
      await reply(conversation, pressed, { ...refusal(detail), aside: true })
  }

  async function stop(who: Who, { job }: Pressed): Promise<string | undefined> {
    const asked = await cancel(parts, who, job)
    return typeof asked === 'string' ? asked : undefined
  }

  async function again(who: Who, pressed: Pressed): Promise<string | undefined> {
    const asked = await intake.retry(who, pressed.job, pressed)
    return asked.ok ? undefined : asked.refusal.detail
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

/** Whether it is somebody else's alone. */
const isForeign = ({ owner }: Conversation, { user }: Who) => owner !== undefined && owner !== user._id

const slotOf = (key: string) => `reply-${nameId(key)}`

/** A turn holds as much text as an event. */
const clipped = (text: string) =>
  Buffer.byteLength(text) <= maxInlineBytes
    ? text
    : Buffer.from(text)
        .subarray(0, maxInlineBytes)
        .toString('utf8')
        .replace(/\ufffd+$/, '')
