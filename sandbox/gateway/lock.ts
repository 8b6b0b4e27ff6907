import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What SQLite answers when another connection has the lock. */
const busy = 5

/**
 * Makes a gateway's folder this process's alone until disposed, by SQLite's exclusive lock on a file of its own: it is the
 * kernel's and ends with the process, however that ends. Throws a sentence that names who has it.
 */
export const lockFolder = async (folder: string): Promise<Disposable> => {
  const file = join(folder, 'lock')
  const holder = join(folder, 'pid')
  await writeFile(file, '', { flag: 'a', mode: 0o600 })
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
    await writeFile(holder, `${process.pid}\n`, { mode: 0o600 })
    return { [Symbol.dispose]: () => lock.close() }
  } catch (cause) {
    lock.close()
    if (!(cause instanceof Error && 'errcode' in cause && cause.errcode === busy)) throw cause
    const pid = (await readFile(holder, 'utf8').catch(() => '')).trim()
    throw new Error(
      `Another gateway${pid && `, process ${pid},`} has the folder ${folder}. One serves all runners of a host: stop that one, or set GATEWAY_FOLDER to a folder of its own.`,
      { cause },
    )
  }
}
