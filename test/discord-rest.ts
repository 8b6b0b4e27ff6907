import type { IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Guild } from './discord-guild.ts'
import type { Interactions } from './discord-interactions.ts'
import type { MessageBody } from './discord-shapes.ts'
import { DiscordRefusal, refusals } from './discord-shapes.ts'

/** One call of the bot's, and how it was answered. */
export interface DiscordCall {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  /** Milliseconds since the epoch. */
  readonly at: number
}

interface Asked {
  readonly base: string
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
  readonly uploads: readonly { readonly name: string; readonly bytes: Buffer }[]
}

type Route = readonly [
  method: string,
  path: RegExp,
  answer: (parts: readonly string[], asked: Asked) => unknown,
]

/** As many posts, and as many edits, a channel takes in five seconds. */
const mostInWindow = 5
const windowMs = 5000

/** What an application registered for a guild. */
export interface Registered {
  readonly name: string
  readonly description: string
  readonly options: readonly {
    readonly name: string
    readonly type: number
    readonly options?: readonly {
      readonly name: string
      readonly type: number
      readonly required?: boolean
    }[]
  }[]
}

/** The REST API, version 10, over the state of a guild; what it does not know answers 404. */
export const openRest = ({
  token,
  guild,
  interactions,
  information,
}: {
  readonly token: string
  readonly guild: Guild
  readonly interactions: Interactions
  readonly information: () => object
}) => {
  const calls: DiscordCall[] = []
  const commands = new Map<string, readonly Registered[]>()
  const watchers = new Set<() => void>()
  const limits: { readonly path: RegExp; readonly seconds: number; left: number }[] = []
  const windows = new Map<string, number[]>()
  let registerFailures = 0
  let disowned = 0

  const routes: readonly Route[] = [
    ['GET', /^\/gateway\/bot$/, () => information()],
    ['GET', /^\/users\/@me$/, () => guild.bot],
    ['POST', /^\/users\/@me\/channels$/, (_, { body }) => guild.direct(String(body.recipient_id))],
    [
      'PUT',
      /^\/applications\/(\d+)\/guilds\/(\d+)\/commands$/,
      ([app, id = ''], { body }) => {
        if (app !== guild.bot.id || id !== guild.guild) throw refusals.access()
        if (registerFailures-- > 0) throw new DiscordRefusal(500, 0, 'Internal Server Error')
        commands.set(id, body as unknown as readonly Registered[])
        return body
      },
    ],
    [
      'POST',
      /^\/interactions\/(\d+)\/([^/]+)\/callback$/,
      ([id = '', key = ''], { body }) => {
        interactions.acknowledge(id, key, body as { readonly type: number })
      },
    ],
    ['POST', /^\/webhooks\/\d+\/([^/]+)$/, ([key = ''], { body }) => shown(interactions.follow(key, body))],
    [
      'PATCH',
      /^\/webhooks\/\d+\/([^/]+)\/messages\/([^/]+)$/,
      ([key = '', id = ''], { body }) => shown(interactions.edit(key, id, body)),
    ],
    [
      'DELETE',
      /^\/webhooks\/\d+\/([^/]+)\/messages\/([^/]+)$/,
      ([key = '', id = '']) => interactions.remove(key, id),
    ],
    ['GET', /^\/channels\/(\d+)$/, ([id = '']) => guild.channel(id)],
    [
      'PATCH',
      /^\/channels\/(\d+)$/,
      ([id = ''], { body }) => {
        const { thread_metadata: thread } = guild.channel(id)
        if (thread?.locked) throw refusals.permission()
        if (thread && typeof body.archived === 'boolean') thread.archived = body.archived
        return guild.channel(id)
      },
    ],
    [
      'GET',
      /^\/channels\/(\d+)\/messages$/,
      ([id = ''], { query }) => {
        guild.channel(id)
        const after = BigInt(query.get('after') ?? 0)
        const found = guild.said(id).filter(one => BigInt(one.id) > after)
        // Those next after the id, newest first.
        return found.slice(0, Number(query.get('limit') ?? 50)).toReversed()
      },
    ],
    [
      'POST',
      /^\/channels\/(\d+)\/messages$/,
      ([id = ''], { body, uploads, base }) => guild.post(id, body as MessageBody, uploads, base),
    ],
    [
      'PATCH',
      /^\/channels\/(\d+)\/messages\/(\d+)$/,
      ([id = '', message = ''], { body }) => guild.edit(id, message, body as MessageBody),
    ],
    [
      'POST',
      /^\/channels\/(\d+)\/messages\/(\d+)\/threads$/,
      ([id = '', message = ''], { body }) => guild.thread(id, body, guild.bot, message),
    ],
    ['POST', /^\/channels\/(\d+)\/threads$/, ([id = ''], { body }) => guild.thread(id, body, guild.bot)],
  ]

  const shown = ({ id, channel, content }: { id: string; channel: string; content: string }) => ({
    id,
    channel_id: channel,
    content,
    flags: 64,
  })

  /** How long to wait before this call, in seconds; none where it may go on. */
  const limited = (method: string, path: string): number | undefined => {
    const told = limits.find(one => one.left > 0 && one.path.test(path))
    if (told) {
      told.left--
      return told.seconds
    }
    const bucket = bucketOf(method, path)
    if (!bucket) return undefined
    const recent = (windows.get(bucket) ?? []).filter(at => at > Date.now() - windowMs)
    windows.set(bucket, recent)
    const [oldest] = recent
    if (oldest !== undefined && recent.length >= mostInWindow) return (oldest + windowMs - Date.now()) / 1000
    recent.push(Date.now())
    return undefined
  }

  const answer = async (request: IncomingMessage, base: string) => {
    const { method = 'GET', headers } = request
    const { pathname, searchParams: query } = new URL(request.url ?? '', base)
    const path = decodeURIComponent(pathname.replace(/^\/api\/v10/, ''))
    const { body, uploads } = await read(request)
    const respond = (status: number, json: unknown, more: Readonly<Record<string, string>> = {}) => {
      calls.push({ method, path, status, body, at: Date.now() })
      for (const watcher of [...watchers]) watcher()
      return { status, json, headers: more }
    }
    const open = path.startsWith('/webhooks/') || path.startsWith('/interactions/')
    if (!open && (headers.authorization !== `Bot ${token}` || disowned-- > 0))
      return respond(401, { code: 0, message: '401: Unauthorized' })
    const wait = limited(method, path)
    if (wait !== undefined)
      return respond(
        429,
        { message: 'You are being rate limited.', retry_after: wait, global: false },
        { 'retry-after': String(Math.ceil(wait)), 'x-ratelimit-scope': 'user', 'x-ratelimit-limit': '5' },
      )
    const [, pattern, handle] = routes.find(([m, p]) => m === method && p.test(path)) ?? []
    if (!pattern || !handle) return respond(404, { code: 0, message: '404: Not Found' })
    try {
      const json = handle(pattern.exec(path)?.slice(1) ?? [], { base, query, body, uploads })
      return respond(json === undefined ? 204 : 200, json)
    } catch (error) {
      if (!(error instanceof DiscordRefusal)) throw error
      return respond(error.status, { code: error.code, message: error.message })
    }
  }

  return {
    calls,
    commands,
    watchers,
    answer,
    /** The next `times` calls whose path fits are answered 429. */
    limit: (path: RegExp, seconds: number, times: number) => limits.push({ path, seconds, left: times }),
    limitless: (): void => {
      limits.length = 0
    },
    /** The token is refused so many times. */
    disown: (times: number): void => {
      disowned = times
    },
    /** Registering commands fails so many times. */
    failRegistering: (times: number): void => {
      registerFailures = times
    },
  }
}

/** Posts of a channel share a bucket, and so do its edits. */
const bucketOf = (method: string, path: string): string | undefined => {
  const [, channel, message] = /^\/channels\/(\d+)\/messages(\/\d+)?$/.exec(path) ?? []
  if (!channel || method === 'GET') return undefined
  return `${method} ${channel}${message ? ' message' : ''}`
}

/** A body as JSON, or as a form whose `payload_json` is one and whose other parts are files. */
const read = async (request: IncomingMessage): Promise<Pick<Asked, 'body' | 'uploads'>> => {
  const bytes = await buffer(request)
  const type = request.headers['content-type'] ?? ''
  if (!type.startsWith('multipart/'))
    return { body: bytes.length > 0 ? JSON.parse(bytes.toString()) : {}, uploads: [] }
  const form = await new Response(bytes, { headers: { 'content-type': type } }).formData()
  const files = [...form.values()].filter(value => typeof value !== 'string')
  return {
    body: JSON.parse(String(form.get('payload_json') ?? '{}')),
    uploads: await Promise.all(
      files.map(async file => ({ name: file.name, bytes: Buffer.from(await file.arrayBuffer()) })),
    ),
  }
}
