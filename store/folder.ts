import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Unusable } from './store.ts'

/** The layout that this program reads and writes. A folder of a higher one was written by a newer Bellhop. */
const format = 1

export interface Folder extends AsyncDisposable {
  readonly database: string
  readonly repos: string
  readonly files: string
  readonly boxes: string
  readonly adminToken: string
}

/**
 * Opens a data folder for this process alone, making it where it is not there. Throws `Unusable` when another process has
 * it, or when a newer Bellhop wrote it. The lock is the kernel's and ends with the process, however that ends.
 */
export const openFolder = async (path: string): Promise<Folder> => {
  const root = resolve(path)
  await make(root, 0o711)
  const lock = takeLock(root)
  try {
    await checkFormat(root)
    await writeFile(join(root, 'bellhop.db'), '', { flag: 'a', mode: 0o600 })
    await make(join(root, 'boxes'), 0o711)
    await make(join(root, 'repos'), 0o700)
    await make(join(root, 'files'), 0o700)
  } catch (error) {
    lock.close()
    throw error
  }
  return {
    database: join(root, 'bellhop.db'),
    repos: join(root, 'repos'),
    files: join(root, 'files'),
    boxes: join(root, 'boxes'),
    adminToken: join(root, 'admin-token'),
    [Symbol.asyncDispose]: async () => lock.close(),
  }
}

const make = async (folder: string, mode: number) => {
  await mkdir(folder, { recursive: true, mode })
  await chmod(folder, mode)
}

/** SQLite's exclusive lock on a file of its own: `flock`-like, and gone when the process is. */
const takeLock = (root: string): DatabaseSync => {
  const lock = new DatabaseSync(join(root, 'lock'), { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
    return lock
  } catch (cause) {
    lock.close()
    throw new Unusable(
      `The data folder ${root} is in use by another Bellhop. Stop that one, or set BELLHOP_DATA to a folder of its own.`,
      { cause },
    )
  }
}

const checkFormat = async (root: string) => {
  const file = join(root, 'format')
  const found = await readFile(file, 'utf8').catch(() => undefined)
  if (found === undefined) return await writeFile(file, `${format}\n`, { mode: 0o600, flush: true })
  if (Number(found) === format) return
  throw new Unusable(
    `The data folder ${root} has format ${found.trim()}, and this Bellhop knows ${format}. Start the newer Bellhop that wrote it, or set BELLHOP_DATA to another folder.`,
  )
}
