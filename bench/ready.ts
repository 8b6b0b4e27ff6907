import { join } from 'node:path'
import type { Figure } from './figure.ts'
import { median } from './figure.ts'
import type { Scratch } from './server.ts'
import { programs, scratch, startServer } from './server.ts'

const rounds = 10

/** From the spawn of the program to the first 200 of `/readyz`, with Node's compile cache warm and cold. */
export const ready = async (): Promise<readonly Figure[]> => {
  await using folder = await scratch()
  const warm: number[] = []
  const cold: number[] = []
  const floor: number[] = []
  await start(folder, 'warm')
  for (let round = 0; round < rounds; round++) {
    warm.push(await start(folder, 'warm'))
    cold.push(await start(folder, `cold${round}`))
    floor.push(await bare(folder))
  }
  const beside = `floor: a bare Node + Hono + node:sqlite program; median of ${rounds}`
  const common = { unit: 'ms', floor: median(floor), n: rounds } as const
  return [
    { figure: 'ready', value: median(warm), ...common, notes: `compile cache warm; ${beside}` },
    { figure: 'ready_cold', value: median(cold), ...common, notes: `compile cache empty; ${beside}` },
  ]
}

const start = async (folder: Scratch, cache: string): Promise<number> => {
  const env = { BELLHOP_DATA: join(folder.path, 'data'), NODE_COMPILE_CACHE: join(folder.path, cache) }
  await using server = await startServer(programs.bellhop, env)
  return server.readyMs
}

const bare = async (folder: Scratch): Promise<number> => {
  await using server = await startServer(programs.hono, { DATABASE: join(folder.path, 'bare.db') })
  return server.readyMs
}
