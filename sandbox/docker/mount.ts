import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type Docker from 'dockerode'
import { statusOf } from './daemon.ts'

/** What a container sees at a path, as `docker inspect` tells it. */
export interface Seen {
  readonly Type: string
  /** A volume's name. */
  readonly Name?: string
  /** The path on the daemon's host. */
  readonly Source: string
  readonly Destination: string
}

/** From this API on, a folder of a volume can be mounted by itself. */
const subpaths = [1, 45] as const

/**
 * The mount that shows `folder`, a path as this process sees it, read-only at `target`. Where this process runs in a
 * container, `seen` is what is mounted there, and the daemon is told the path that it knows itself.
 */
export const mountOf = ({
  folder,
  target,
  seen,
  api,
}: {
  readonly folder: string
  readonly target: string
  readonly seen: readonly Seen[]
  readonly api: string
}): Docker.MountSettings => {
  const inside = ({ Destination }: Seen) => folder === Destination || folder.startsWith(`${Destination}/`)
  const [mount] = seen.filter(inside).sort((a, b) => b.Destination.length - a.Destination.length)
  if (!mount) return { Type: 'bind', Source: folder, Target: target, ReadOnly: true }
  const path = relative(mount.Destination, folder)
  if (mount.Type !== 'volume' || !mount.Name || !speaks(api, subpaths))
    return { Type: 'bind', Source: join(mount.Source, path), Target: target, ReadOnly: true }
  const options = { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} }, Subpath: path }
  return { Type: 'volume', Source: mount.Name, Target: target, ReadOnly: true, VolumeOptions: options }
}

/** What is mounted in the container in which this process runs; nothing when it runs in none of this daemon's. */
export const mountsHere = async (docker: Docker): Promise<readonly Seen[]> => {
  const id = ownContainer(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''))
  if (id === undefined) return []
  try {
    return (await docker.getContainer(id).inspect()).Mounts
  } catch (error) {
    if (statusOf(error) === 404) return []
    throw error
  }
}

/** The id of the container whose mounts these are: Docker mounts its `/etc/hostname` from a folder of that name. */
export const ownContainer = (mountinfo: string): string | undefined =>
  /\/containers\/([0-9a-f]{64})\/hostname \/etc\/hostname /.exec(mountinfo)?.[1]

const speaks = (api: string, [major, minor]: readonly [number, number]) => {
  const [has = 0, with_ = 0] = api.split('.').map(Number)
  return has > major || (has === major && with_ >= minor)
}
