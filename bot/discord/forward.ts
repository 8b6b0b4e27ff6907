import { setTimeout } from 'node:timers/promises'
import type { REST } from 'discord.js'
import { Routes } from 'discord.js'
import type { Logger } from 'pino'
import type { Conversation } from '../../store/records.ts'
import type { Store } from '../../store/store.ts'
import { Undeliverable } from '../platform.ts'
import type { MessageData } from './envelope.ts'
import { addressOf, channelOf, guildOf, messageKey } from './keys.ts'
import { asked } from './refusal.ts'
import { idAt, later } from './snowflake.ts'

/** Reads what was said in known threads and direct messages while nobody listened, or could not be stored. */
export interface Forward {
  /** Begins to read every known place; until one was read, nothing said there may be stored by anybody else. */
  all(): void
  /** Whether messages of a channel are left to be read. */
  isBehind(channel: string): boolean
  /** A message that is left to be read. */
  missed(message: MessageData, guild: string | undefined): void
  /** Reads whatever is behind until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>
}

interface Behind {
  readonly guild: string | undefined
  /** Read from here where the channel is no known conversation. */
  readonly from: string
  /** More was said while it was being read. */
  again: boolean
  /** Somebody spoke there just now, so it is read before the others. */
  pressing: boolean
}

/** Older threads are read only where they are still active. */
const backMs = 14 * 24 * 60 * 60_000
const page = 100
const atOnce = 4
const againMs = 2000

/**
 * What was seen of a channel last is derived from what is stored of it: its newest message in the inbox, else the newest
 * turn of its conversation, else the thread's own beginning. That needs no record of its own, and holds as long as the
 * messages of a channel are stored in their order; so one that could not be stored puts its whole channel behind.
 */
