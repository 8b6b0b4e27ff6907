import { setTimeout } from 'node:timers/promises'

/**
 * Discord takes one IDENTIFY in five seconds, and resets the token of a bot that sends more than 1,000 a day: after ten in
 * a row there is one each 100 seconds, 864 a day.
 */
const inARow = 10
const refillMs = 100_000

/** Lets a caller through as often as a bot may identify. Rejects when the signal aborts. */
export type Throttle = (signal: AbortSignal) => Promise<void>

/** `everyMs` is the least time between two. `tick` counts milliseconds, and `wait` lets them pass; a test's clock stands in here. */
export const openThrottle = ({
  everyMs = 5500,
  tick = () => performance.now(),
  wait = (ms, signal) => setTimeout(ms, undefined, { signal }),
}: {
  readonly everyMs?: number
  readonly tick?: () => number
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
} = {}): Throttle => {
  /** When each of the last ones was let through, oldest first. */
  let times: readonly number[] = []
  let last = Promise.resolve()

  const pass = async (signal: AbortSignal): Promise<void> => {
    const latest = times.at(-1) ?? Number.NEGATIVE_INFINITY
    const full = times.length >= inARow && tick() - (times[0] ?? 0) < inARow * refillMs
    const due = latest + (full ? refillMs : everyMs)
    if (due > tick()) await wait(due - tick(), signal)
    signal.throwIfAborted()
    times = [...times, tick()].slice(-inARow)
  }
  return async signal => {
    const mine = last.then(() => pass(signal))
    last = mine.catch(() => {})
    await mine
  }
}
