import { setTimeout } from 'node:timers/promises'
import type { REST } from 'discord.js'
import { InteractionResponseType, InteractionType, MessageFlags, Routes } from 'discord.js'
import type { Logger } from 'pino'
import type { Bell } from '../../store/bell.ts'
import type { Store } from '../../store/store.ts'
import type { InteractionData, MessageData } from './envelope.ts'
import { isSpoken, mentions } from './envelope.ts'
import { openForward } from './forward.ts'
import { keep } from './keep.ts'
import { interactionKey, messageKey } from './keys.ts'
import type { Ears, Link } from './link.ts'
import { openLink, Refused } from './link.ts'
import type { Place, Places } from './places.ts'
import { placeOf } from './places.ts'
import { asked, codeOf } from './refusal.ts'
import { openRegister } from './register.ts'
import type { Throttle } from './throttle.ts'

export interface ListenParts {
  readonly token: string
  readonly apiUrl?: string | undefined
  readonly app: string
  readonly guildId?: string | undefined
  /** Waits where Discord asks to. */
  readonly rest: REST
  readonly places: Places
  readonly store: Store
  readonly bell: Bell
  readonly throttle: Throttle
  readonly now: () => Date
  readonly log: Logger
}

/** What a person is told whose command or button could not be stored. */
const notTaken = 'Bellhop cannot reach its database right now. Try again in a minute.'
const elsewhere = 'This Bellhop serves another server.'

const firstPauseMs = 1000
const mostPauseMs = 60_000
/** After a refusal somebody has to change something first, and each try counts against the day's. */
const refusedMs = 5 * 60_000
/** What is in hand at a stop has this long to be stored. */
const farewellMs = 5000

/** The one connection to Discord's gateway. */
export interface Listening {
  /** Keeps it open until the signal aborts, and resolves when it is closed and what came is stored. Never rejects. */
  listen(signal: AbortSignal): Promise<void>
  isListening(): boolean
}

