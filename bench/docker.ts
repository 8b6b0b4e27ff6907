import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { containerOf, usualLimits } from '../sandbox/docker/container.ts'
import { openDaemon } from '../sandbox/docker/daemon.ts'
import { openDocker } from '../sandbox/docker.ts'
import { boxPaths } from '../sandbox/flags.ts'
import type { Figure } from './figure.ts'
import { median, quantile, short } from './figure.ts'
import { openingOf } from './opening.ts'
import { scratch } from './server.ts'

const rounds = 20
const image = 'bellhop-box'

/** From the order of a Docker box to the first byte of its entry, beside `docker create` and `start` of the same container. */
export const startDocker = async (): Promise<readonly Figure[]> => {
  await using folder = await scratch()
  await chmod(folder.path, 0o711)
  const gateway = join(folder.path, 'gateway')
  await mkdir(gateway)
  const sandbox = openDocker({ image, installation: `bench-${randomUUID()}` })
  const probe = await sandbox.probe()
  if (!probe.ok) throw new Error(probe.why)
  const raw = await openRaw(gateway)

  const times: number[] = []
  const floors: number[] = []
  const echoes: number[] = []
  for (let attempt = 0; attempt <= rounds; attempt++) {
    times.push(await openingOf(sandbox, gateway, attempt))
    floors.push(await raw(['/opt/bellhop/bin/node', '--print', '0']))
    echoes.push(await raw(['/bin/echo', 'ready']))
  }
  // The first of each is not counted: it finds nothing warm.
  for (const samples of [times, floors, echoes]) samples.shift()
  const notes = `p50; p95 ${short(quantile(times, 0.95))} beside ${short(quantile(floors, 0.95))}; floor: raw create + attach + start of the same container (image, flags, limits, mounts) to the first byte of the image's bare \`node --print 0\`, since the entry is a Node program; with echo in its place it takes ${short(median(echoes))}`
  return [
    { figure: 'start_docker', value: median(times), unit: 'ms', floor: median(floors), n: rounds, notes },
  ]
}

/** Runs a program in a container like a box's, and gives the milliseconds from its creation to its first byte. */
const openRaw = async (gateway: string): Promise<(program: readonly string[]) => Promise<number>> => {
  const docker = openDaemon()
  const { Id } = await docker.getImage(image).inspect()
  const { NCPU } = await docker.info()
  const mount: Docker.MountSettings = {
    Type: 'bind',
    Source: gateway,
    Target: boxPaths.gateway,
    ReadOnly: true,
  }
  return async program => {
    const made = containerOf({
      image: Id,
      installation: 'bench-raw',
      limits: { ...usualLimits, cpus: Math.min(usualLimits.cpus, NCPU) },
      command: [],
      gateway: mount,
      name: { job: randomUUID(), attempt: 1 },
    })
    const begun = performance.now()
    const container = await docker.createContainer({
      ...made,
      Entrypoint: ['/usr/bin/tini', '--', ...program],
    })
    try {
      const output = (await container.attach({ stream: true, stdout: true })) as unknown as Readable
      const first = once(output, 'data')
      await container.start()
      await first
      const time = performance.now() - begun
      output.destroy()
      return time
    } finally {
      await container.remove({ force: true, v: true })
    }
  }
}
