import type { ChildProcess } from 'node:child_process'
import { mkdir, realpath, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { mark } from './box/frames.ts'
import type { Tool } from './flags.ts'
import { boxPath, boxPaths, flags } from './flags.ts'
import { listFolders, makeFolder, nameOf, removeFolder } from './folder.ts'
import { childrenOf, gone } from './gone.ts'
import { hand } from './hand.ts'
import { launch } from './launch.ts'
import { publish } from './reachable.ts'
import { endRemains } from './remains.ts'
import type { Box, BoxName, Plan, Sandbox } from './sandbox.ts'
import { NoBox } from './sandbox.ts'
import { seccomp } from './seccomp.ts'
import { openStage } from './stage.ts'
import { openUids } from './uids.ts'

/** Where `bwrap` is looked for, and all that its own environment holds, since a box can read that. */
const env = { PATH: '/usr/local/bin:/usr/bin:/bin' }

const notes = ['No limit is set on the memory, processor time, processes and disk space of a box.']

/**
 * Boxes by bubblewrap, on Linux. Each has every namespace of its own, a filter of system calls, and sees of the host only
 * `/usr`, the entry and the `tools`, read-only; those belong below `/opt/bellhop`, of which `/opt/bellhop/bin` is on the
 * path. When the server is root, each box runs under a user id of its own. `folder` belongs to one server.
 */
export const openBubblewrap = ({
  folder: given,
  tools = [],
  bwrap = 'bwrap',
}: {
  readonly folder: string
  readonly tools?: readonly Tool[]
  /** The program itself, where it is not on the common path. */
  readonly bwrap?: string
}): Sandbox => {
  const folder = resolve(given)
  const root = process.getuid?.() === 0
  const stage = root ? openStage(join(folder, 'tools')) : realpath
  const uids = openUids()
  const live = new Map<string, Box>()
  const cache = join(folder, 'cache')

  /** Without a gateway and a plan it is a probe's box, whose door leads nowhere. */
  const start = async (
    order: BoxName & { readonly gateway?: string; readonly plan?: Plan },
  ): Promise<Box> => {
    const name = nameOf(order)
    const path = await makeFolder(folder, order)
    const uid = root ? uids.take() : undefined
    const remove = async () => {
      live.delete(name)
      await removeFolder(path)
      if (uid !== undefined) uids.giveBack(uid)
    }
    try {
      const gateway = order.gateway ?? join(path, 'gateway')
      for (const inner of ['workspace', 'home']) await mkdir(join(path, inner), { mode: 0o700 })
      if (!order.gateway) await mkdir(gateway)
      await mkdir(cache, { recursive: true })
      if (uid !== undefined) await hand({ box: path, gateway, uid, ...(!order.plan && { cache }) })
      const inside = { PATH: boxPath, HOME: boxPaths.home, TMPDIR: '/tmp', LANG: 'C.UTF-8', [mark]: name }
      const program = `/opt/bellhop/box/${order.plan ? 'entry' : 'probe'}.ts`
      const argv = flags({
        folder: path,
        gateway,
        node: await stage(process.execPath),
        entry: await stage(join(import.meta.dirname, 'box')),
        tools: await Promise.all(tools.map(async tool => ({ ...tool, from: await stage(tool.from) }))),
        cache: { folder: cache, writable: !order.plan },
        env: inside,
        command: [program, order.job, String(order.attempt)],
      })
      const box = await launch({
        argv: [bwrap, ...argv],
        env,
        ...(uid !== undefined && { uid }),
        extra: seccomp(process.arch),
        folder: path,
        paths: boxPaths,
        ...(order.plan && { start: { plan: order.plan, paths: boxPaths, env: inside } }),
        kill: child => child.kill('SIGKILL'),
        watch,
        remove,
      }).catch(explain)
      live.set(name, box)
      return box
    } catch (error) {
      await remove()
      throw error
    }
  }

  return {
    name: 'bubblewrap',
    lasting: false,
    probe: async () => {
      const name = { job: 'probe', attempt: 0 }
      await endRemains(join(folder, nameOf(name)))
      await rm(cache, { recursive: true, force: true })
      try {
        await using box = await start(name)
        await box.exit
        await publish(cache)
        return { ok: true, notes }
      } catch (error) {
        if (error instanceof NoBox) return { ok: false, why: error.message }
        throw error
      }
    },
    open: start,
    list: () => listFolders(folder),
    adopt: async name => live.get(nameOf(name)) ?? (await endRemains(join(folder, nameOf(name)))),
  }
}

/** The box's own first process: all others end with it, and before it. */
const watch = (child: ChildProcess) => {
  const first = childrenOf(child.pid as number)
  return () => gone(first)
}

const explain = (error: unknown): never => {
  if (!(error instanceof NoBox)) throw error
  const why = error.message.includes('ENOENT')
    ? 'bubblewrap is not installed on this host: install its package (0.8 or newer; it is for Linux only).'
    : `bubblewrap cannot start a box on this host: ${error.message} (It needs user namespaces, which some hosts forbid to ordinary users, and Docker without \`--security-opt seccomp=unconfined\`.)`
  throw new NoBox(why, { cause: error })
}
