import type Docker from 'dockerode'
import { mark } from './box/frames.ts'
import { openBox, removeContainer } from './docker/box.ts'
import type { Limits } from './docker/container.ts'
import { boxEnv, containerOf, filterOf, isProbe, nameIn, usualLimits } from './docker/container.ts'
import type { Daemon } from './docker/daemon.ts'
import { daemonOf, isAway, NoDaemon, noDaemon, openDaemon, statusOf } from './docker/daemon.ts'
import { openInput } from './docker/input.ts'
import { mountOf, mountsHere } from './docker/mount.ts'
import { openProbeSweep, runProbe, usualProbeMs } from './docker/probe.ts'
import { boxPaths } from './flags.ts'
import { nameOf } from './folder.ts'
import { digestLabel, imageDigest } from './image/digest.ts'
import type { Box, BoxName, BoxOrder, Probe, Sandbox } from './sandbox.ts'
import { NoBox } from './sandbox.ts'

const disk = 'The disk space of a box is not limited on this host.'

/**
 * Boxes by Docker, which outlive their runner: it leaves them, and `adopt` takes them up again, here or in another process.
 * The image is built on this host by `bellhop setup`. `installation` tells its boxes from those of others on the same
 * daemon; processes that name the same one see the same boxes.
 */
export const openDocker = ({
  image,
  installation: given,
  docker: address,
  limits = usualLimits,
  probeMs = usualProbeMs,
}: {
  readonly image: string
  readonly installation: string
  /** The daemon's address, where it is not the usual one. */
  readonly docker?: string
  readonly limits?: Limits
  /** A probe's box that is not over after this long will not be. */
  readonly probeMs?: number
}): Sandbox => {
  const docker = openDaemon(address)
  const installation = given.replaceAll(/[^a-zA-Z0-9_.-]/g, '-')
  const live = new Map<string, Box>()
  const sweepProbes = openProbeSweep(docker, probeMs)

  const taken = (container: Docker.Container, input: ReturnType<typeof openInput>, name: string): Box => {
    const box = openBox(container, input, () => live.delete(name))
    live.set(name, box)
    return box
  }

  let known: ReturnType<typeof look> | undefined
  const look = async () => ({ daemon: await daemonOf(docker), seen: await mountsHere(docker) })
  /** What the daemon and its host are like, asked until it is known. */
  const ground = () => {
    known ??= look().catch(error => {
      known = undefined
      throw error
    })
    return known
  }

  const open = async (order: BoxOrder): Promise<Box> => {
    const name = nameOf(order)
    const command = ['/opt/bellhop/box/entry.ts', order.job, String(order.attempt)]
    try {
      const { daemon, seen } = await ground()
      const gateway = mountOf({ folder: order.gateway, target: boxPaths.gateway, seen, api: daemon.api })
      const container = await create(daemon, { name: order, command, gateway })
      const input = openInput(container)
      try {
        await input.connect()
        // The daemon has the plan before the box is there, so that no box waits for one whose runner is killed here.
        const env = { ...boxEnv, [mark]: name }
        input.say(JSON.stringify({ plan: order.plan, paths: boxPaths, env }))
        await container.start()
        return taken(container, input, name)
      } catch (error) {
        input.end()
        await removeContainer(container)
        throw error
      }
    } catch (error) {
      throw explain(error, order)
    }
  }

  const create = async (
    daemon: Daemon,
    parts: Pick<Parameters<typeof containerOf>[0], 'name' | 'command' | 'gateway'>,
  ) => {
    const within = { ...limits, cpus: Math.min(limits.cpus, daemon.cpus) }
    const made = containerOf({ ...parts, image: await imageId(), installation, limits: within })
    return await docker.createContainer(made)
  }

  /** The image as it is now, by its id. Throws `NoBox` where there is no image, or that of another version. */
  const imageId = async (): Promise<string> => {
    const found = await docker
      .getImage(image)
      .inspect()
      .catch(error => {
        if (statusOf(error) !== 404) throw error
        throw new NoBox(`Docker has no image ${image}: build it with \`bellhop setup\`.`, { cause: error })
      })
    if (found.Config.Labels?.[digestLabel] === (await imageDigest())) return found.Id
    throw new NoBox(
      `The image ${image} was built by another version of Bellhop: build it again with \`bellhop setup\`.`,
    )
  }

  const find = async (name?: BoxName) => {
    const filters = JSON.stringify(filterOf(installation, name))
    return await docker.listContainers({ all: true, filters }).catch(error => {
      throw isAway(error) ? noDaemon(error) : error
    })
  }

  const probe = async (): Promise<Probe> => {
    try {
      const daemon = await daemonOf(docker)
      const container = await create(daemon, { command: ['/opt/bellhop/box/probe.ts', 'probe', '0'] })
      await runProbe(container, probeMs)
      return { ok: true, place: `${daemon.id}/${installation}`, notes: notesOf(daemon) }
    } catch (error) {
      const explained = explain(error)
      if (explained instanceof NoBox) return { ok: false, why: explained.message }
      throw explained
    }
  }

  return {
    name: 'docker',
    lasting: true,
    probe,
    open,
    list: async () => {
      const found = await find()
      await sweepProbes(found.filter(({ Labels, State }) => isProbe(Labels) && State === 'created'))
      return found.filter(({ Labels }) => !isProbe(Labels)).map(({ Labels }) => nameIn(Labels))
    },
    adopt: async name => {
      const known = live.get(nameOf(name))
      if (known) return known
      const [found] = await find(name)
      if (!found) return undefined
      const container = docker.getContainer(found.Id)
      const begun = found.State === 'running' || found.State === 'exited' || found.State === 'paused'
      if (begun) return taken(container, openInput(container), nameOf(name))
      await removeContainer(container)
      return undefined
    },
  }
}

const notesOf = ({ limits, filters }: Daemon): readonly string[] => {
  const missing = [
    ...(limits.memory ? [] : ['memory']),
    ...(limits.cpu ? [] : ['processor time']),
    ...(limits.processes ? [] : ['processes']),
  ]
  return [
    disk,
    ...(missing.length > 0 ? [`The ${missing.join(' and ')} of a box cannot be limited on this host.`] : []),
    ...(filters ? [] : ['No filter of system calls is set on a box on this host.']),
  ]
}

/** The sentence for what kept a box from starting; other trouble as it is. */
const explain = (error: unknown, order?: BoxOrder): Error => {
  if (error instanceof NoBox || !(error instanceof Error)) return error as Error
  if (error instanceof NoDaemon) return new NoBox(error.message, { cause: error })
  if (isAway(error)) return explain(noDaemon(error))
  const status = statusOf(error)
  if (status === undefined || status === 409) return error
  if (order && error.message.includes('bind source path does not exist'))
    return new NoBox(
      `Docker does not see the gateway's folder ${order.gateway}: it must be on the daemon's own host, or in a volume that the daemon knows.`,
      { cause: error },
    )
  return new NoBox(`Docker cannot start a box: ${error.message.trim()}`, { cause: error })
}
