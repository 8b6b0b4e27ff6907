import { isUnreachable } from '../store/away.ts'
import type { Lease } from '../store/records.ts'
import type { Store } from '../store/store.ts'

/** What was asked for needs an office that is not held any more. */
export class NotHeld extends Error {
  override name = 'NotHeld'
  constructor() {
    super('The office is not held by this process any more.')
  }
}

/** An office changes hands when its lease was not renewed for so long. */
export const leaseMs = 9000
/** After so long without a renewal its holder makes sure first, well before anybody else can have the office. */
const sureMs = 8000
const renewEveryMs = 3000
/** So often while the store is away. */
const retryMs = 1000
/** A store that takes longer to answer counts as away until it does. */
const slowMs = 2000

export interface Time {
  readonly now: () => Date
  /** Milliseconds that only ever grow. */
  readonly tick: () => number
  /** Resolves after `ms`, or at once when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface TenureParts extends Time {
  readonly store: Store
  /** Nothing waits for a store that is away any more once this aborts. */
  readonly stopping: AbortSignal
  /** Told when the store stops answering, and when it answers again. */
  readonly away: (isAway: boolean) => void
}

/** One time of holding an office, from the lease won to the office lost or left. */
export interface Tenure {
  /** Aborts when another process has the office. */
  readonly lost: AbortSignal
  /** Resolves when the office is surely held at this moment, after a renewal where it must; rejects with `NotHeld`. */
  sure(): Promise<void>
  /** The store was found away: nothing is sure before the next renewal. */
  doubt(): void
  /** Ends the renewals and drops the lease, so that the office is free at once. Rejects with what failed in the store meanwhile. */
  end(): Promise<void>
}

export const until = (now: Date): string => new Date(now.getTime() + leaseMs).toISOString()

/**
 * Renews a lease that was asked for at the tick `at`. While the store is away the office is kept: nobody else can get it
 * either. Both clocks must say that the lease is young, since one stands still in a machine that sleeps.
 */
export const openTenure = (
  { store, now, tick, wait, stopping, away }: TenureParts,
  lease: Lease,
  at: number,
): Tenure => {
  const lost = new AbortController()
  let mine = lease
  let sureUntil = at + sureMs
  let over = false
  let isAway = false
  let nudge = new AbortController()
  let beat = Promise.withResolvers<void>()

  const wake = () => nudge.abort()
  const tell = () => {
    beat.resolve()
    beat = Promise.withResolvers()
  }
  const found = (state: boolean) => {
    if (isAway !== state) away(state)
    isAway = state
  }

  const renew = async (): Promise<void> => {
    const began = tick()
    const stored = await store.put('leases', { ...mine, until: until(now()) })
    const there = stored ?? (await store.get('leases', mine._id))
    found(false)
    if (there?.holder !== mine.holder) return lost.abort()
    mine = there
    // A renewal that was stored although it seemed to fail is followed by one that counts.
    if (stored) sureUntil = began + sureMs
    else wake()
  }

  const keepRenewing = async (): Promise<void> => {
    try {
      while (!over && !lost.signal.aborted) {
        await wait(isAway ? retryMs : renewEveryMs, nudge.signal)
        nudge = new AbortController()
        if (over) return
        const answered = new AbortController()
        wait(slowMs, answered.signal).then(() => answered.signal.aborted || found(true))
        try {
          await renew()
        } catch (error) {
          if (!isUnreachable(error)) throw error
          found(true)
          over = stopping.aborted
        } finally {
          answered.abort()
        }
        if (!isAway || over) tell()
      }
    } catch (error) {
      lost.abort()
      throw error
    } finally {
      tell()
    }
  }

  stopping.addEventListener('abort', wake)
  const renewing = keepRenewing()
  renewing.catch(() => {})
  return {
    lost: lost.signal,
    sure: async () => {
      while (true) {
        if (over || lost.signal.aborted) throw new NotHeld()
        if (tick() < sureUntil && now().toISOString() < mine.until) return
        if (!isAway) wake()
        await beat.promise
      }
    },
    doubt: () => {
      sureUntil = Number.NEGATIVE_INFINITY
      if (!isAway) wake()
      found(true)
    },
    end: async () => {
      stopping.removeEventListener('abort', wake)
      over = true
      wake()
      await renewing
      if (lost.signal.aborted) return
      try {
        await store.drop('leases', mine._id, mine.rev)
      } catch (error) {
        if (!isUnreachable(error)) throw error
      }
    },
  }
}
