import type { Incoming, Pressed } from '../platform.ts'
import type { Chosen } from './command.ts'
import { typed } from './command.ts'
import { addressOf } from './keys.ts'
import type { Place } from './places.ts'

interface Person {
  readonly id: string
  readonly username: string
  readonly global_name?: string | null
  readonly bot?: boolean
}

/** The parts of Discord's messages that are read, as the gateway and the REST API both give them. */
export interface MessageData {
  readonly id: string
  readonly channel_id: string
  readonly type: number
  readonly content: string
  readonly author: Person
  readonly webhook_id?: string
  readonly mentions: readonly Person[]
  readonly mention_roles?: readonly string[]
  readonly attachments?: readonly { readonly filename: string }[]
}

/** The parts of an interaction that are read: `/hop` with its options, or a pressed button. */
export interface InteractionData {
  readonly id: string
  readonly token: string
  readonly type: number
  readonly guild_id?: string
  readonly channel_id?: string
  readonly channel?: { readonly type: number; readonly parent_id?: string | null }
  readonly member?: { readonly user: Person }
  readonly user?: Person
  readonly data?: Chosen & { readonly name?: string; readonly custom_id?: string }
  readonly message?: { readonly id: string }
}

/** How the bot is mentioned: as a user, or by the role that Discord made for it. */
export interface Self {
  readonly user: string
  readonly role?: string
}

/** What lies in the inbox: the raw parts, and what is not in them. */
export type Stored =
  | {
      readonly type: 'message'
      readonly guild?: string
      readonly place: Place
      readonly self: Self
      readonly message: MessageData
    }
  | { readonly type: 'interaction'; readonly place: Place; readonly interaction: InteractionData }

/** A message of a person's own words: plain (0) or a reply (19), by no bot or webhook. */
export const isSpoken = ({ type, author, webhook_id }: MessageData): boolean =>
  (type === 0 || type === 19) && !author.bot && !webhook_id

export const mentions = ({ user, role }: Self, message: MessageData): boolean =>
  message.mentions.some(({ id }) => id === user) ||
  (role !== undefined && (message.mention_roles ?? []).includes(role))

/** The person behind an interaction: in a guild its member. */
export const presser = ({ member, user }: InteractionData): Person | undefined => member?.user ?? user

/**
 * What somebody said or pressed, from a stored envelope of Discord's. `undefined` for what is none of the bot's business:
 * plain talk outside threads, a message without words, buttons of another making.
 */
export const incomingOf = (
  stored: Stored,
  { key, at, team }: { readonly key: string; readonly at: string; readonly team: string },
): Incoming | undefined =>
  stored.type === 'message' ? saidOf(stored, { key, at, team }) : askedOf(stored, { key, at, team })

interface Arrival {
  readonly key: string
  readonly at: string
  readonly team: string
}

const saidOf = (
  { guild, place, self, message }: Extract<Stored, { type: 'message' }>,
  arrival: Arrival,
): Incoming | undefined => {
  const { channel_id: channel, author } = message
  const mentioned = mentions(self, message)
  const names = (message.attachments ?? []).map(({ filename }) => filename)
  const words = readable(message, self)
  const text = names.length > 0 ? `${words}\n\n(Attached in Discord: ${names.join(', ')})`.trim() : words
  const arrived = arrivedOf(arrival, guild, channel, place, author)
  if (place.kind === 'direct') {
    const slash = /^\/hop(?:\s+|$)/i.exec(text)
    const address = addressOf(undefined, channel)
    if (slash) {
      const command = { text: text.slice(slash[0].length), files: [], address }
      return { type: 'said', how: 'command', direct: true, ...command, ...arrived }
    }
    return text === '' ? undefined : { type: 'said', how: 'direct', text, files: [], address, ...arrived }
  }
  if (!mentioned && (place.kind !== 'thread' || text === '')) return undefined
  // A mention opens a thread below itself, which then has its id.
  const address = addressOf(guild, place.kind === 'channel' ? message.id : channel)
  return {
    type: 'said',
    how: mentioned ? 'mention' : 'reply',
    text,
    files: [],
    address,
    ...(!mentioned && place.owner === self.user && { underBot: true as const }),
    ...arrived,
  }
}

const askedOf = (
  { place, interaction }: Extract<Stored, { type: 'interaction' }>,
  arrival: Arrival,
): Incoming | undefined => {
  const { guild_id: guild, channel_id: channel, data = {}, message } = interaction
  const person = presser(interaction)
  if (!channel || !person) return undefined
  const arrived = arrivedOf(arrival, guild, channel, place, person)
  const here = addressOf(guild, channel)
  const press = pressOf(data.custom_id)
  if (press) {
    // The thread of a message in a channel has its id.
    const address = place.kind === 'channel' && message ? addressOf(guild, message.id) : here
    return { type: 'pressed', ...press, address, ...arrived }
  }
  if (data.name === undefined) return undefined
  return {
    type: 'said',
    how: 'command',
    text: typed(data),
    files: [],
    ...(place.kind !== 'channel' && { address: here }),
    ...(place.kind === 'direct' && { direct: true as const }),
    ...arrived,
  }
}

const arrivedOf = (
  arrival: Arrival,
  guild: string | undefined,
  channel: string,
  place: Place,
  { id, username, global_name }: Person,
) => ({
  platform: 'discord',
  ...arrival,
  channel: addressOf(guild, place.parent ?? channel),
  person: `discord:${id}`,
  personName: global_name || username,
})

/** What a button says in its id: `hop:cancel:<job>`. */
const pressOf = (customId: string | undefined): Pick<Pressed, 'verb' | 'job'> | undefined => {
  const [, verb, job] = /^hop:(cancel|retry):(.+)$/.exec(customId ?? '') ?? []
  return job !== undefined && (verb === 'cancel' || verb === 'retry') ? { verb, job } : undefined
}

/** Discord's signs in plain words: the bot left out, people by name, own emoji by theirs. */
const readable = ({ content, mentions: named }: MessageData, { user, role }: Self): string =>
  content
    .replaceAll(/ ?<@([!&]?)(\d+)>[,:]?/g, (sign, kind: string, id: string) => {
      if (kind === '&' ? id === role : id === user) return ''
      const person = named.find(one => one.id === id)
      return kind !== '&' && person ? sign.replace(/<.*>/, `@${person.global_name || person.username}`) : sign
    })
    .replaceAll(/<a?(:\w+:)\d+>/g, '$1')
    .trim()
