import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { openBullmq } from '../runner/bullmq.ts'
import { openIntake } from '../runner/desk.ts'
import { openLogbook } from '../runner/logbook.ts'
import { personOf } from '../runner/people.ts'
import { openSettle } from '../runner/settle.ts'
import { openWorkspaces } from '../runner/workspaces.ts'
import { openMongo } from '../store/mongo.ts'
import { openRedisBell } from '../store/redis.ts'
import { openTestMongo } from '../test/mongo.ts'
import { openTestRedis } from '../test/redis.ts'
import type { Figure } from './figure.ts'
import { median, short } from './figure.ts'

const jobs = 300
const rounds = 5
/** Jobs before those that are measured: they find the code of every process cold. */
const warmUp = 100
/** How many people ask at the same time, each for one job after the other. */
const askers = 32

/**
 * Jobs a second asked for at the intake and carried to their ends by a runner in a process of its own, over MongoDB's protocol
 * and Redis, beside BullMQ's own jobs, added one by one and worked off in the same way.
 */
export const jobsScaled = async (): Promise<readonly Figure[]> => {
  await using mongo = await openTestMongo()
  await using redis = await openTestRedis()
  const values: number[] = []
  const floors: number[] = []
  const together: number[] = []
  for (let round = 0; round < rounds; round++) {
    values.push(await ours(mongo.fresh(), redis.url))
    await redis.flush()
    floors.push(await raw(redis.url, 1))
    together.push(await raw(redis.url, askers))
    await redis.flush()
  }
  const notes = `median of ${rounds} times ${jobs} jobs, ${askers} askers and as many hands at once; record, queued, ticket, claim, ended and settling are all there; left out are the box (start_docker has it), its gateway and git; floor: raw BullMQ jobs added one by one and worked off by a worker in another process, with nothing stored besides; added by ${askers} at once it is ${short(median(together))}; the database is mongo-java-server, which answers a question about a log by reading all logs`
  const figure = { figure: 'jobs_scaled', value: median(values), floor: median(floors) }
  return [{ ...figure, unit: 'jobs/s', n: rounds, notes }]
}

const ours = async (mongodb: string, redis: string): Promise<number> => {
  await using store = await openMongo({ url: mongodb })
  await using bell = await openRedisBell({ url: redis })
  const now = () => new Date()
  await using queue = await openBullmq({ url: redis, now })
  const parts = { store, bell, queue, now }
  const logbook = openLogbook(parts)
  const repos = { create: async () => {} } as unknown as Parameters<typeof openWorkspaces>[0]['repos']
  const intake = openIntake({
    ...parts,
    logbook,
    agents: ['command'],
    defaultAgent: 'command',
    settle: openSettle({ ...parts, logbook }),
    workspaces: openWorkspaces({ store, repos, now }),
  })
  const user = await personOf(store, {
    identity: 'slack:T1:U1',
    team: 'slack:T1',
    defaultRole: 'member',
    admins: [],
  })
  const who = { user, team: 'slack:T1' }
  const value = await rate(askers, ['carrier.ts', mongodb, redis], async n => {
    const asked = await intake.submit(who, { prompt: 'true' }, { key: `bench/${n}`, at: now().toISOString() })
    if (!asked.ok) throw new Error(JSON.stringify(asked))
  })
  const ended = await store.count('jobs', { state: 'succeeded' })
  if (ended !== warmUp + jobs) throw new Error(`${ended} of ${warmUp + jobs} jobs ended well.`)
  return value
}

const raw = async (redis: string, askers: number): Promise<number> => {
  const connection = new Redis(redis, { maxRetriesPerRequest: null })
  const queue = new Queue('raw', { connection })
  const value = await rate(askers, ['floors/bullmq.mjs', redis], n => queue.add('job', { n }))
  await queue.close()
  connection.disconnect()
  return value
}

/** Jobs a second that `ask` asks for and a worker of its own process carries out. */
const rate = async (
  askers: number,
  [file = '', ...args]: readonly string[],
  ask: (n: number) => Promise<unknown>,
): Promise<number> => {
  const worker = spawn(process.execPath, [join(import.meta.dirname, file), ...args, `${warmUp}`, `${jobs}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const over = once(worker, 'exit')
  const lines = createInterface({ input: worker.stdout })[Symbol.asyncIterator]()
  const carry = async (from: number, to: number) => {
    let n = from
    const one = async () => {
      while (n < to) await ask(n++)
    }
    await Promise.all([...Array.from({ length: askers }, one), lines.next()])
  }
  await lines.next()
  await carry(0, warmUp)
  const begun = performance.now()
  await carry(warmUp, warmUp + jobs)
  const value = (1000 * jobs) / (performance.now() - begun)
  worker.stdin.end()
  await over
  return value
}
