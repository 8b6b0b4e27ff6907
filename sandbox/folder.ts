import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BoxName } from './sandbox.ts'

const run = promisify(execFile)

/** The name of a box's folder, and of its entry in a process list. */
export const nameOf = ({ job, attempt }: BoxName): string => `${job}-${attempt}`

/** Makes a folder for a new box that others may pass through but not list. Throws when it is there already. */
export const makeFolder = async (boxes: string, name: BoxName): Promise<string> => {
  const path = join(boxes, nameOf(name))
  await mkdir(boxes, { recursive: true, mode: 0o711 })
  await mkdir(path)
  await chmod(path, 0o711)
  return path
}

/** The boxes that have a folder. */
export const listFolders = async (boxes: string): Promise<readonly BoxName[]> => {
  const names = await readdir(boxes).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names.flatMap(name => {
    const [, job, attempt] = /^([a-z0-9]+)-(\d+)$/.exec(name) ?? []
    return job ? [{ job, attempt: Number(attempt) }] : []
  })
}

/**
 * Removes a folder with all that is in it, also folders that were closed to their owner, as some tools leave them, and
 * folders in folders past the longest path there can be, which a box may make to stay in the way.
 */
export const removeFolder = async (path: string): Promise<void> => {
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 })
  try {
    await remove()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENAMETOOLONG') return await removeDeep(path)
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    await unlock(path)
    await remove()
  }
}

/** The programs of the system go down step by step, where Node spells out the whole path. */
const removeDeep = async (path: string): Promise<void> => {
  await run('chmod', ['-R', 'u+rwX', '--', path]).catch(() => {})
  await run('rm', ['-rf', '--', path])
}

/** The first removal may still be at work beside it, so what is gone meanwhile is passed over. */
const unlock = async (folder: string): Promise<void> => {
  try {
    await chmod(folder, 0o700)
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isDirectory()) await unlock(join(folder, entry.name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
