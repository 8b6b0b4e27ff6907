import { readdirSync, readFileSync } from 'node:fs'
import { mark } from './frames.ts'

/** The ids of all processes of this host, or of this box when called in one; none where there is no `/proc`. */
export const processes = (): readonly number[] => {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

/** The processes that carry a box's mark in their environment, this one excepted. */
export const marked = (value: string): readonly number[] => {
  const wanted = Buffer.from(`\0${mark}=${value}\0`)
  return processes().filter(pid => pid !== process.pid && environment(pid).includes(wanted))
}

/** How often the search is repeated while something new turns up. */
const rounds = 100

/** Kills the processes that `find` finds, again until it finds none: some may fork while they are searched. */
export const killAll = (find: () => readonly number[]): void => {
  for (let round = 0, found = find(); round < rounds && found.length > 0; round++, found = find())
    for (const pid of found) kill(pid, 'SIGKILL')
}

/** Signals a process, or with a negative number its group. Nothing happens when it is over already, or another user's. */
export const kill = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

const environment = (pid: number): Buffer => {
  try {
    return Buffer.concat([Buffer.of(0), readFileSync(`/proc/${pid}/environ`)])
  } catch {
    return Buffer.alloc(0)
  }
}
