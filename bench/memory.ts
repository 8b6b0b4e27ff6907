import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openTestDiscord } from '../test/discord.ts'
import { openTestMongo } from '../test/mongo.ts'
import { openTestRedis } from '../test/redis.ts'
import { openSocketSlack } from '../test/slack-socket.ts'
import type { Figure } from './figure.ts'
import { median, short } from './figure.ts'
import type { Server } from './server.ts'
import { programs, scratch, startServer } from './server.ts'

const rounds = 5

/** What a server takes once it has come to rest is the question, so the rest itself is waited for. */
const idleMs = 5000

/** Resident memory of the server without chat platforms, idle for 5 s, with Node's compile cache warm. */
export const idleMemory = async (): Promise<readonly Figure[]> => {
  await using folder = await scratch()
  const env = {
    BELLHOP_DATA: join(folder.path, 'data'),
    NODE_COMPILE_CACHE: join(folder.path, 'cache'),
    DATABASE: join(folder.path, 'bare.db'),
  }
  const open = (program: readonly string[]) => startServer(program, env)
  const [values, floors] = await sideBySide(
    () => open(programs.bellhop),
    () => open(programs.hono),
  )
  const [value, floor] = [median(values), median(floors)]
  const notes = `floor + ${short(value - floor)} MB; floor: a bare .mjs of Node + Hono + node:sqlite; resident set after 5 s idle, median of ${rounds}`
  return [{ figure: 'idle_memory', value, unit: 'MB', floor, n: rounds, notes }]
}

/**
 * The same with everything that a chat takes: Slack by sockets and Discord, over Redis and MongoDB. Slack and Discord are
 * stand-ins; the bare libraries are connected to the same.
 */
export const idleMemoryChat = async (): Promise<readonly Figure[]> => {
  await using folder = await scratch()
  await using mongo = await openTestMongo()
  await using redis = await openTestRedis()
  await using slack = await openSocketSlack()
  await using discord = await openTestDiscord()
  const env = {
    BELLHOP_DATA: join(folder.path, 'data'),
    NODE_COMPILE_CACHE: join(folder.path, 'cache'),
    MONGODB_URL: mongo.url,
    REDIS_URL: redis.url,
    SLACK_BOT_TOKEN: slack.token,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_API_URL: slack.apiUrl,
    DISCORD_TOKEN: discord.token,
    DISCORD_APPLICATION_ID: discord.application,
    DISCORD_API_URL: discord.apiUrl,
  }
  let logins = 0
  const open = async (program: readonly string[]): Promise<Server> => {
    const server = await startServer(program, env)
    logins++
    await discord.until(() => discord.gateway.identifies.length === logins && slack.sockets > 0, 30_000)
    return server
  }
  const [values, floors] = await sideBySide(
    () => open(programs.bellhop),
    () => open(programs.chat),
  )
  const [value, floor] = [median(values), median(floors)]
  const notes = `floor + ${short(value - floor)} MB; floor: a bare .mjs of Node + Hono that connects Bolt, discord.js, BullMQ and the mongodb driver to the same servers, under the same options of node; resident set after 5 s idle, median of ${rounds}`
  return [{ figure: 'idle_memory_chat', value, unit: 'MB', floor, n: rounds, notes }]
}

/** What each of two programs takes at rest, in turn, after one start of each that fills the compile cache. */
const sideBySide = async (one: () => Promise<Server>, other: () => Promise<Server>) => {
  const [ones, others]: [number[], number[]] = [[], []]
  for (const open of [one, other]) await (await open())[Symbol.asyncDispose]()
  for (let round = 0; round < rounds; round++) {
    ones.push(await rest(await one()))
    others.push(await rest(await other()))
  }
  return [ones, others] as const
}

const rest = async (started: Server): Promise<number> => {
  await using server = started
  await wait(idleMs)
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}
