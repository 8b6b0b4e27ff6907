import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Logger } from 'pino'

/** After a cut the connection is tried again at least this often. */
const retryMs = 1000
/** A server that takes this long to accept a connection counts as away. */
const connectMs = 3000
/** A connection without traffic is probed from here on, so that a dead peer is noticed. */
const probeMs = 10_000
/** Trouble is told at most this often: a connection that is cut complains at each attempt. */
const toldMs = 60_000
/** A server that takes this long to answer counts as away. */
const answerMs = 2000

export interface RedisOptions {
  readonly url: string
  /** Told of trouble. */
  readonly troubled: (error: Error) => void
  /** Keeps commands while the server is away and sends them once it is back, instead of refusing them. */
  readonly waits?: boolean
}

/**
 * A connection that comes back by itself for as long as it is not disconnected. Resolves once it is there, or at the first
 * failure: whoever opens it can live without, and must see to it that it goes on once `ready` comes.
 */
export const openRedis = async ({ url, troubled, waits = false }: RedisOptions): Promise<Redis> => {
  const client = new Redis(url, {
    connectTimeout: connectMs,
    keepAlive: probeMs,
    retryStrategy: times => Math.min(retryMs, 20 * 2 ** Math.min(times, 10)),
    // After a failover the old master answers so until it is left.
    reconnectOnError: error => error.message.startsWith('READONLY'),
    enableOfflineQueue: waits,
    maxRetriesPerRequest: waits ? null : 0,
    autoResubscribe: false,
  })
  client.on('error', troubled)
  await new Promise<void>(resolve => {
    client.once('ready', resolve)
    client.once('error', () => resolve())
  })
  return client
}

/** Tells the log of trouble with Redis, at most once a minute. */
export const tellRarely = (log: Pick<Logger, 'warn'> | undefined, what: string): ((error: Error) => void) => {
  let quietUntil = 0
  return error => {
    const time = performance.now()
    if (time < quietUntil) return
    quietUntil = time + toldMs
    log?.warn({ error: error.message }, what)
  }
}

/** Rejects within 2 s, with a sentence that holds no password, when the server does not answer. */
export const ping = async (client: Redis): Promise<void> => {
  try {
    if (client.status !== 'ready') throw new Error(`The connection is ${client.status}.`)
    await within(answerMs, client.ping())
  } catch (cause) {
    const { host, port } = client.options
    throw new Error(`Redis at ${host}:${port} does not answer.`, { cause })
  }
}

/** Ends a connection at once and for good, also one whose server hangs, and whoever else holds it and wants it back. */
export const sever = (client: Redis): void => {
  client.connect = async () => {
    throw new Error('The connection to Redis was ended.')
  }
  client.disconnect()
  client.stream?.destroy()
}

/** What `promise` gives, or a rejection after `ms`. */
export const within = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
  const over = new AbortController()
  const late = pause(ms, undefined, { signal: over.signal }).then(() => {
    throw new Error(`There was no answer within ${ms} ms.`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    late.catch(() => {})
    over.abort()
  }
}
