import { randomUUID } from 'node:crypto'
import type { Guild } from './discord-guild.ts'
import type { DiscordChannel, DiscordMessage, DiscordUser, MessageBody } from './discord-shapes.ts'
import { refusals } from './discord-shapes.ts'

/** An answer to an interaction that only the person sees. */
export interface Aside {
  readonly id: string
  readonly user: string
  readonly channel: string
  content: string
  components: NonNullable<MessageBody['components']>
  /** Discord shows that the app is thinking. */
  thinking: boolean
  gone: boolean
}

interface Asked {
  readonly id: string
  readonly token: string
  readonly type: number
  readonly at: number
  readonly user: string
  readonly channel: string
  acknowledged: boolean
  original?: Aside
}

const answerMs = 3000
const tokenMs = 15 * 60_000

/** Interactions: each is acknowledged once and within three seconds, and its token lives for fifteen minutes. */
export const openInteractions = (
  guild: Guild,
  now: () => number,
  dispatch: (event: string, data: object) => void,
) => {
  const all = new Map<string, Asked>()
  const asides: Aside[] = []

  const send = (type: number, user: DiscordUser, channel: DiscordChannel, more: object): Asked => {
    const asked: Asked = {
      id: guild.snowflake(),
      token: randomUUID(),
      type,
      at: now(),
      user: user.id,
      channel: channel.id,
      acknowledged: false,
    }
    all.set(asked.token, asked)
    dispatch('INTERACTION_CREATE', {
      id: asked.id,
      application_id: guild.bot.id,
      type,
      token: asked.token,
      version: 1,
      channel_id: channel.id,
      channel: {
        id: channel.id,
        type: channel.type,
        name: channel.name,
        ...(channel.parent_id && { parent_id: channel.parent_id }),
      },
      ...(channel.guild_id
        ? {
            guild_id: channel.guild_id,
            member: { user, roles: [], joined_at: new Date(0).toISOString(), permissions: '0', flags: 0 },
          }
        : { user }),
      locale: 'en-US',
      entitlements: [],
      authorizing_integration_owners: {},
      attachment_size_limit: 10_485_760,
      ...more,
    })
    return asked
  }
  const aside = (asked: Asked, body: MessageBody, thinking: boolean): Aside => {
    if (!thinking) guild.check(body, false)
    const made = {
      id: guild.snowflake(),
      user: asked.user,
      channel: asked.channel,
      content: body.content ?? '',
      components: body.components ?? [],
      thinking,
      gone: false,
    }
    asides.push(made)
    return made
  }
  const live = (token: string): Asked => {
    const asked = all.get(token)
    if (!asked?.acknowledged) throw refusals.webhook()
    if (now() - asked.at > tokenMs) throw refusals.token()
    return asked
  }
  const find = (token: string, message: string): Aside => {
    const asked = live(token)
    const found =
      message === '@original'
        ? asked.original
        : asides.find(({ id, user }) => id === message && user === asked.user)
    if (!found || found.gone) throw refusals.message()
    return found
  }

  return {
    /** Everything that people were shown alone, gone or not. */
    asides,
    all: (): readonly Asked[] => [...all.values()],
    command: (user: DiscordUser, channel: DiscordChannel, data: object) => send(2, user, channel, { data }),
    press: (user: DiscordUser, channel: DiscordChannel, message: DiscordMessage, customId: string) =>
      send(3, user, channel, { message, data: { component_type: 2, custom_id: customId } }),
    acknowledge: (
      id: string,
      token: string,
      body: { readonly type: number; readonly data?: MessageBody },
    ) => {
      const asked = all.get(token)
      if (!asked || asked.id !== id || now() - asked.at > answerMs) throw refusals.interaction()
      if (asked.acknowledged) throw refusals.acknowledged()
      asked.acknowledged = true
      if (body.type === 4 || body.type === 5) asked.original = aside(asked, body.data ?? {}, body.type === 5)
    },
    follow: (token: string, body: MessageBody): Aside => aside(live(token), body, false),
    edit: (token: string, message: string, body: MessageBody): Aside => {
      const found = find(token, message)
      guild.check({ content: found.content, ...body }, false)
      found.content = body.content ?? found.content
      found.components = body.components ?? found.components
      found.thinking = false
      return found
    },
    remove: (token: string, message: string): void => {
      const found = find(token, message)
      found.gone = true
      found.thinking = false
    },
  }
}

export type Interactions = ReturnType<typeof openInteractions>
