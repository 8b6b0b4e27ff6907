import { closeSync, readdirSync, readFileSync } from 'node:fs'

/** The flag of a descriptor that programs started from here do not get: `O_CLOEXEC`, in octal as `/proc` shows it. */
const closeOnExec = 0o2000000

/**
 * Closes what this process itself inherited beyond its standard streams: without close-on-exec, each box would inherit it
 * in turn. `spare` are descriptors to leave open, such as a parent's message channel. To be called first thing at start,
 * before anything else opens files; gives the numbers it closed. Does nothing where there is no `/proc`.
 */
export const closeInherited = ({
  spare = [],
}: {
  readonly spare?: readonly number[]
} = {}): readonly number[] =>
  open().filter(fd => {
    if (fd <= 2 || spare.includes(fd)) return false
    try {
      const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]
      if (flags === undefined || Number.parseInt(flags, 8) & closeOnExec) return false
      closeSync(fd)
      return true
    } catch {
      return false
    }
  })

const open = (): readonly number[] => {
  try {
    return readdirSync('/proc/self/fd').map(Number)
  } catch {
    return []
  }
}
