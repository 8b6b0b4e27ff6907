import { chmod, copyFile, cp, link, mkdir, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { barrier, publish } from './reachable.ts'

/** Gives a path under which a file or folder can be bound into a box. */
export type Stage = (from: string) => Promise<string>

/**
 * Boxes of a server that runs as root have uids of their own, which cannot reach what lies in a closed folder such as
 * `/root`. What they need of it, the server's own Node above all, is linked or else copied into `folder`, once.
 */
export const openStage = (folder: string): Stage => {
  const staged = new Map<string, Promise<string>>()
  let emptied: Promise<void> | undefined
  const bring = async (from: string, name: string) => {
    const source = await realpath(from)
    const closed = await barrier(source)
    if (closed === undefined) return source
    emptied ??= empty(folder)
    await emptied
    const to = join(folder, name)
    if ((await stat(source)).isDirectory()) await copyFolder(source, to)
    else if (closed === source) await copyOpen(source, to)
    else await link(source, to).catch(() => copyOpen(source, to))
    return to
  }
  return from => {
    const path = staged.get(from) ?? bring(from, `${staged.size}-${basename(from)}`)
    staged.set(from, path)
    return path
  }
}

const empty = async (folder: string) => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(dirname(folder), { recursive: true })
  await mkdir(folder)
  await chmod(folder, 0o711)
}

const copyOpen = async (from: string, to: string) => {
  await copyFile(from, to)
  await chmod(to, 0o755)
}

const copyFolder = async (from: string, to: string) => {
  await cp(from, to, { recursive: true })
  await publish(to)
}
