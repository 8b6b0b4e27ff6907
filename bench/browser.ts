import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import type { Client } from './client.ts'
import { openClient, said } from './client.ts'
import type { Figure } from './figure.ts'
import { median, quantile, short } from './figure.ts'
import { programs, scratch, startServer } from './server.ts'

const jobs = 200
const viewers = 10
/** Every job has spoken, and the machine has rested from starting them. */
const restMs = 10_000
const measuredMs = 20_000

/** One word a second, the time at which it was said, by the shell's own means: no program is started for it. */
const speak = `exec bash -c 'exec 9<> <(:); while :; do echo "$EPOCHREALTIME"; read -t 1 -u 9; done'`

/**
 * From the print of a line in a box to its arrival at a reader of the job's server-sent events: as many live boxes as there
 * are jobs, each with one line a second, every job followed by one of the viewers.
 */
export const eventToBrowser = async (): Promise<readonly Figure[]> => {
  await using folder = await scratch()
  await chmod(folder.path, 0o711)
  const data = join(folder.path, 'data')
  const env = { BELLHOP_DATA: data, SANDBOX: 'bubblewrap', RUNNER_CONCURRENCY: String(jobs) }
  await using server = await startServer(programs.bellhop, env)
  await using client = await openClient(server.url, data)
  const values = await measure(client)

  await using bare = await startServer(programs.sse, {})
  await using pool = poolOf(bare.url)
  const floors = await sample(
    Array.from({ length: jobs }, () => signal => said(pool, { path: '/events', signal })),
  )
  const notes = `p99 of ${jobs} jobs at one line a second, ${viewers} viewers of ${jobs / viewers} jobs each, measured for ${measuredMs / 1000} s; p50 ${short(median(values))} beside ${short(median(floors))}; floor: a bare Hono program that sends as many lines over as many streams, from its own timers`
  const [value, floor] = [quantile(values, 0.99), quantile(floors, 0.99)]
  return [{ figure: 'event_to_browser', value, unit: 'ms', floor, n: values.length, notes }]
}

const measure = async (client: Client): Promise<readonly number[]> => {
  const ids: string[] = []
  for (let n = 0; n < jobs; n++) ids.push((await client.submit({ agent: 'command', prompt: speak })).id)
  try {
    return await sample(ids.map(id => signal => client.said(id, signal)))
  } finally {
    for (const id of ids) await client.cancel(id)
  }
}

const poolOf = (url: string) => {
  const pool = new Pool(url, { connections: jobs, bodyTimeout: 0 })
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.destroy() })
}

type Follow = (signal: AbortSignal) => AsyncGenerator<string>

/** Follows every job, waits until all have spoken and then a while, and measures from there on. */
const sample = async (follows: readonly Follow[]): Promise<readonly number[]> => {
  const stop = new AbortController()
  const times: number[] = []
  let measuring = false
  let spoken = 0
  const all = Promise.withResolvers<void>()
  const following = follows.map(async follow => {
    let first = true
    for await (const text of follow(stop.signal)) {
      const arrived = performance.timeOrigin + performance.now()
      if (first && ++spoken === follows.length) all.resolve()
      first = false
      const last = text.trim().split('\n').at(-1)
      if (measuring) times.push(arrived - Number(last) * 1000)
    }
  })
  const over = Promise.allSettled(following)
  await Promise.race([all.promise, over.then(() => Promise.reject(new Error('A job ended too early.')))])
  await wait(restMs)
  measuring = true
  await wait(measuredMs)
  measuring = false
  stop.abort()
  await over
  return times
}
