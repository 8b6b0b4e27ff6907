import { setTimeout } from 'node:timers/promises'
import type { Channel, WebSocketManager } from 'discord.js'
import {
  Client,
  DiscordjsError,
  Events,
  GatewayDispatchEvents,
  GatewayIntentBits,
  Options,
  Partials,
  SimpleShardingStrategy,
  Status,
} from 'discord.js'
import type { InteractionData, MessageData, Self } from './envelope.ts'
import type { ChannelData } from './places.ts'
import type { Throttle } from './throttle.ts'

/** What comes over the gateway. None of these may throw. */
export interface Ears {
  /** A new session: whatever was said before it is not told. Not called for one that is resumed. */
  ready(user: string): void
  guild(id: string): void
  message(data: MessageData & { readonly guild_id?: string }): void
  interaction(data: InteractionData): void
}

/** One connection to the gateway with all its reconnects, until Discord ends it for good. */
export interface Link {
  readonly isOpen: () => boolean
  /** What Discord told of a channel. */
  channel(id: string): ChannelData | undefined
  /** Whether a thread is one that has not been archived. */
  isActive(thread: string): boolean
  /** The bot as it is mentioned in a guild. */
  self(guild: string | undefined): Self
  /** Resolves with the code with which Discord ended it for good. */
  readonly over: Promise<number>
  close(): Promise<void>
}

/** What a connection has to say goodbye, twice. */
const closeMs = 1000

/**
 * Logs in and resolves with the link once a session is there. Rejects with what discord.js throws, with `Refused` for a
 * close code that is final, or when the signal aborts; nothing is left open then.
 */
export const openLink = async ({
  token,
  apiUrl,
  throttle,
  ears,
  signal,
}: {
  readonly token: string
  readonly apiUrl?: string | undefined
  readonly throttle: Throttle
  readonly ears: Ears
  readonly signal: AbortSignal
}): Promise<Link> => {
  signal.throwIfAborted()
  let strategy: SimpleShardingStrategy | undefined
  const closing = new AbortController()
  const client: Client = new Client({
    intents: [
      GatewayIntentBits.Guilds,
      GatewayIntentBits.GuildMessages,
      GatewayIntentBits.DirectMessages,
      GatewayIntentBits.MessageContent,
    ],
    partials: [Partials.Channel],
    // The log is the memory; of messages and people nothing is kept here.
    makeCache: Options.cacheWithLimits({
      ...Options.DefaultMakeCacheSettings,
      MessageManager: 0,
      PresenceManager: 0,
      ReactionManager: 0,
      GuildMemberManager: { maxSize: 1, keepOverLimit: member => member.id === client.user?.id },
    }),
    ...(apiUrl && { rest: { api: apiUrl } }),
    ws: {
      buildIdentifyThrottler: () => ({
        waitForIdentify: (_: number, signal: AbortSignal) => throttle(signal),
      }),
      buildStrategy: manager => {
        const made = new SimpleShardingStrategy(manager)
        const connect = made.connect.bind(made)
        // Closed while it logs in, a client would connect all the same.
        made.connect = async () => {
          closing.signal.throwIfAborted()
          await connect()
        }
        strategy = made
        return made
      },
    },
  })
  const { promise: over, resolve: end } = Promise.withResolvers<number>()
  client.on(Events.ShardDisconnect, ({ code }) => end(code))
  // A connection that fails is made again by itself; without a listener the first failure would end the process.
  client.on(Events.Error, () => {})
  client.on(Events.ShardError, () => {})
  const gateway: WebSocketManager = client.ws
  gateway.on(GatewayDispatchEvents.Ready, data => ears.ready(data.user.id))
  gateway.on(GatewayDispatchEvents.GuildCreate, data => data.unavailable || ears.guild(data.id))
  gateway.on(GatewayDispatchEvents.MessageCreate, data => ears.message(data))
  gateway.on(GatewayDispatchEvents.InteractionCreate, data => ears.interaction(data))

  const close = async () => {
    closing.abort()
    const shards = [...((strategy as unknown as Strategy | undefined)?.shards.values() ?? [])]
    for (const shard of shards) {
      // Ended while it connects, or between two connections, a shard would begin another all the same.
      shard.internalConnect = async () => {}
      // The failure of a socket that was let go of would end the process.
      shard.connection?.on('error', () => {})
    }
    const terminate = () => {
      for (const { connection } of shards) connection?.terminate()
    }
    // Ended between two states of a connection, a client may wait for an event that has been: it is not waited for.
    const destroyed = client.destroy()
    await Promise.race([destroyed, setTimeout(closeMs)])
    terminate()
    await Promise.race([destroyed, setTimeout(closeMs)])
    terminate()
  }

  const { promise: aborted, reject: abort } = Promise.withResolvers<never>()
  const stop = () => abort(signal.reason)
  signal.addEventListener('abort', stop)
  try {
    const refused = over.then(code => {
      throw new Refused(code)
    })
    await Promise.race([client.login(token), refused, aborted])
  } catch (error) {
    await close()
    throw error instanceof DiscordjsError && error.code === 'TokenInvalid' ? new Refused(4004) : error
  } finally {
    signal.removeEventListener('abort', stop)
  }
  const find = (id: string): Channel | undefined => client.channels.cache.get(id)
  return {
    over,
    close,
    isOpen: () => gateway.shards.every(({ status }) => status === Status.Ready),
    channel: id => {
      const found = find(id)
      if (!found) return undefined
      const owner_id = found.isThread() ? found.ownerId : undefined
      return { type: found.type, parent_id: 'parentId' in found ? found.parentId : undefined, owner_id }
    },
    isActive: thread => {
      const found = find(thread)
      return found?.isThread() === true && found.archived !== true
    },
    self: guild => {
      const { user, guilds } = client
      const role = guild && user ? guilds.cache.get(guild)?.roles.botRoleFor(user)?.id : undefined
      return { user: user?.id ?? '', ...(role && { role }) }
    },
  }
}

/** Discord closed the gateway with a code after which nothing is tried again by itself. */
export class Refused extends Error {
  override name = 'Refused'
  readonly code: number
  constructor(code: number) {
    super(`Discord closed the gateway with ${code}.`)
    this.code = code
  }
}

/** What is used of discord.js that its types keep to themselves: the shards, and the socket of each. */
interface Strategy {
  readonly shards: ReadonlyMap<number, Shard>
}
interface Shard {
  readonly connection: Socket | null
  internalConnect: () => Promise<void>
}
interface Socket {
  on(event: 'error', listener: () => void): void
  terminate(): void
}
