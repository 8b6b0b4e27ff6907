import { isAway } from './away.ts'
import type { Bell } from './bell.ts'
import type { Inbox } from './records.ts'
import type { Store } from './store.ts'
import { update } from './update.ts'

/** Pauses before an envelope is tried again; after the last it is dead. */
const pausesMs = [1000, 5000, 20_000, 60_000]
/** What a part needs that is away is tried again so often, for as long as it takes. */
const awayMs = 2000
const lookAgainMs = 5000
/** One that never comes again and is this old when it is first seen may have been kept too late. */
const lateMs = 2000
/** Its sender has this long to take it back then. */
const graceMs = 5000
/** Envelopes in hand at once, of different lanes. */
const mostInHand = 16
const page = 1000

export interface DrainParts {
  readonly store: Store
  readonly bell: Bell
  readonly platform: string
  readonly handle: (envelope: Inbox) => Promise<void>
  /** Envelopes of one lane are handled one after another; all are of one lane when not told. */
  readonly laneOf?: ((envelope: Inbox) => string) | undefined
  readonly now: () => Date
  readonly signal: AbortSignal
  readonly onDead?: (envelope: Inbox, error: unknown) => Promise<void>
}

/**
 * Hands the stored envelopes of one platform to `handle`, those of a lane one after another in order of arrival, until the
 * signal aborts and those in hand have settled. One that throws is tried again after growing pauses that hold up no other;
 * after the fifth time it is `dead` and `onDead` is told, so that the person can be. Where a part on another host is away
 * (`isAway`), no try is counted and the lane waits behind the envelope. One marked `once` that is first seen late is handed
 * over 5 s after that, if it is still there. A throw after the abort does not count: the next
 * start hands the envelope over again. Rejects with what the store throws.
 */
export const drain = async (parts: DrainParts): Promise<void> => {
  const { store, bell, platform, handle, laneOf = () => '', now, signal, onDead } = parts
  const inHand = new Map<string, { readonly id: string; readonly done: Promise<void> }>()
  /** When a failed envelope is due again, and when a lane is opened again. */
  const notBefore = new Map<string, number>()
  const shut = new Map<string, number>()
  /** Those that could have been taken back. */
  const settled = new Set<string>()
  let waiting: readonly Inbox[] = []
  let stale = true
  let due = Number.POSITIVE_INFINITY
  let worked = false
  let crash: { readonly error: unknown } | undefined
  let look = Promise.withResolvers<void>()
  const wake = () => look.resolve()
  const lookAgain = () => {
    stale = true
    wake()
  }
  const off = bell.on('inbox', lookAgain)
  signal.addEventListener('abort', wake)
  try {
    while (!signal.aborted && !crash) {
      look = Promise.withResolvers<void>()
      if (stale || due <= now().getTime()) await read()
      begin()
      if (worked && inHand.size === 0) {
        // More may be waiting than one reading gives.
        worked = false
        stale = true
        continue
      }
      const timer = setTimeout(lookAgain, Math.max(1, Math.min(lookAgainMs, due - now().getTime())))
      await look.promise
      clearTimeout(timer)
    }
  } finally {
    off()
    signal.removeEventListener('abort', wake)
    await Promise.all([...inHand.values()].map(({ done }) => done))
  }
  if (crash) throw crash.error

  /** An envelope that is in hand as the reading begins may be over before it ends, so it is left out. */
  async function read(): Promise<void> {
    stale = false
    const known = new Set([...inHand.values()].map(({ id }) => id))
    for (const times of [notBefore, shut])
      for (const [key, time] of times) if (time <= now().getTime()) times.delete(key)
    due = Math.min(...notBefore.values(), ...shut.values())
    const found = await store.find('inbox', {
      where: { platform, state: 'new' },
      by: 'receivedAt',
      limit: page,
    })
    const there = new Set(found.map(({ _id }) => _id))
    for (const id of settled) if (!there.has(id)) settled.delete(id)
    waiting = found.filter(({ _id }) => !known.has(_id))
  }

  function begin(): void {
    waiting = waiting.filter(envelope => {
      const lane = laneOf(envelope)
      const free = inHand.size < mostInHand && !inHand.has(lane) && !shut.has(lane)
      if (signal.aborted || !free || (notBefore.get(envelope._id) ?? 0) > now().getTime()) return true
      if (mayBeTakenBack(envelope)) {
        settled.add(envelope._id)
        putOff(notBefore, envelope._id, graceMs)
        return true
      }
      const done = handOver(envelope, lane)
        .catch(error => {
          crash ??= { error }
        })
        .finally(() => {
          inHand.delete(lane)
          settled.delete(envelope._id)
          worked = true
          wake()
        })
      inHand.set(lane, { id: envelope._id, done })
      return false
    })
  }

  function mayBeTakenBack({ _id, once = false, tries, receivedAt }: Inbox): boolean {
    return once && tries === 0 && !settled.has(_id) && now().getTime() - Date.parse(receivedAt) > lateMs
  }

  async function handOver(envelope: Inbox, lane: string): Promise<void> {
    try {
      await handle(envelope)
    } catch (error) {
      if (signal.aborted) return
      if (isAway(error)) {
        return putOff(shut, lane, awayMs)
      }
      const pause = pausesMs[envelope.tries]
      if (pause !== undefined) {
        putOff(notBefore, envelope._id, pause)
        await update(store, 'inbox', envelope._id, record => ({ ...record, tries: envelope.tries + 1 }))
        return
      }
      await onDead?.(envelope, error)
      await finish(envelope, 'dead')
      return
    }
    await finish(envelope, 'done')
  }

  function putOff(times: Map<string, number>, key: string, ms: number): void {
    const time = now().getTime() + ms
    times.set(key, time)
    due = Math.min(due, time)
  }

  async function finish(envelope: Inbox, state: 'done' | 'dead'): Promise<void> {
    await update(store, 'inbox', envelope._id, record => ({ ...record, state }))
  }
}
