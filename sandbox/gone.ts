import { readFileSync } from 'node:fs'
import { setTimeout as elapse } from 'node:timers/promises'

/** How often a process is looked at that is nobody's child here, so that nothing tells of its end: every 5 ms. */
const lookMs = 5

/** A process as it is now, told apart from a later one that gets its number. */
export interface Witnessed {
  readonly pid: number
  readonly since: string
}

/** Looks at a process; nothing when it is over. A process that only waits to be fetched by its parent is over. */
export const witness = (pid: number): Witnessed | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name stands in brackets and may hold anything; from behind them on, state is first, start 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, since: fields[19] ?? '' }
  } catch {
    return undefined
  }
}

/** Resolves when these processes are over. */
export const gone = async (processes: readonly Witnessed[]): Promise<void> => {
  for (const { pid, since } of processes) while (witness(pid)?.since === since) await elapse(lookMs)
}

/** The processes that a process has started and not lost. */
export const childrenOf = (pid: number): readonly Witnessed[] => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return children.split(' ').flatMap(child => witness(Number(child)) ?? [])
  } catch {
    return []
  }
}
