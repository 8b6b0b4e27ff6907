import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
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
  await (await startServer(programs.bellhop, env))[Symbol.asyncDispose]()
  const values: number[] = []
  const floors: number[] = []
  for (let round = 0; round < rounds; round++) {
    values.push(await rest(await startServer(programs.bellhop, env)))
    floors.push(await rest(await startServer(programs.hono, env)))
  }
  const [value, floor] = [median(values), median(floors)]
  const notes = `floor + ${short(value - floor)} MB; floor: a bare .mjs of Node + Hono + node:sqlite; resident set after 5 s idle, median of ${rounds}`
  return [{ figure: 'idle_memory', value, unit: 'MB', floor, n: rounds, notes }]
}

const rest = async (started: Server): Promise<number> => {
  await using server = started
  await wait(idleMs)
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}
