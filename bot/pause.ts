import { setTimeout } from 'node:timers/promises'

/** Resolves after `ms`, 1 at least, or at once when the signal aborts. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  setTimeout(Math.max(1, ms), undefined, { signal }).catch(() => {})
