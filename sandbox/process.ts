import type { ChildProcess } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { mark } from './box/frames.ts'
import { killAll, marked, processes } from './box/marked.ts'
import type { Tool } from './flags.ts'
import { listFolders, makeFolder, nameOf, removeFolder } from './folder.ts'
import { gone, witness } from './gone.ts'
import { launch } from './launch.ts'
import { endRemains } from './remains.ts'
import type { Box, BoxOrder, Sandbox } from './sandbox.ts'

const notes = [
  'Nothing is isolated: the job runs on this host as the user of the server, and can do and read all that this user can.',
]

/**
 * Boxes that are none: plain processes of this host, in folders of their own and with an environment of their own, for a
 * demo and for those who ask for it by name. Of the `tools` only the last part of `to` is used, as a name on the path.
 * `folder` belongs to one server. Without a `/proc`, what an agent starts as a daemon may outlive it.
 */
export const openProcess = ({
  folder: given,
  tools = [],
}: {
  readonly folder: string
  readonly tools?: readonly Tool[]
}): Sandbox => {
  const folder = resolve(given)
  const live = new Map<string, Box>()

  const open = async (order: BoxOrder): Promise<Box> => {
    const name = nameOf(order)
    const own = await makeFolder(folder, order)
    const remove = async () => {
      live.delete(name)
      await removeFolder(own)
    }
    try {
      const paths = { workspace: join(own, 'workspace'), home: join(own, 'home'), gateway: order.gateway }
      const tmp = join(own, 'tmp')
      const bin = join(own, 'bin')
      for (const inner of [paths.workspace, paths.home, tmp, bin]) await mkdir(inner, { mode: 0o700 })
      for (const { from, to } of tools) await symlink(resolve(from), join(bin, basename(to)))
      const path = [bin, '/usr/local/bin', '/usr/bin', '/bin'].join(':')
      const env = { PATH: path, HOME: paths.home, TMPDIR: tmp, LANG: 'C.UTF-8', [mark]: own }
      const box = await launch({
        argv: [process.execPath, join(import.meta.dirname, 'box/entry.ts'), order.job, String(order.attempt)],
        env,
        folder: own,
        paths,
        start: { plan: order.plan, paths, env },
        kill: child => endBox(child, own),
        watch: () => () => end(own),
        remove,
      })
      live.set(name, box)
      return box
    } catch (error) {
      await remove()
      throw error
    }
  }

  return {
    name: 'process',
    lasting: false,
    probe: async () => ({ ok: true, notes }),
    open,
    list: () => listFolders(folder),
    adopt: async name => live.get(nameOf(name)) ?? (await endRemains(join(folder, nameOf(name)))),
  }
}

/** Ends the entry and all it started. Where the others cannot be found, it ends the agent itself once its input is over. */
const endBox = (entry: ChildProcess, box: string) => {
  if (processes().length === 0) return entry.stdin?.destroy()
  entry.kill('SIGKILL')
  killAll(() => marked(box))
}

/** Ends what the entry left, by the mark in its environment. */
const end = async (box: string) => {
  const left = marked(box).flatMap(pid => witness(pid) ?? [])
  killAll(() => marked(box))
  await gone(left)
}
