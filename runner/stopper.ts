import type { Box } from '../sandbox/sandbox.ts'

/** How long each step of the ladder is given before the next: 4 s. */
const stepMs = 4000

/** How long the entry may save the work once the agent is over: commit and push of a large tree take a while. */
const savingMs = 120_000

export interface Stopper extends Disposable {
  /** Starts down the ladder, for the first reason given. */
  now(why: 'cancel' | 'timeout'): void
  /** The agent is over and only its work is being saved. */
  exited(): void
  readonly why: 'cancel' | 'timeout' | undefined
}

/**
 * Ends the agent in a box by and by: it is asked on its standard input, then SIGINT, SIGTERM, and at last SIGKILL for the
 * whole box. Each step but the last leaves the entry to save the work. Goes down by itself when the time is over.
 */
export const stopper = ({
  box,
  interrupt,
  timeoutSeconds,
}: {
  readonly box: Box
  readonly interrupt: string | undefined
  readonly timeoutSeconds: number
}): Stopper => {
  const ladder = [
    ...(interrupt === undefined ? [] : [() => ask(interrupt)]),
    () => box.signal('SIGINT'),
    () => box.signal('SIGTERM'),
    () => box.signal('SIGKILL'),
  ]
  const ask = (line: string) => {
    box.write(line)
    box.closeInput()
  }
  let why: 'cancel' | 'timeout' | undefined
  let saving = false
  let timer = setTimeout(() => start('timeout'), timeoutSeconds * 1000)

  const start = (reason: 'cancel' | 'timeout') => {
    if (why || saving) return
    why = reason
    down()
  }
  const down = () => {
    clearTimeout(timer)
    ladder.shift()?.()
    if (ladder.length > 0) timer = setTimeout(down, stepMs)
  }
  return {
    now: start,
    exited: () => {
      if (saving) return
      saving = true
      clearTimeout(timer)
      timer = setTimeout(() => box.signal('SIGKILL'), savingMs)
    },
    get why() {
      return why
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
