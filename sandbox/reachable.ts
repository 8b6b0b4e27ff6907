import { chmod, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The permission of everybody else to read, and to pass through. */
const read = 0o4
const pass = 0o1

/**
 * The first file or folder on the way to a path that a stranger to this host may not pass or read; none when a process
 * under any uid can use it. Throws when there is no such path.
 */
export const barrier = async (path: string): Promise<string | undefined> => {
  const target = await realpath(path)
  const found = await stat(target)
  for (let folder = dirname(target); ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & pass) === 0) return folder
    if (folder === dirname(folder)) break
  }
  const needed = found.isDirectory() ? pass : read
  return (found.mode & needed) === 0 ? target : undefined
}

/** Lets every user read what lies below a folder. */
export const publish = async (folder: string): Promise<void> => {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true })) await chmod(join(folder, entry), 0o755)
}
