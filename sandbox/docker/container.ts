import type Docker from 'dockerode'
import { boxPath, boxPaths } from '../flags.ts'
import type { BoxName } from '../sandbox.ts'

/** What a box may take of its host. */
export interface Limits {
  readonly memoryBytes: number
  /** Processors' worth of time, such as 1.5. */
  readonly cpus: number
  readonly processes: number
}

/** 2 GiB of memory, two processors, 512 processes. */
export const usualLimits: Limits = { memoryBytes: 2 * 1024 ** 3, cpus: 2, processes: 512 }

/** Room in `/tmp` and `/dev/shm`, both of the box's own memory: 512 MB and 256 MB. */
const tmpBytes = 512 * 1024 ** 2
const shmBytes = 256 * 1024 ** 2

/**
 * What is kept of a box's output: two files of 512 MB. The entry itself writes less than one, so a position counts from the
 * first byte; only a box that goes round it, to fill the disk, loses its oldest.
 */
const log = { Type: 'local', Config: { 'max-size': '512m', 'max-file': '2', compress: 'false' } }

/** The environment of every program of a box. */
export const boxEnv = { PATH: boxPath, HOME: boxPaths.home, TMPDIR: '/tmp', LANG: 'C.UTF-8' }

const labels = {
  installation: 'bellhop.installation',
  job: 'bellhop.job',
  attempt: 'bellhop.attempt',
}

/** The containers of an installation, boxes and probes, as a filter of Docker's; of one box, where its name is given. */
export const filterOf = (installation: string, name?: BoxName) => ({
  label: [
    `${labels.installation}=${installation}`,
    ...(name ? [`${labels.job}=${name.job}`, `${labels.attempt}=${name.attempt}`] : []),
  ],
})

/** Whether a container is a probe's, by its labels. */
export const isProbe = (found: Readonly<Record<string, string>>): boolean => found[labels.job] === undefined

/** Which box a container is, by its labels. */
export const nameIn = (found: Readonly<Record<string, string>>): BoxName => ({
  job: found[labels.job] ?? '',
  attempt: Number(found[labels.attempt]),
})

/**
 * A container of the box image: no network, no capability and no way to one, its root read-only, within its limits. It sees
 * of the host the gateway's folder and nothing else; what it writes lies in memory and in two volumes that go with it.
 */
export const containerOf = (parts: {
  readonly image: string
  readonly installation: string
  readonly limits: Limits
  /** The program and what follows it. */
  readonly command: readonly string[]
  readonly gateway?: Docker.MountSettings
  /** The box it is; none for a probe, which is not listed. */
  readonly name?: BoxName
}): Docker.ContainerCreateOptions => {
  const { image, installation, limits, command, gateway, name } = parts
  const volume = (path: string) => ({ Type: 'volume', Target: path }) as Docker.MountSettings
  return {
    ...(name && { name: `bellhop-${installation}-${name.job}-${name.attempt}` }),
    Image: image,
    Labels: {
      [labels.installation]: installation,
      ...(name && { [labels.job]: name.job, [labels.attempt]: String(name.attempt) }),
    },
    Hostname: 'box',
    // It stays open when the runner lets go of it. A probe has none, and ends for want of it.
    OpenStdin: name !== undefined,
    StdinOnce: false,
    User: '1000:1000',
    WorkingDir: boxPaths.workspace,
    Env: Object.entries({ ...boxEnv, NODE_COMPILE_CACHE: '/opt/bellhop/cache' }).map(pair => pair.join('=')),
    // The first process fetches what the agent leaves behind, which would count against the limit otherwise.
    Entrypoint: ['/usr/bin/tini', '--', '/opt/bellhop/bin/node'],
    Cmd: [...command],
    HostConfig: {
      // A box is removed by its runner, who reads what it printed; a probe's may be left by a server that is killed.
      AutoRemove: name === undefined,
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      IpcMode: 'private',
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      PidsLimit: limits.processes,
      ShmSize: shmBytes,
      Tmpfs: { '/tmp': `rw,exec,nosuid,nodev,mode=1777,size=${tmpBytes}` },
      Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
      Mounts: [volume(boxPaths.workspace), volume(boxPaths.home), ...(gateway ? [gateway] : [])],
      LogConfig: log,
    },
  }
}