export const openListening = (parts: ListenParts): Listening => {
  const { app, guildId, rest, places, log } = parts
  let link: Link | undefined
  let user = ''
  const register = openRegister(parts)

  const placeIn = async (channel: string, guild: string | undefined): Promise<Place | undefined> => {
    if (guild === undefined) return { kind: 'direct' }
    const known = link?.channel(channel)
    return known ? places.note(channel, known) : await places.of(channel)
  }
  const selfIn = (guild: string | undefined) => {
    const self = link?.self(guild)
    return self?.user ? self : { user }
  }

  /** Stores a message where it is said to the bot, in a thread, or in a direct message. */
  const keepMessage = async (message: MessageData, guild: string | undefined): Promise<void> => {
    if (!isSpoken(message)) return
    const { id, channel_id: channel } = message
    const place = await placeIn(channel, guild)
    const self = selfIn(guild)
    if (!place || (place.kind !== 'direct' && place.kind !== 'thread' && !mentions(self, message))) return
    const body = { type: 'message' as const, place, self, message: shortOf(message), ...(guild && { guild }) }
    await keep(parts, { key: messageKey(app, channel, id), id, body }, { once: false })
  }

  const forward = openForward({
    ...parts,
    guildId,
    keep: keepMessage,
    isActive: thread => link?.isActive(thread) ?? false,
  })

  const answer = async (
    { id, token }: InteractionData,
    body: { readonly type: InteractionResponseType; readonly data?: object },
  ): Promise<void> => {
    try {
      await asked(() => rest.post(Routes.interactionCallback(id, token), { body, auth: false }))
    } catch (error) {
      // It is answered already: the gateway has repeated it, or told it to the bot that listened before.
      if (codeOf(error) !== 40060) throw error
    }
  }

  const tell = (interaction: InteractionData, content: string) =>
    answer(interaction, {
      type: InteractionResponseType.ChannelMessageWithSource,
      data: { content, flags: MessageFlags.Ephemeral },
    })

  /** Stores an interaction, then acknowledges it: a command by "thinking", which only its person sees. */
  const takeInteraction = async (interaction: InteractionData): Promise<void> => {
    const { id, type, guild_id: guild, channel_id: channel, channel: where } = interaction
    const isCommand = type === InteractionType.ApplicationCommand
    if ((!isCommand && type !== InteractionType.MessageComponent) || channel === undefined) return
    if (guild !== undefined && guildId !== undefined && guild !== guildId)
      return void (await tell(interaction, elsewhere))
    try {
      const place = where ? placeOf(where) : await placeIn(channel, guild)
      const body = {
        type: 'interaction' as const,
        place: place ?? { kind: 'flat' },
        interaction: partOf(interaction),
      }
      await keep(parts, { key: interactionKey(app, id), id, body }, { once: true })
    } catch (error) {
      log.error({ err: error }, 'a command or button of Discord could not be stored')
      return void (await tell(interaction, notTaken))
    }
    await answer(
      interaction,
      isCommand
        ? {
            type: InteractionResponseType.DeferredChannelMessageWithSource,
            data: { flags: MessageFlags.Ephemeral },
          }
        : { type: InteractionResponseType.DeferredMessageUpdate },
    )
  }

  const isListening = () => link?.isOpen() ?? false
  return {
    isListening,
    listen: async signal => {
      const tasks = new Set<Promise<void>>()
      const run = (task: Promise<void>, trouble: string): void => {
        const one = task.catch(error => log.warn({ err: error }, trouble)).finally(() => tasks.delete(one))
        tasks.add(one)
      }
      /** The messages of a channel are stored one after another. */
      const lines = new Map<string, Promise<void>>()
      const takeMessage = async (message: MessageData, guild: string | undefined): Promise<void> => {
        if (forward.isBehind(message.channel_id)) return forward.missed(message, guild)
        try {
          await keepMessage(message, guild)
        } catch (error) {
          log.error({ err: error }, 'a message of Discord could not be stored; it is read again later')
          forward.missed(message, guild)
        }
      }
      const ears: Ears = {
        ready: id => {
          user = id
          forward.all()
        },
        guild: id => {
          if (guildId !== undefined && id !== guildId) return
          run(register(id, signal), 'commands could not be registered')
          // Which of its threads are not archived is known only now.
          forward.all()
        },
        message: ({ guild_id: guild, ...message }) => {
          if (!isSpoken(message) || (guild !== undefined && guildId !== undefined && guild !== guildId))
            return
          const { channel_id: channel } = message
          const line = (lines.get(channel) ?? Promise.resolve())
            .then(() => takeMessage(message, guild))
            .finally(() => lines.get(channel) === line && lines.delete(channel))
          lines.set(channel, line)
          run(line, 'a message of Discord could not be taken')
        },
        interaction: interaction =>
          run(takeInteraction(interaction), 'an interaction of Discord could not be acknowledged in time'),
      }

      const forwarding = forward.run(signal)
      const { promise: aborted, resolve: abort } = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => abort(), { once: true })
      let failures = 0
      while (!signal.aborted) {
        try {
          link = await openLink({ ...parts, ears, signal })
          if (failures > 0) log.info('Discord is heard again')
          failures = 0
          const code = await Promise.race([link.over, aborted])
          await link.close()
          if (code !== undefined) throw new Refused(code)
        } catch (error) {
          if (signal.aborted) break
          const ms =
            error instanceof Refused ? refusedMs : Math.min(mostPauseMs, firstPauseMs * 2 ** failures)
          failures++
          log.error({ err: error }, `${sentenceOf(error)} Trying again in ${Math.ceil(ms / 1000)} s.`)
          await setTimeout(ms, undefined, { signal }).catch(() => {})
        } finally {
          link = undefined
        }
      }
      // What the store has not taken by then is read forward at the next start.
      await Promise.race([Promise.all([forwarding, ...tasks]), setTimeout(farewellMs)])
    },
  }
}

/** Only what is read of a message goes into the store. */
const shortOf = ({
  id,
  channel_id,
  type,
  content,
  author,
  mentions,
  mention_roles = [],
  attachments = [],
}: MessageData): MessageData => ({
  id,
  channel_id,
  type,
  content,
  author: personOf(author),
  mentions: mentions.map(personOf),
  mention_roles,
  attachments: attachments.map(({ filename }) => ({ filename })),
})

const partOf = (interaction: InteractionData): InteractionData => {
  const { id, token, type, guild_id, channel_id, member, user, data, message } = interaction
  const person = member?.user ?? user
  return {
    id,
    token,
    type,
    ...(guild_id && { guild_id }),
    ...(channel_id && { channel_id }),
    ...(person && { user: personOf(person) }),
    ...(data && { data }),
    ...(message && { message: { id: message.id } }),
  }
}

const personOf = ({ id, username, global_name }: MessageData['author']): MessageData['author'] => ({
  id,
  username,
  ...(global_name && { global_name }),
})

const sentenceOf = (error: unknown): string => {
  const unheard = 'so nothing said there is heard'
  if (!(error instanceof Refused)) return `Discord’s gateway cannot be reached, ${unheard} for now.`
  switch (error.code) {
    case 4004:
      return `Discord does not know the token, ${unheard}: look at DISCORD_TOKEN.`
    case 4014:
      return `Discord does not grant the bot the Message Content intent, ${unheard}: switch it on under Bot in the developer portal.`
    default:
      return `Discord closed the gateway with ${error.code}, ${unheard}.`
  }
}
