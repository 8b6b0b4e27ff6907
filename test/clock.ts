/** A clock that stands still until it is told to go on, for tests of what takes minutes. */
export interface Clock {
  readonly now: () => Date
  /** Resolves when the clock has come `ms` further, or at once when the signal aborts. */
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Goes on by `ms`, from one wait that is due to the next, and lets whatever each one starts come to rest. */
  readonly pass: (ms: number) => Promise<void>
}

/** Turns of the loop in which all that follows from one wake-up is done; each write to the store takes one or two. */
const turns = 12

export const openClock = (start = '2026-01-01T00:00:00.000Z'): Clock => {
  let time = Date.parse(start)
  const waits = new Set<{ readonly at: number; readonly wake: () => void }>()

  const rest = async () => {
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
  }
  return {
    now: () => new Date(time),
    wait: (ms, signal) =>
      new Promise(resolve => {
        if (signal?.aborted) return resolve()
        const one = {
          at: time + Math.max(1, ms),
          wake: () => {
            waits.delete(one)
            signal?.removeEventListener('abort', one.wake)
            resolve()
          },
        }
        waits.add(one)
        signal?.addEventListener('abort', one.wake)
      }),
    pass: async ms => {
      const end = time + ms
      await rest()
      while (true) {
        const next = Math.min(...[...waits].map(({ at }) => at))
        if (next > end) break
        time = next
        for (const one of [...waits].filter(({ at }) => at <= time)) one.wake()
        await rest()
      }
      time = end
    },
  }
}
