import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { dropUnfinished } from './blobs.ts'
import { bringToFormat } from './format.ts'
import { randomId } from './ids.ts'
import { kept } from './kept.ts'
import { newSecret } from './secret.ts'
import { Unusable } from './store.ts'

/** A data folder's places, each an absolute path. */
export interface Folder extends AsyncDisposable {
  readonly database: string
  readonly repos: string
  readonly files: string
  readonly boxes: string
  readonly adminToken: string
  /** The name of this folder's process among others, made once. */
  readonly name: string
  /** A key of this folder's own, made once: the installation's, if it is given no other. */
  readonly secretKey: string
}

/**
 * Opens a data folder for this process alone, making it where it is not there, until disposed. Throws `Unusable` when
 * another process has it, when a newer Bellhop wrote it, or when it cannot be written. The lock is the kernel's and ends
 * with the process, however that ends.
 */
export const openFolder = async (path: string): Promise<Folder> => {
  const root = resolve(path)
  await makeRoot(root)
  const lock = await takeLock(root)
  const folder = {
    database: join(root, 'bellhop.db'),
    repos: join(root, 'repos'),
    files: join(root, 'files'),
    boxes: join(root, 'boxes'),
    adminToken: join(root, 'admin-token'),
    [Symbol.asyncDispose]: async () => lock.close(),
  }
  try {
    await bringToFormat(root)
    await makeFile(folder.database)
    await make(folder.boxes, 0o711)
    await make(folder.repos, 0o700)
    await make(folder.files, 0o700)
    await dropUnfinished(folder.files)
    const name = await kept(join(root, 'name'), randomId)
    return { ...folder, name, secretKey: await kept(join(root, 'secret-key'), newSecret) }
  } catch (error) {
    lock.close()
    throw error
  }
}

/** A box under another uid passes through the root and `boxes` to its own place, and can list neither. */
const makeRoot = async (root: string): Promise<void> => {
  try {
    await make(root, 0o711)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Unusable(
      `The data folder ${root} cannot be made or is not ours (${why}). Set BELLHOP_DATA to a folder that this user may write.`,
      { cause },
    )
  }
}

const make = async (folder: string, mode: number): Promise<void> => {
  await mkdir(folder, { recursive: true, mode })
  await chmod(folder, mode)
}

/**
 * Makes a file that only its owner can open, before SQLite would make it as wide as the umask allows. One that is there
 * is not opened: closing it would take this process's locks off it.
 */
const makeFile = async (file: string): Promise<void> => {
  try {
    await writeFile(file, '', { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

/** What SQLite answers when another connection has the lock. */
const busy = 5

/** SQLite's exclusive lock on a file of its own, gone when the process is. Who holds it is told in the file `pid`. */
const takeLock = async (root: string): Promise<DatabaseSync> => {
  const file = join(root, 'lock')
  await makeFile(file)
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
    await writeFile(join(root, 'pid'), `${process.pid}\n`, { mode: 0o600 })
    return lock
  } catch (cause) {
    lock.close()
    if (!(cause instanceof Error && 'errcode' in cause && cause.errcode === busy)) throw cause
    const pid = (await readFile(join(root, 'pid'), 'utf8').catch(() => '')).trim()
    const holder = pid === '' ? 'another Bellhop' : `another Bellhop, process ${pid}`
    throw new Unusable(
      `The data folder ${root} is in use by ${holder}. Stop that one, or set BELLHOP_DATA to a folder of its own.`,
      { cause },
    )
  }
}
