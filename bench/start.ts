import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { openBubblewrap } from '../sandbox/bubblewrap.ts'
import { flags } from '../sandbox/flags.ts'
import { seccomp } from '../sandbox/seccomp.ts'
import type { Figure } from './figure.ts'
import { median, quantile, short } from './figure.ts'
import { openingOf } from './opening.ts'
import { scratch } from './server.ts'

const rounds = 50

/** From the order of a bubblewrap box to the first byte of its entry, beside `bwrap` itself with the same mounts. */
export const startBubblewrap = async (): Promise<readonly Figure[]> => {
  await using folder = await scratch()
  await chmod(folder.path, 0o711)
  const sandbox = openBubblewrap({ folder: join(folder.path, 'boxes') })
  const probe = await sandbox.probe()
  if (!probe.ok) throw new Error(probe.why)
  const gateway = join(folder.path, 'gateway')
  const raw = join(folder.path, 'raw')
  for (const path of [gateway, join(raw, 'workspace'), join(raw, 'home'), join(raw, 'cache')])
    await mkdir(path, { recursive: true })

  const times: number[] = []
  const floors: number[] = []
  const nodes: number[] = []
  for (let attempt = 1; attempt <= rounds; attempt++) {
    times.push(await openingOf(sandbox, gateway, attempt))
    floors.push(await firstByte(raw, gateway, '/bin/echo', ['ready']))
    nodes.push(await firstByte(raw, gateway, process.execPath, ['--print', '0']))
  }
  const notes = `p50; p95 ${short(quantile(times, 0.95))} beside ${short(quantile(floors, 0.95))}; the entry is a Node program, and raw bwrap with a bare \`node --print 0\` takes ${short(median(nodes))}; floor: raw bwrap, same mounts and filter, running echo`
  const common = { unit: 'ms', n: rounds, notes } as const
  return [{ figure: 'start_bubblewrap', value: median(times), floor: median(floors), ...common }]
}

const firstByte = async (
  folder: string,
  gateway: string,
  program: string,
  command: readonly string[],
): Promise<number> => {
  const entry = join(import.meta.dirname, '../sandbox/box')
  const cache = { folder: join(folder, 'cache'), writable: false }
  const argv = flags({ folder, gateway, node: program, entry, tools: [], cache, env: {}, command })
  const begun = performance.now()
  const child = spawn('bwrap', argv, {
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  })
  const filter = child.stdio[3] as Writable
  filter.end(seccomp(process.arch))
  await once(child.stdout as Readable, 'data')
  const time = performance.now() - begun
  await once(child, 'exit')
  return time
}
