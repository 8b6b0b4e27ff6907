import type { DiscordChannel, DiscordMessage, DiscordUser, MessageBody } from './discord-shapes.ts'
import { DiscordRefusal, refusals } from './discord-shapes.ts'

const nonceMs = 5 * 60_000
const mostInFile = 10 * 1024 * 1024

/** The state of the stand-in: one guild with its channels and threads, direct messages, and all that was said there. */
export const openGuild = ({
  now,
  happened,
}: {
  readonly now: () => number
  readonly happened: (event: string, data: object) => void
}) => {
  let count = 0
  let lastMs = 0
  /** An id as Discord makes them: the time in milliseconds since 2015, shifted by 22 bits, and a number. */
  const snowflake = (): string => {
    lastMs = Math.max(lastMs, now())
    return String(((BigInt(lastMs) - 1420070400000n) << 22n) | BigInt(++count % 4_194_304))
  }
  const user = (username: string, bot = false): DiscordUser => ({
    id: snowflake(),
    username,
    global_name: bot ? null : username,
    ...(bot && { bot: true }),
  })
  const bot = user('bellhop', true)
  const guild = snowflake()
  const channels = new Map<string, DiscordChannel>()
  const messages = new Map<string, DiscordMessage[]>()
  const files = new Map<string, Buffer>()
  const nonces = new Map<string, { readonly message: DiscordMessage; readonly until: number }>()
  /** Channels that the bot may not see, speak in, or make threads in; people who take no direct messages. */
  const denied = { see: new Set<string>(), speak: new Set<string>(), threads: new Set<string>() }
  const closed = new Set<string>()

  const add = (channel: DiscordChannel): DiscordChannel => {
    channels.set(channel.id, channel)
    messages.set(channel.id, [])
    return channel
  }
  const channel = (id: string): DiscordChannel => {
    const found = channels.get(id)
    if (!found) throw refusals.channel()
    if (denied.see.has(id) || denied.see.has(found.parent_id ?? '')) throw refusals.access()
    return found
  }
  const message = (where: string, id: string): DiscordMessage => {
    const found = messages.get(channel(where).id)?.find(one => one.id === id)
    if (!found) throw refusals.message()
    return found
  }
  const where = ({ guild_id }: DiscordChannel) => (guild_id ? { guild_id } : {})

  const speak = (
    author: DiscordUser,
    to: DiscordChannel,
    body: MessageBody,
    uploads: readonly { readonly name: string; readonly bytes: Buffer }[],
    base: string,
  ): DiscordMessage => {
    const nonce = body.nonce === undefined ? undefined : `${author.id} ${to.id} ${body.nonce}`
    if ((body.nonce?.length ?? 0) > 25) throw refusals.form('nonce: must be 25 or fewer in length')
    const before = nonce && body.enforce_nonce ? nonces.get(nonce) : undefined
    if (before && before.until > now()) return before.message
    if (uploads.some(({ bytes }) => bytes.length > mostInFile)) throw refusals.tooLarge()
    check(body, uploads.length > 0)
    const id = snowflake()
    const attachments = uploads.map(({ name, bytes }) => {
      const file = snowflake()
      files.set(file, bytes)
      return { id: file, filename: name, size: bytes.length, url: `${base}/attachments/${file}/${name}` }
    })
    const content = body.content ?? ''
    const said: DiscordMessage = {
      id,
      type: 0,
      channel_id: to.id,
      author,
      timestamp: new Date(now()).toISOString(),
      edited_timestamp: null,
      content,
      components: body.components ?? [],
      attachments,
      mentions: [bot, ...people].filter(one => new RegExp(`<@!?${one.id}>`).test(content)),
      flags: body.flags ?? 0,
      ...(body.nonce !== undefined && { nonce: body.nonce }),
    }
    if (to.thread_metadata) to.thread_metadata.archived = false
    messages.get(to.id)?.push(said)
    to.last_message_id = id
    if (nonce) nonces.set(nonce, { message: said, until: now() + nonceMs })
    happened('MESSAGE_CREATE', { ...said, ...where(to) })
    return said
  }

  const check = ({ content = '', components = [] }: MessageBody, withFile: boolean): void => {
    if (content.length > 2000) throw refusals.form('content: must be 2000 or fewer in length')
    if (!content && !withFile && components.length === 0)
      throw new DiscordRefusal(400, 50006, 'Cannot send an empty message')
    if (components.length > 5) throw refusals.form('components: must be 5 or fewer in length')
    for (const row of components) {
      if (row.components.length > 5) throw refusals.form('components: must be between 1 and 5 in length')
      for (const { custom_id: custom, url, label = '', style } of row.components) {
        if (label.length > 80) throw refusals.form('label: must be 80 or fewer in length')
        if (style === 5 ? !/^https?:\/\/[^/]*\.[^/]*/.test(url ?? '') : !custom || custom.length > 100)
          throw refusals.form(style === 5 ? 'url: not a well formed URL' : 'custom_id')
      }
    }
  }

  const people = [user('ada'), user('bob')]
  const text = (name: string, type = 0) =>
    add({ id: snowflake(), type, guild_id: guild, name, last_message_id: null })

  return {
    bot,
    guild,
    people,
    channels,
    files,
    denied,
    closed,
    snowflake,
    text,
    channel,
    message,
    check,
    said: (id: string): readonly DiscordMessage[] => messages.get(id) ?? [],
    /** Somebody speaks; Discord tells everybody. */
    speak,
    /** The bot speaks, where it may. */
    post: (id: string, body: MessageBody, uploads: Parameters<typeof speak>[3], base: string) => {
      const to = channel(id)
      if (denied.speak.has(id)) throw refusals.permission()
      const [person] = to.recipients ?? []
      if (person && closed.has(person.id)) throw refusals.closedDirect()
      if (to.thread_metadata?.locked) throw refusals.archived()
      return speak(bot, to, body, uploads, base)
    },
    edit: (id: string, messageId: string, body: MessageBody): DiscordMessage => {
      const to = channel(id)
      const found = message(id, messageId)
      if (found.author !== bot) throw refusals.another()
      if (to.thread_metadata?.archived) throw refusals.archived()
      check({ content: found.content, ...body }, found.attachments.length > 0)
      found.content = body.content ?? found.content
      found.components = body.components ?? found.components
      found.edited_timestamp = new Date(now()).toISOString()
      happened('MESSAGE_UPDATE', { ...found, ...where(to) })
      return found
    },
    remove: (id: string, messageId: string): void => {
      const found = message(id, messageId)
      const all = messages.get(id) ?? []
      all.splice(all.indexOf(found), 1)
      happened('MESSAGE_DELETE', { id: messageId, channel_id: id, ...where(channel(id)) })
    },
    /** A thread below a message, which has its id, or one without. */
    thread: (
      parent: string,
      body: { readonly name?: string; readonly auto_archive_duration?: number; readonly type?: number },
      owner: DiscordUser,
      below?: string,
    ): DiscordChannel => {
      const under = channel(parent)
      if (under.type !== 0) throw new DiscordRefusal(400, 50024, 'Cannot execute action on this channel type')
      if (owner === bot && denied.threads.has(parent)) throw refusals.permission()
      if (below !== undefined) message(parent, below)
      if (below !== undefined && channels.has(below)) throw refusals.threadThere()
      if (!body.name || body.name.length > 100)
        throw refusals.form('name: must be between 1 and 100 in length')
      const made = add({
        id: below ?? snowflake(),
        // The API's own default is a private thread.
        type: below === undefined ? (body.type ?? 12) : 11,
        guild_id: guild,
        parent_id: parent,
        owner_id: owner.id,
        name: body.name,
        thread_metadata: {
          archived: false,
          locked: false,
          auto_archive_duration: body.auto_archive_duration ?? 1440,
        },
        last_message_id: null,
      })
      happened('THREAD_CREATE', { ...made, newly_created: true })
      return made
    },
    /** The channel of direct messages between somebody and the bot. */
    direct: (person: string): DiscordChannel => {
      const recipient = people.find(({ id }) => id === person)
      if (!recipient) throw new DiscordRefusal(400, 50033, 'Invalid Recipient(s)')
      return (
        [...channels.values()].find(({ recipients }) => recipients?.[0]?.id === person) ??
        add({ id: snowflake(), type: 1, recipients: [recipient], last_message_id: null })
      )
    },
    /** The guild as Discord describes it after READY. */
    described: () => ({
      id: guild,
      name: 'The Grand',
      unavailable: false,
      member_count: people.length + 1,
      owner_id: people[0]?.id,
      roles: [{ id: guild, name: '@everyone', permissions: '0', position: 0, color: 0 }],
      emojis: [],
      stickers: [],
      features: [],
      members: [{ user: bot, roles: [], joined_at: new Date(now()).toISOString(), flags: 0 }],
      presences: [],
      voice_states: [],
      stage_instances: [],
      guild_scheduled_events: [],
      soundboard_sounds: [],
      channels: [...channels.values()].filter(({ type }) => type === 0 || type === 2),
      threads: [...channels.values()].filter(one => one.thread_metadata?.archived === false),
    }),
  }
}

export type Guild = ReturnType<typeof openGuild>
