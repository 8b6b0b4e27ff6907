import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { openMongo } from '../store/mongo.ts'
import { secretFor } from '../store/secret.ts'
import type { Store } from '../store/store.ts'
import type { ContainerWitness, Witness } from './boxwatch.ts'
import { watchBoxes, watchContainers } from './boxwatch.ts'
import { until } from './house.ts'
import type { Parts } from './parts.ts'
import { startParts } from './parts.ts'

/** Where the boxes' gateways are: in a process of their own, or in each runner's, where they die with it. */
export type GatewayPlace = 'apart' | 'in the runners'

/** One SIGKILL for a runner, by the name that logs know it by; ISO. */
export interface Kill {
  readonly runner: string
  readonly at: string
}

/** An installation with several runners that may be killed at any time, and those who watch it. */
export interface Runners extends AsyncDisposable {
  readonly parts: Parts
  /** The same database that the processes use. */
  readonly store: Store
  readonly names: readonly string[]
  readonly kills: readonly Kill[]
  /** By /proc and by Docker. */
  readonly witnesses: readonly [Witness, ContainerWitness]
  /**
   * Kills a runner, and starts it again in its folder after `awayMs`. With `working` it is killed when a box of its is known to
   * be at work, or after 10 s without one.
   */
  kill(name: string, how: { readonly working: boolean; readonly awayMs: number }): Promise<void>
  /** What of gateways is left in the folders of all processes. */
  gatewayFolders(): Promise<readonly string[]>
}

/** How long a kill waits for a box that is at work. */
const workingMs = 10_000

export const startRunners = async (
  gateways: GatewayPlace,
  { concurrency }: { readonly concurrency: number },
): Promise<Runners> => {
  await using opening = new AsyncDisposableStack()
  const key = randomBytes(32).toString('hex')
  const witnesses = [
    opening.use(watchBoxes()),
    opening.use(await watchContainers(secretFor(key, 'installation').slice(0, 12))),
  ] as const
  const env = { BELLHOP_SECRET_KEY: key, AGENT: 'command', RUNNER_CONCURRENCY: String(concurrency) }
  const apart = gateways === 'apart'
  const parts = opening.use(await startParts(env, { roles: apart ? ['gateway'] : [] }))
  const store = opening.use(await openMongo({ url: parts.mongo.url, timeoutMs: 60_000 }))
  const names = ['runner-a', 'runner-b']
  const start = (name: string) => parts.start('runner', name, apart ? {} : { GATEWAY_FOLDER: '' })
  await Promise.all(names.map(start))
  const idOf = async (name: string) => (await readFile(join(parts.folderOf(name), 'name'), 'utf8')).trim()
  const kills: Kill[] = []

  /** Whether a box is at work now that this runner opened: its command has said something and is not over. */
  const hasWorking = async (runner: string): Promise<boolean> => {
    for (const job of await store.find('jobs', { where: { state: 'running' } })) {
      if (job.lease?.runner !== runner) continue
      const log = (await store.after(`job/${job._id}`, 0)).filter(entry => entry.attempt === job.attempt)
      if (log.some(({ type }) => type === 'said') && !log.some(({ type }) => type === 'exited')) return true
    }
    return false
  }
  const opened = opening.move()
  return {
    parts,
    store,
    names,
    kills,
    witnesses,
    kill: async (name, { working, awayMs }) => {
      const runner = await idOf(name)
      if (working) await until('work', () => hasWorking(runner), workingMs).catch(() => {})
      kills.push({ runner, at: new Date().toISOString() })
      await parts.end(name, 'SIGKILL')
      await elapse(awayMs)
      await start(name)
    },
    gatewayFolders: async () => {
      const folders = [parts.sockets, ...names.map(name => join(parts.folderOf(name), 'boxes/gateways'))]
      const found = await Promise.all(folders.map(folder => readdir(folder).catch(() => [])))
      return found.flat().filter(entry => /^[a-z0-9]+-\d+$/.test(entry))
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
