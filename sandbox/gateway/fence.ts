import { Refused } from './refusal.ts'

/** For this long a yes to a model call is good for the next ones: 5 s. A call costs little, and a push is asked for each time. */
const freshMs = 5000

/** Keeps out an attempt that is not its job's any more. */
export interface Fence {
  /** Asks, and throws `Refused` when the attempt is not its job's any more. `what` is what it wanted. */
  pass(what: string): Promise<void>
  /** The same, asking at most every 5 s. */
  passOften(what: string): Promise<void>
}

/**
 * The fence of one attempt. A no is final, so it is asked no more. Where the answer cannot be had the wish fails as well: what
 * cannot be checked is not done. `clock` gives milliseconds that only go up.
 */
export const openFence = (
  attempt: number,
  current: () => Promise<boolean>,
  clock: () => number = () => performance.now(),
): Fence => {
  let over = false
  let askedAt = Number.NEGATIVE_INFINITY

  const pass = async (what: string): Promise<void> => {
    const at = clock()
    over ||= !(await current())
    if (over) throw new Refused(403, what, sentence(attempt))
    askedAt = at
  }
  return {
    pass,
    passOften: async what => {
      if (over || clock() - askedAt >= freshMs) await pass(what)
    },
  }
}

const sentence = (attempt: number) =>
  `Attempt ${attempt} is not this job's any more: the job is over, or another attempt has taken its place.`
