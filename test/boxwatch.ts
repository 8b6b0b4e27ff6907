import { readdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import Docker from 'dockerode'

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

/** Two attempts of a job that were alive at once. */
export interface Overlap {
  readonly job: string
  readonly attempts: readonly number[]
}

export interface Witness extends AsyncDisposable {
  /** Each time that two attempts of a job were seen alive at once. */
  readonly overlaps: readonly Overlap[]
  /** Every job of which a box was ever seen. */
  readonly seen: ReadonlySet<string>
}

/** Watches the host's processes without pause until disposed. */
export const watchBoxes = (): Witness => {
  const overlaps: Overlap[] = []
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

export interface ContainerWitness extends Witness {
  /** Every attempt whose container ever started, as `<job> <attempt>`, and how often. */
  readonly starts: ReadonlyMap<string, number>
  /** What is there now of the installation, as Docker tells it: containers in any state, and volumes that were theirs. */
  left(): Promise<readonly string[]>
}

/** Hears of each start and end of an installation's containers from Docker itself, which tells all of them in order, until disposed. */
export const watchContainers = async (installation: string): Promise<ContainerWitness> => {
  const docker = new Docker()
  const label = [`bellhop.installation=${installation}`]
  const stream = (await docker.getEvents({ filters: { type: ['container'], label } })) as Readable
  const overlaps: Overlap[] = []
  const everSeen = new Set<string>()
  const starts = new Map<string, number>()
  const alive = new Map<string, Set<number>>()
  const volumes = new Set<string>()
  const noting: Promise<void>[] = []

  const noteVolumes = async (id: string) => {
    const { Mounts: mounts } = await docker.getContainer(id).inspect()
    for (const { Type, Name } of mounts) if (Type === 'volume' && Name) volumes.add(Name)
  }
  createInterface({ input: stream }).on('line', line => {
    const { Action: action, Actor: actor } = JSON.parse(line)
    const { 'bellhop.job': job, 'bellhop.attempt': attempt } = actor.Attributes
    if (!job) return
    const attempts = alive.get(job) ?? new Set()
    alive.set(job, attempts)
    // A container may be gone before it is looked at.
    if (action === 'create') noting.push(noteVolumes(actor.ID).catch(() => {}))
    if (action === 'die') attempts.delete(Number(attempt))
    if (action !== 'start') return
    everSeen.add(job)
    starts.set(`${job} ${attempt}`, (starts.get(`${job} ${attempt}`) ?? 0) + 1)
    attempts.add(Number(attempt))
    if (attempts.size > 1) overlaps.push({ job, attempts: [...attempts] })
  })
  return {
    overlaps,
    seen: everSeen,
    starts,
    left: async () => {
      await Promise.all(noting)
      const containers = await docker.listContainers({ all: true, filters: JSON.stringify({ label }) })
      const { Volumes: there } = await docker.listVolumes()
      const kept = there.filter(({ Name }) => volumes.has(Name)).map(({ Name }) => `volume ${Name}`)
      return [...containers.flatMap(({ Names, State }) => `container ${Names} ${State}`), ...kept]
    },
    [Symbol.asyncDispose]: async () => void stream.destroy(),
  }
}
