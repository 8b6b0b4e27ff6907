import type { Incoming, Pressed } from '../platform.ts'

/** Where a stored envelope comes from and who the bot is, for those who read it. */
export interface Arrival {
  readonly key: string
  readonly at: string
  /** The bot's own user, `U1`. */
  readonly bot: string | undefined
}

/** The parts of Slack's envelopes that are read: an event, a slash command, or pressed buttons. */
interface Body {
  readonly type?: string
  readonly team_id?: string
  readonly event?: Spoken
  readonly command?: string
  readonly text?: string
  readonly channel_id?: string
  readonly user_id?: string
  readonly user_name?: string
  readonly team?: { readonly id: string } | null
  readonly user?: { readonly id: string; readonly name?: string; readonly team_id?: string }
  readonly channel?: { readonly id: string }
  readonly message?: { readonly ts: string; readonly thread_ts?: string }
  readonly actions?: readonly { readonly value?: string }[]
}

interface Spoken {
  readonly type: string
  readonly subtype?: string
  readonly channel?: string
  readonly channel_type?: string
  readonly user?: string
  readonly user_team?: string
  readonly bot_id?: string
  readonly edited?: unknown
  readonly text?: string
  readonly ts?: string
  readonly thread_ts?: string
  /** Who wrote the message that the thread hangs below. */
  readonly parent_user_id?: string
  readonly files?: readonly { readonly name?: string }[]
}

/**
 * What somebody said or pressed, from one of Slack's envelopes. `undefined` for all that is none of the bot's business:
 * its own messages and other bots', edits, deletions, joins, and plain talk of a channel outside threads.
 */
export const incomingOf = (raw: unknown, { key, at, bot }: Arrival): Incoming | undefined => {
  const body = raw as Body
  const arrived = (team: string, channel: string, user: string, home: string | undefined, name?: string) => ({
    platform: 'slack',
    key,
    at,
    team: `slack:${team}`,
    channel: `slack:${team}:${channel}`,
    // Somebody of another organisation in a shared channel is known by their own team.
    person: `slack:${home ?? team}:${user}`,
    ...(name && { personName: name }),
  })

  if (body.command) {
    const { team_id: team, channel_id: channel, user_id: user, user_name: name, text = '' } = body
    if (!team || !channel || !user) return undefined
    return {
      type: 'said',
      how: 'command',
      text: readable(text),
      files: [],
      ...(isDirect(channel) && { direct: true as const, address: `slack:${team}:${channel}` }),
      ...arrived(team, channel, user, undefined, name),
    }
  }

  if (body.type === 'block_actions') {
    const { user, channel, message } = body
    const team = body.team?.id ?? user?.team_id
    const press = pressOf(body.actions?.[0]?.value)
    if (!team || !user || !channel || !press) return undefined
    const thread = message?.thread_ts ?? (isDirect(channel.id) ? undefined : message?.ts)
    return {
      type: 'pressed',
      ...press,
      address: [`slack:${team}:${channel.id}`, ...(thread ? [thread] : [])].join(':'),
      ...arrived(team, channel.id, user.id, user.team_id, user.name),
    }
  }

  const { event, team_id: team } = body
  if (!event || !team || (event.type !== 'app_mention' && event.type !== 'message')) return undefined
  const { channel, user, ts, thread_ts: thread, text = '', subtype } = event
  if (!channel || !user || !ts) return undefined
  if (subtype !== undefined && subtype !== 'file_share' && subtype !== 'thread_broadcast') return undefined
  if (event.bot_id || event.edited || user === bot || user === 'USLACKBOT') return undefined

  const direct = event.channel_type === 'im' || isDirect(channel)
  const mentioned =
    event.type === 'app_mention' || (bot !== undefined && new RegExp(`<@${bot}[|>]`).test(text))
  const how = direct ? 'direct' : mentioned ? 'mention' : thread ? 'reply' : undefined
  if (!how) return undefined
  const opens = thread ?? (direct ? undefined : ts)
  const names = (event.files ?? []).map(file => file.name ?? 'a file')
  const words = readable(withoutMention(text, bot))
  return {
    type: 'said',
    how,
    address: [`slack:${team}:${channel}`, ...(opens ? [opens] : [])].join(':'),
    text: names.length > 0 ? `${words}\n\n(Attached in Slack: ${names.join(', ')})`.trim() : words,
    files: [],
    ...(how === 'reply' && bot !== undefined && event.parent_user_id === bot && { underBot: true as const }),
    ...arrived(team, channel, user, event.user_team),
  }
}

/** The channel that one of Slack's envelopes comes from; all without one are of one lane. */
export const channelIn = (raw: unknown): string => {
  const { event, channel_id: ofCommand, channel } = raw as Body
  return event?.channel ?? ofCommand ?? channel?.id ?? ''
}

const isDirect = (channel: string): boolean => channel.startsWith('D')

const pressOf = (value: string | undefined): Pick<Pressed, 'verb' | 'job'> | undefined => {
  if (!value) return undefined
  try {
    const { verb, job } = JSON.parse(value)
    if ((verb === 'cancel' || verb === 'retry') && typeof job === 'string') return { verb, job }
  } catch (error) {
    // A button of another app's making; what else could go wrong here is not ours to hide.
    if (!(error instanceof SyntaxError)) throw error
  }
  return undefined
}

const withoutMention = (text: string, bot: string | undefined): string =>
  bot ? text.replaceAll(new RegExp(` ?<@${bot}(\\|[^>]*)?>[,:]?`, 'g'), '') : text

/** Slack's signs in plain words: links as their address, people and channels by name, the three escapes undone. */
const readable = (text: string): string =>
  text
    .replaceAll(/<([^<>|]+)(?:\|([^<>]*))?>/g, (_, sign: string, label?: string) => {
      const kind = sign[0]
      if (kind === '@') return `@${label || sign.slice(1)}`
      if (kind === '#') return `#${label || sign.slice(1)}`
      if (kind === '!') return label || `@${sign.slice(1).split('^')[0]}`
      const address = sign.replace(/^mailto:/, '')
      const same =
        !label || label === address || `https://${label}` === address || `http://${label}` === address
      return same ? address : `${label} (${address})`
    })
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .trim()
