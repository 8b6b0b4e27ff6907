import { access } from 'node:fs/promises'
import type { Tool } from './flags.ts'
import type { Sandbox } from './sandbox.ts'

/** Where a Docker daemon listens unless told otherwise. */
const dockerSocket = '/var/run/docker.sock'

/**
 * The sandboxes to try, in order of preference: the one that is named, or for `auto` Docker and then bubblewrap. An engine
 * is only loaded where it may be used. `unisolated` lets jobs run as plain processes where nothing isolates.
 */
export const openSandboxes = async ({
  wanted,
  folder,
  tools,
  installation,
  image,
  docker,
  unisolated,
}: {
  readonly wanted: 'auto' | 'docker' | 'bubblewrap' | 'process'
  /** The folder of this server's boxes. */
  readonly folder: string
  readonly tools: readonly Tool[]
  /** Tells the boxes of this installation from others on the same daemon. */
  readonly installation: string
  readonly image: string
  /** The daemon's address, where it is not the usual socket. */
  readonly docker?: string
  readonly unisolated: boolean
}): Promise<readonly Sandbox[]> => {
  const openers = {
    docker: async () =>
      (await import('./docker.ts')).openDocker({ image, installation, ...(docker && { docker }) }),
    bubblewrap: async () => (await import('./bubblewrap.ts')).openBubblewrap({ folder, tools }),
    process: async () => (await import('./process.ts')).openProcess({ folder, tools }),
  }
  if (wanted !== 'auto') return [await openers[wanted]()]
  const there = docker !== undefined || (await exists(dockerSocket))
  return await Promise.all([
    ...(there ? [openers.docker()] : []),
    openers.bubblewrap(),
    ...(unisolated ? [openers.process()] : []),
  ])
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
