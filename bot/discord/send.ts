import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { RawFile, REST } from 'discord.js'
import { ChannelType, Routes, ThreadAutoArchiveDuration } from 'discord.js'
import type { Message } from '../../store/records.ts'
import type { Store } from '../../store/store.ts'
import type { Platform, Posted } from '../platform.ts'
import { Undeliverable } from '../platform.ts'
import type { Answers, Interaction } from './answers.ts'
import { bodyOf, nameOf } from './body.ts'
import { addressOf, channelOf, guildOf } from './keys.ts'
import type { Place, Places } from './places.ts'
import { asked, codeOf } from './refusal.ts'

/** What a server without boosts takes for a file. */
const mostInFile = 10 * 1024 * 1024
const mostHalfDone = 1000
/** Ids of what one person alone was shown begin so; it cannot be edited. */
const aside = 'aside:'

/**
 * Posting and editing in Discord. Under a channel's address a message opens a thread below itself; under the address of a
 * thread that is still to come, below the person's message that has its id. A posting that is repeated under its id within
 * some minutes is one message.
 */
export const openSend = ({
  rest,
  places,
  answers,
  store,
  readFile,
}: {
  readonly rest: REST
  readonly places: Places
  readonly answers: Answers
  readonly store: Store
  readonly readFile: (id: string) => Promise<Readable | undefined>
}): Pick<Platform, 'post' | 'edit'> => {
  /** Messages that were posted before something behind them failed, by the posting's id. */
  const halfDone = new Map<string, string>()

  const parentOf = async (address: string): Promise<string | undefined> => {
    const [conversation] = await store.find('conversations', { where: { address }, limit: 1 })
    const parent = conversation && channelOf(conversation.channel)
    return parent === channelOf(address) ? undefined : parent
  }

  /** Posts in a channel, once under this id. */
  const put = async (channel: string, message: Message, posting: string | undefined): Promise<string> => {
    const before = posting === undefined ? undefined : halfDone.get(posting)
    if (before !== undefined) return before
    const { file, body } = await withFile(message)
    const nonce = posting && { nonce: nonceOf(posting), enforce_nonce: true }
    const { id } = await asked<{ readonly id: string }>(() =>
      rest.post(Routes.channelMessages(channel), {
        body: { ...body, ...nonce },
        ...(file && { files: [file] }),
      }),
    )
    if (posting !== undefined) {
      if (halfDone.size >= mostHalfDone) halfDone.clear()
      halfDone.set(posting, id)
    }
    return id
  }

  const withFile = async (message: Message): Promise<{ body: ReturnType<typeof bodyOf>; file?: RawFile }> => {
    if (!message.file) return { body: bodyOf(message) }
    const { id, name } = message.file
    const stored = await readFile(id)
    if (!stored) throw new Undeliverable(`The file ${name} is not stored any more.`)
    const data = await upTo(stored, mostInFile)
    if (data) return { body: bodyOf(message), file: { name, data } }
    const sorry = `\`${name}\` is larger than the 10 MB that Discord takes; it is on the job’s page.`
    return { body: bodyOf({ ...message, text: [message.text, sorry].filter(Boolean).join('\n') }) }
  }

  /** Starts the thread below a message. Where it cannot be, people read on in the channel itself. */
  const startThread = async (
    channel: string,
    below: string,
    message: Message,
  ): Promise<string | undefined> => {
    try {
      const body = { name: nameOf(message), auto_archive_duration: ThreadAutoArchiveDuration.OneDay }
      await asked(() => rest.post(Routes.threads(channel, below), { body }))
    } catch (error) {
      // The message has one already, from before a crash.
      if (codeOf(error) !== 160004) {
        if (error instanceof Undeliverable || codeOf(error) === 160006) return undefined
        throw error
      }
    }
    places.note(below, { type: ChannelType.PublicThread, parent_id: channel })
    return below
  }

  /** Posts under an address as everybody may read it. */
  const say = async (
    address: string,
    message: Message,
    posting: string | undefined,
    opens: boolean,
  ): Promise<Posted> => {
    const channel = channelOf(address)
    const place = await places.of(channel)
    if (!place) {
      const parent = await parentOf(address)
      if (parent === undefined) throw new Undeliverable(`There is no channel ${channel} any more.`)
      const thread = await startThread(parent, channel, message)
      return { messageId: await put(thread ?? parent, message, posting), address }
    }
    const messageId = await put(channel, message, posting)
    if (place.kind !== 'channel' || !opens) return { messageId, address }
    const thread = await startThread(channel, messageId, message)
    return { messageId, address: thread === undefined ? address : addressOf(guildOf(address), thread) }
  }

  /** Shows it to one person: as the answer to what they did, else in a direct message. */
  const whisper = async (
    address: string,
    message: Message,
    posting: string | undefined,
    to: Interaction | undefined,
  ): Promise<Posted> => {
    const n = Number(posting?.split('/').at(-1) ?? 0)
    const shown = to && (await answers.show(to, bodyOf(message), n))
    if (shown !== undefined) return { messageId: aside + shown, address }
    const recipient = message.onlyFor?.split(':').at(-1)
    if (recipient === undefined) return await say(address, message, posting, false)
    try {
      const body = { recipient_id: recipient }
      const { id } = await asked<{ readonly id: string }>(() => rest.post(Routes.userChannels(), { body }))
      return { messageId: aside + (await put(id, message, posting)), address }
    } catch (error) {
      if (!(error instanceof Undeliverable) || n > 0) throw error
      const text =
        'The answer is for you alone, and I cannot send you direct messages. Allow them for this server, or ask again with `/hop`.'
      return await say(address, { text }, posting, false)
    }
  }

  return {
    post: async (address, message, posting) => {
      const to = await answers.behind(posting)
      const place = to?.isAnswer ? await places.of(channelOf(address)) : undefined
      const posted =
        message.onlyFor || (to && place?.kind === 'channel')
          ? await whisper(address, message, posting, to)
          : await say(address, message, posting, !isAnswer(posting))
      if (to && !posted.messageId.startsWith(aside)) await answers.settle(to, pointer(posted.address, to))
      if (posting !== undefined) halfDone.delete(posting)
      return posted
    },
    edit: async (address, messageId, message) => {
      if (message.onlyFor || messageId.startsWith(aside))
        throw new Undeliverable('What only one person sees is not edited.')
      const channel = channelOf(address)
      const place = await places.of(channel)
      const where = await whereIs(address, messageId, place)
      const { content, components, allowed_mentions } = bodyOf(message)
      const edit = () =>
        asked(() =>
          rest.patch(Routes.channelMessage(where, messageId), {
            body: { content, components, allowed_mentions },
          }),
        )
      try {
        await edit()
      } catch (error) {
        if (codeOf(error) !== 50083) throw error
        await asked(() => rest.patch(Routes.channel(where), { body: { archived: false } }))
        await edit()
      }
    },
  }

  /** The message that a thread hangs below has its id and stands in the channel; all others stand in the thread. */
  async function whereIs(address: string, messageId: string, place: Place | undefined): Promise<string> {
    const channel = channelOf(address)
    if (place && messageId !== channel) return channel
    return place?.parent ?? (await parentOf(address)) ?? channel
  }
}

/** Whether the posting is an answer and no message of a job. */
const isAnswer = (posting: string | undefined): boolean => /\/reply-\w+\/\d+$/.test(posting ?? '')

/** Where the job is, for whoever is not in that place. */
const pointer = (address: string, { channel }: Interaction): string | undefined =>
  channelOf(address) === channel ? undefined : `See <#${channelOf(address)}>`

/** A nonce has 25 characters at most. */
const nonceOf = (posting: string): string =>
  createHash('sha256').update(posting).digest('base64url').slice(0, 25)

/** All bytes of a stream, or `undefined` when it has more than `most`. */
const upTo = async (stream: Readable, most: number): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    const piece = Buffer.from(chunk)
    bytes += piece.length
    if (bytes > most) return undefined
    chunks.push(piece)
  }
  return Buffer.concat(chunks)
}
