import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Bell } from '../store/bell.ts'
import type { Message, Outbox } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { deliver } from './deliver.ts'
import { openMoves } from './moves.ts'
import type { Move } from './pace.ts'
import { pick } from './pace.ts'
import { openPacer } from './pacer.ts'
import { pause } from './pause.ts'
import type { Platform } from './platform.ts'
import { together } from './together.ts'

export interface Order {
  readonly platform: string
  readonly conversation: string
  /** What is wanted again in the same slot replaces what it shows. */
  readonly slot: string
  /** Ends and replies go before progress. */
  readonly urgent: boolean
  readonly message: Message
}

/**
 * Wants a slot of a conversation to show this message; nothing happens when that is wanted already, so it is safe to
 * repeat. What is wanted is on disk when the promise resolves. A slot the platform refused for good stays dead.
 */
export const want = async (
  store: Store,
  bell: Bell,
  { platform, conversation, slot, urgent, message }: Order,
  at: string,
): Promise<void> => {
  const _id = `${conversation}/${slot}`
  const wanted: Message = JSON.parse(JSON.stringify(message))
  while (true) {
    const row = await store.get('outbox', _id)
    if (row && isDeepStrictEqual(row.wanted, wanted)) return
    const changed: Outbox = row
      ? { ...row, urgent, wanted, state: row.state === 'dead' ? 'dead' : 'pending' }
      : {
          _id,
          rev: 0,
          platform,
          conversation,
          slot,
          n: await nextIn(store, conversation),
          urgent,
          createdAt: at,
          wanted,
          state: 'pending',
        }
    if (await store.put('outbox', changed)) break
  }
  bell.ring('outbox')
  bell.ring(`conversation/${conversation}`)
}

const nextIn = async (store: Store, conversation: string): Promise<number> => {
  const [last] = await store.find('outbox', { where: { conversation }, by: 'n', descending: true, limit: 1 })
  return (last?.n ?? 0) + 1
}

interface OutboxParts {
  readonly store: Store
  readonly bell: Bell
  readonly platforms: ReadonlyMap<string, Platform>
  readonly now: () => Date
  readonly signal: AbortSignal
  readonly log: Pick<Logger, 'warn'>
  /** Resolves after `ms`, or at once when the signal aborts. A test's clock stands in here. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A lost ring costs at most this much. */
const lookAgainMs = 5000
/** With thousands of slots to show, reading them takes a fifth of the time; a slow store delays nothing longer than this. */
const mostRestMs = 2000
/** Calls in hand at once on one platform. */
const mostInHand = 32

/**
 * Posts and edits what is wanted until the signal aborts and the calls in hand have settled, by the rules of `pace.ts`.
 * What fails is tried again after growing pauses; what the platform refuses for good is dead. Throws what the store throws.
 */
export const runOutbox = async (parts: OutboxParts): Promise<void> =>
  together(
    parts.signal,
    [...parts.platforms.values()].map(platform => signal => serve(platform, { ...parts, signal })),
  )

const serve = async (
  platform: Platform,
  { store, bell, now, signal, log, wait = pause }: OutboxParts,
): Promise<void> => {
  const pacer = openPacer()
  const moves = openMoves(store, platform)
  const inHand = new Set<Promise<void>>()
  let crash: { readonly error: unknown } | undefined
  let look = new AbortController()
  const wake = () => look.abort()
  let readFrom = 0
  let readBy = 0

  const make = async (move: Move) => {
    pacer.started(move)
    try {
      const delivered = await deliver(store, platform, move.id, move.kind)
      pacer.ended(move, delivered, now().getTime())
      if (delivered.type === 'dead')
        log.warn({ slot: move.id, why: delivered.why }, 'A message cannot be delivered.')
      if (delivered.type === 'failed' && !signal.aborted)
        log.warn(
          { slot: move.id, err: delivered.error },
          'A message was not delivered and will be tried again.',
        )
      await moves.read(move.id)
    } catch (error) {
      crash = { error }
    }
  }

  const read = async () => {
    const began = now().getTime()
    readBy = Number.POSITIVE_INFINITY
    await moves.readAll()
    const ended = now().getTime()
    readFrom = ended + Math.min(mostRestMs, 4 * (ended - began))
    readBy = Math.min(readBy, ended + lookAgainMs)
  }

  const off = bell.on('outbox', () => {
    readBy = 0
    wake()
  })
  signal.addEventListener('abort', wake)
  try {
    while (!signal.aborted && !crash) {
      look = new AbortController()
      if (now().getTime() >= Math.max(readFrom, readBy)) await read()
      const { start, next } = pick(moves.list(), pacer.pace, platform.limits, now().getTime())
      for (const move of start.slice(0, mostInHand - inHand.size)) {
        const made = make(move).finally(() => {
          inHand.delete(made)
          wake()
        })
        inHand.add(made)
      }
      await wait(Math.min(Math.max(readFrom, readBy), next) - now().getTime(), look.signal)
    }
  } finally {
    off()
    signal.removeEventListener('abort', wake)
    await Promise.allSettled(inHand)
  }
  if (crash) throw crash.error
}
