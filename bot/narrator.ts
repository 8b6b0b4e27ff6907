import type { Logger } from 'pino'
import { isAway } from '../store/away.ts'
import type { Delivery } from '../store/records.ts'
import type { Narration, NarrationParts } from './narration.ts'
import { openNarration } from './narration.ts'
import type { Thread } from './threads.ts'

export interface NarratorParts extends NarrationParts {
  /** Kept up to date with where the jobs that are not over are shown, by delivery. */
  readonly threads?: Map<string, Thread>
  readonly log: Pick<Logger, 'error'>
  readonly signal: AbortSignal
}

interface Live {
  readonly narration: Narration
  /** Lets go of the bell. */
  readonly off: () => void
  /** There may be something new. */
  due: boolean
  busy: boolean
  /** When it went last, in milliseconds. */
  went: number
  /** Its place among the slow ticks, so that thousands do not all go in one. */
  readonly turn: number
}

/** One job's messages are worked out at most this often; more would be coalesced by the outbox anyway. */
const paceMs = 500
/** Every so many of these, time goes on in the messages of running jobs, and lost rings are made up for. */
const slowly = 10

/**
 * Shows every job that was asked for in a conversation there: follows its log, renders what the thread should show, and
 * has the outbox want it. After a restart it goes on, on the same path, from the deliveries that are not done. One job's
 * trouble is logged and tried again and holds up no other. Resolves when the signal aborts and what is in hand has settled.
 */
export const runNarrator = async (parts: NarratorParts): Promise<void> => {
  const { store, bell, log, signal, threads = new Map() } = parts
  const live = new Map<string, Live>()
  const inHand = new Set<Promise<void>>()
  let looking: Promise<void> | undefined
  let lookAgain = false
  let ticks = 0
  let followed = 0

  const offJobs = bell.on('jobs', look)
  const timer = setInterval(tick, paceMs)
  look()
  await new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  offJobs()
  clearInterval(timer)
  await looking
  for (const one of live.values()) one.off()
  threads.clear()
  await Promise.all(inHand)

  /** The one timer of all jobs. */
  function tick(): void {
    const turn = ++ticks % slowly
    if (turn === 0) look()
    for (const [id, one] of live) if (one.turn === turn || one.due) go(id, one)
  }

  function go(id: string, one: Live): void {
    if (one.busy || signal.aborted) return
    Object.assign(one, { busy: true, due: false, went: Date.now() })
    const going = one.narration
      .go()
      .then(over => {
        const thread = one.narration.thread()
        if (thread) threads.set(id, thread)
        if (!over) return
        one.off()
        live.delete(id)
        threads.delete(id)
      })
      .catch(error => {
        one.due = true
        if (!signal.aborted && !isAway(error))
          log.error({ err: error, delivery: id }, 'A job could not be shown; it is tried again.')
      })
      .finally(() => {
        one.busy = false
        inHand.delete(going)
      })
    inHand.add(going)
  }

  /** Finds the jobs that were announced and are not followed yet. A ring while it looks makes it look once more. */
  function look(): void {
    if (signal.aborted) return
    lookAgain = looking !== undefined
    looking ??= takeUp()
      .catch(error => {
        if (!signal.aborted)
          log.error({ err: error }, 'The jobs to be shown could not be read; it is tried again.')
      })
      .then(() => {
        looking = undefined
        if (lookAgain) look()
      })
  }

  async function takeUp(): Promise<void> {
    let after = ''
    while (!signal.aborted) {
      const where = { done: false, _id: { gt: after } }
      const deliveries = await store.find('deliveries', { where, limit: 500 })
      for (const delivery of deliveries) {
        if (live.has(delivery._id)) continue
        const one = follow(delivery)
        live.set(delivery._id, one)
        go(delivery._id, one)
      }
      if (deliveries.length < 500) return
      after = deliveries.at(-1)?._id ?? after
    }
  }

  function follow(delivery: Delivery): Live {
    const wake = () => {
      one.due = true
      if (Date.now() - one.went >= paceMs) go(delivery._id, one)
    }
    const offs = [`job/${delivery.job}`, `cancel/${delivery.job}`].map(topic => bell.on(topic, wake))
    const off = () => {
      for (const stop of offs) stop()
    }
    const narration = openNarration(parts, delivery)
    const turn = followed++ % slowly
    const one: Live = { narration, off, due: true, busy: false, went: 0, turn }
    return one
  }
}
