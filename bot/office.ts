import { isUnreachable } from '../store/away.ts'
import type { Bell } from '../store/bell.ts'
import type { Lease } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { heldStore } from './held-store.ts'
import { pause } from './pause.ts'
import type { Tenure, Time } from './tenure.ts'
import { leaseMs, NotHeld, openTenure, until } from './tenure.ts'

export interface OfficeParts extends Partial<Pick<Time, 'tick' | 'wait'>> {
  readonly store: Store
  readonly bell: Bell
  /** Names the lease; whoever waits for it listens to the bell's `leases/<name>`. */
  readonly name: string
  /**
   * Names this process: no two that live at the same time share it. One that comes back under its name after a crash has
   * its own lease again at once.
   */
  readonly holder: string
  readonly now: () => Date
  /** Told of each change. */
  readonly changed?: (state: OfficeState) => void
}

export interface OfficeState {
  readonly office: 'held' | 'waiting'
  readonly store: 'ok' | 'away'
}

/** What only one process does at a time, of all that share a store. */
export interface Office {
  /**
   * Competes for the office until the signal aborts; while it is held, `work` runs with a signal that aborts when it is lost
   * or to be left. The next holder begins at once after one that stopped, and within 13 s after one that was killed. What
   * `work` throws, but for `NotHeld` after the office is gone, ends it.
   */
  hold(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>
  /** Resolves when the office is surely held at this moment; rejects with `NotHeld`. Ask before what no store can refuse. */
  sure(): Promise<void>
  /** The store for the work: it refuses who lost the office, and waits while the database is away. */
  readonly store: Store
}

/** Those who wait look so often. */
const lookEveryMs = 2000

/**
 * Opens an office. No clock is compared with another's: who waits takes the lease when its record has not changed for 9 s
 * by its own count, in which it looked without a hitch; the stored `until` is for people to read.
 */
export const openOffice = (parts: OfficeParts): Office => {
  const { store, bell, name, holder, now, tick = () => performance.now(), wait = pause } = parts
  let tenure: Tenure | undefined
  let state: OfficeState = { office: 'waiting', store: 'ok' }
  const change = (part: Partial<OfficeState>) => {
    const next = { ...state, ...part }
    if (next.office === state.office && next.store === state.store) return
    state = next
    parts.changed?.(state)
  }
  const found = (isAway: boolean) => change({ store: isAway ? 'away' : 'ok' })

  const take = async (there: Lease | undefined): Promise<{ lease: Lease; at: number } | undefined> => {
    const at = tick()
    const { rev = 0 } = there ?? {}
    const lease = await store.put('leases', { _id: name, rev, holder, until: until(now()) })
    return lease && { lease, at }
  }

  /** Waits for the office to be free, or silent for too long, and takes it. */
  const compete = async (signal: AbortSignal): ReturnType<typeof take> => {
    let silent: { readonly rev: number; readonly since: number; readonly looked: number } | undefined
    let look = new AbortController()
    const wake = () => look.abort()
    const off = bell.on(`leases/${name}`, wake)
    signal.addEventListener('abort', wake)
    try {
      while (!signal.aborted) {
        look = new AbortController()
        const began = tick()
        try {
          const there = await store.get('leases', name)
          const looked = tick()
          const smooth = silent && there?.rev === silent.rev && looked - silent.looked < 2 * lookEveryMs
          const since: number = smooth && silent ? silent.since : looked
          silent = there && { rev: there.rev, since, looked }
          const free = !there || there.holder === holder || began - since >= leaseMs
          const taken = free ? await take(there) : undefined
          found(false)
          if (taken) return taken
        } catch (error) {
          if (!isUnreachable(error)) throw error
          silent = undefined
          found(true)
        }
        await wait(lookEveryMs, look.signal)
      }
      return undefined
    } finally {
      off()
      signal.removeEventListener('abort', wake)
    }
  }

  return {
    hold: async (work, signal) => {
      while (!signal.aborted) {
        const taken = await compete(signal)
        if (!taken) return
        const own = { store, now, tick, wait, stopping: signal, away: found }
        tenure = openTenure(own, taken.lease, taken.at)
        const ending = AbortSignal.any([signal, tenure.lost])
        change({ office: 'held' })
        try {
          await work(ending)
        } catch (error) {
          if (!(error instanceof NotHeld && ending.aborted)) throw error
        } finally {
          change({ office: 'waiting' })
          await tenure.end()
          tenure = undefined
          bell.ring(`leases/${name}`)
        }
      }
    },
    sure: async () => {
      if (!tenure) throw new NotHeld()
      await tenure.sure()
    },
    store: heldStore(store, () => tenure, wait),
  }
}
