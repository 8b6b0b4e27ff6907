import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Role } from '../config.ts'
import type { RunningHouse } from './house.ts'
import { startHouse } from './house.ts'
import type { TestMongo } from './mongo.ts'
import { openTestMongo } from './mongo.ts'
import type { TestRedis } from './redis.ts'
import { openTestRedis } from './redis.ts'

type Part = Exclude<Role, 'all'>

/** An installation whose roles are processes of their own, each with a folder that no other sees, over real engines. */
export interface Parts extends AsyncDisposable {
  readonly mongo: TestMongo
  readonly redis: TestRedis
  /** The web, which owns the repositories. */
  readonly web: RunningHouse
  /** Every process that runs now, by its name: `web`, `gateway`, `runner`, `bot`, and what `start` was told. */
  readonly running: ReadonlyMap<string, RunningHouse>
  /** Starts one process more, or one that ended once more, in the folder of its name. */
  start(role: Part, name?: string, env?: Readonly<Record<string, string>>): Promise<RunningHouse>
  /** Ends a process and waits for that; gives its exit code or signal. */
  end(name: string, signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
  /** The data folder of the process of this name. */
  folderOf(name: string): string
  /** The folder of sockets that a gateway of its own shares with the runners. */
  readonly sockets: string
  /** All that the processes printed. */
  printed(): string
}

/**
 * Starts MongoDB, Redis, and the web; a gateway, a runner and a bot beside it unless `roles` names others. The gateway and
 * the runners share a folder of sockets, nobody else shares any.
 */
export const startParts = async (
  env: Readonly<Record<string, string>> = {},
  {
    roles = ['gateway', 'runner', 'bot'],
    mongoUrl = url => url,
    redisUrl = url => url,
  }: {
    readonly roles?: readonly Part[]
    /** The way to the database, where something stands in between. */
    readonly mongoUrl?: (url: string) => string
    readonly redisUrl?: (url: string) => string
  } = {},
): Promise<Parts> => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-parts-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o711)
  const mongo = opening.use(await openTestMongo())
  const redis = opening.use(await openTestRedis())
  const running = new Map<string, RunningHouse>()
  const printed: (() => string)[] = []
  opening.defer(async () => void (await Promise.all([...running.values()].map(one => one.stop('SIGKILL')))))

  const folderOf = (name: string) => join(folder, name)
  const sockets = join(folder, 'sockets')
  const common = {
    MONGODB_URL: mongoUrl(mongo.url),
    REDIS_URL: redisUrl(redis.url),
    BELLHOP_SECRET_KEY: randomBytes(32).toString('hex'),
    SANDBOX: 'docker',
    AGENT: 'script',
    ...env,
  }
  const start: Parts['start'] = async (role, name = role, more = {}) => {
    const web = running.get('web')
    const house = await startHouse(
      {
        ...common,
        ...((role === 'gateway' || role === 'runner') && { GATEWAY_FOLDER: sockets }),
        ...(web && { WEB_URL: web.url }),
        BELLHOP_DATA: folderOf(name),
        ...more,
      },
      { role },
    )
    printed.push(() => `${name}: ${house.printed()}`)
    running.set(name, house)
    return house
  }
  const web = await start('web')
  for (const role of roles) await start(role)
  const opened = opening.move()
  return {
    mongo,
    redis,
    web,
    running,
    start,
    folderOf,
    sockets,
    end: async (name, signal) => {
      const house = running.get(name)
      if (!house) throw new Error(`There is no process ${name}.`)
      running.delete(name)
      return await house.stop(signal)
    },
    printed: () => printed.map(tell => tell()).join('\n'),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