export const openForward = ({
  rest,
  store,
  app,
  guildId,
  keep,
  isActive,
  now,
  log,
}: {
  readonly rest: REST
  readonly store: Store
  readonly app: string
  readonly guildId: string | undefined
  /** Stores a message, where it is one that matters. */
  readonly keep: (message: MessageData, guild: string | undefined) => Promise<void>
  readonly isActive: (thread: string) => boolean
  readonly now: () => Date
  readonly log: Pick<Logger, 'warn' | 'info'>
}): Forward => {
  const behind = new Map<string, Behind>()
  let listing = false
  let listed = 0
  let wake = Promise.withResolvers<void>()

  const conversationsOf = async function* (): AsyncGenerator<Conversation> {
    let gt = 'discord:'
    while (true) {
      const found = await store.find('conversations', {
        where: { address: { gt, lt: 'discord;' } },
        by: 'address',
        limit: 1000,
      })
      yield* found
      if (found.length < 1000) return
      gt = found.at(-1)?.address ?? gt
    }
  }

  const list = async (): Promise<void> => {
    const oldest = idAt(now().getTime() - backMs)
    for await (const { address = '' } of conversationsOf()) {
      const guild = guildOf(address)
      const channel = channelOf(address)
      if (guild !== undefined && guildId !== undefined && guild !== guildId) continue
      if (guild !== undefined && later(channel, oldest) === oldest && !isActive(channel)) continue
      const there = behind.get(channel)
      if (!there) behind.set(channel, { guild, from: oldest, again: false, pressing: false })
    }
  }

  /** The newest message of the channel that is stored. */
  const seenIn = async (channel: string, conversation: Conversation): Promise<string> => {
    const [newest] = await store.find('inbox', {
      where: { _id: { gt: messageKey(app, channel, ''), lt: messageKey(app, `${channel};`, '') } },
      descending: true,
      limit: 1,
    })
    if (newest) return idIn(newest._id)
    let seen = conversation.owner === undefined ? channel : '0'
    let seq = 0
    while (true) {
      const turns = await store.after(`conversation/${conversation._id}`, seq)
      for (const { key } of turns)
        if (key.startsWith(messageKey(app, channel, ''))) seen = later(seen, idIn(key))
      if (turns.length === 0) return seen
      seq = turns.at(-1)?.seq ?? seq
    }
  }

  const startOf = async (channel: string, { guild, from }: Behind): Promise<string> => {
    const where = { address: addressOf(guild, channel) }
    const [conversation] = await store.find('conversations', { where, limit: 1 })
    if (!conversation) return from
    return later(await seenIn(channel, conversation), idAt(now().getTime() - backMs))
  }

  const read = async (channel: string, one: Behind, signal: AbortSignal): Promise<void> => {
    let after = await startOf(channel, one)
    while (!signal.aborted) {
      const query = new URLSearchParams({ after, limit: String(page) })
      const found = await asked<readonly MessageData[]>(() =>
        rest.get(Routes.channelMessages(channel), { query, signal }),
      )
      const inOrder = found.toSorted((a, b) => (later(a.id, b.id) === a.id ? 1 : -1))
      for (const message of inOrder) await keep(message, one.guild)
      after = inOrder.at(-1)?.id ?? after
      if (found.length < page) return
    }
  }

  /** True when it is done with, be it that the channel is gone. */
  const attempt = async (channel: string, one: Behind, signal: AbortSignal): Promise<boolean> => {
    try {
      do {
        one.again = false
        await read(channel, one, signal)
      } while (one.again && !signal.aborted)
      return true
    } catch (error) {
      if (error instanceof Undeliverable) return true
      if (!signal.aborted)
        log.warn({ err: error, channel }, 'a channel of Discord could not be read; it is tried again')
      return false
    }
  }

  /** Reads what is behind, some at once. True when nothing failed. */
  const readAll = async (signal: AbortSignal): Promise<boolean> => {
    const failed = new Set<string>()
    const taken = new Set<string>()
    const next = () => {
      const open = [...behind].filter(([channel]) => !failed.has(channel) && !taken.has(channel))
      return open.find(([, { pressing }]) => pressing) ?? open[0]
    }
    const work = async () => {
      for (let one = next(); one && !signal.aborted && !listing; one = next()) {
        const [channel, entry] = one
        taken.add(channel)
        if (!(await attempt(channel, entry, signal))) failed.add(channel)
        else if (!entry.again) behind.delete(channel)
        taken.delete(channel)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    return failed.size === 0
  }

  /** True when nothing is behind any more; false when something is to be tried again. */
  const catchUp = async (signal: AbortSignal): Promise<boolean> => {
    if (listing) {
      const before = listed
      try {
        await list()
      } catch (error) {
        if (!signal.aborted)
          log.warn({ err: error }, 'the known threads of Discord could not be listed; it is tried again')
        return false
      }
      // Another session may have begun meanwhile.
      if (before !== listed) return true
      listing = false
      if (behind.size > 0) log.info({ places: behind.size }, 'what was said in known threads is read forward')
    }
    return await readAll(signal)
  }

  return {
    all: () => {
      listing = true
      listed++
      wake.resolve()
    },
    isBehind: channel => listing || behind.has(channel),
    missed: ({ id, channel_id: channel }, guild) => {
      const there = behind.get(channel)
      if (there) Object.assign(there, { again: true, pressing: true })
      else behind.set(channel, { guild, from: String(BigInt(id) - 1n), again: false, pressing: true })
      wake.resolve()
    },
    run: async signal => {
      const stop = () => wake.resolve()
      signal.addEventListener('abort', stop)
      while (!signal.aborted) {
        wake = Promise.withResolvers()
        const done = await catchUp(signal)
        if (signal.aborted) break
        if (!done) await setTimeout(againMs, undefined, { signal }).catch(() => {})
        else if (!listing && behind.size === 0) await wake.promise
      }
      signal.removeEventListener('abort', stop)
    },
  }
}

const idIn = (key: string): string => key.split(':').at(-1) ?? '0'
