import { readdir, readFile } from 'node:fs/promises'

/** One live box as the host sees it. */
export interface Seen {
  readonly pid: number
  readonly job: string
  readonly attempt: number
}

/** Every live box on this host, by the command line of its entry: `… /entry.ts <job> <attempt>`. */
export const liveBoxes = async (): Promise<readonly Seen[]> => {
  const seen: Seen[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const words = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0')
    const entry = words.findIndex(word => word.endsWith('/box/entry.ts'))
    const [job, attempt] = [words[entry + 1], Number(words[entry + 2])]
    if (entry !== -1 && job && attempt > 0) seen.push({ pid: Number(name), job, attempt })
  }
  return seen
}

export interface Witness extends AsyncDisposable {
  /** Each time that two attempts of a job were seen alive at once. */
  readonly overlaps: readonly { readonly job: string; readonly attempts: readonly number[] }[]
  /** Every job of which a box was ever seen. */
  readonly seen: ReadonlySet<string>
}

/** Watches the host's processes without pause until disposed. */
export const watchBoxes = (): Witness => {
  const overlaps: { job: string; attempts: readonly number[] }[] = []
  const everSeen = new Set<string>()
  let watching = true
  const watch = async () => {
    while (watching) {
      const attempts = new Map<string, Set<number>>()
      for (const { job, attempt } of await liveBoxes()) {
        everSeen.add(job)
        attempts.set(job, (attempts.get(job) ?? new Set()).add(attempt))
      }
      for (const [job, alive] of attempts) if (alive.size > 1) overlaps.push({ job, attempts: [...alive] })
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
  const over = watch()
  return {
    overlaps,
    seen: everSeen,
    [Symbol.asyncDispose]: async () => {
      watching = false
      await over
    },
  }
}
