import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Unusable } from './store.ts'

/** Brings a data folder from one format to the next. Safe to repeat, since a crash can come before its end is noted. */
export type Migration = (root: string) => Promise<void>

/** The first brings format 1 to 2, the second 2 to 3. What this program reads and writes is one more than there are. */
const migrations: readonly Migration[] = []

/**
 * Brings the data folder `root` to this program's format; a folder without one is new and gets it. Throws `Unusable` for
 * a higher one, which a newer Bellhop wrote, and for what is no format.
 */
export const bringToFormat = async (
  root: string,
  steps: readonly Migration[] = migrations,
): Promise<void> => {
  const ours = steps.length + 1
  const found = await readFormat(root)
  if (found === undefined) return await writeFormat(root, ours)
  if (!/^[1-9]\d{0,8}$/.test(found))
    throw new Unusable(
      `The file "format" of the data folder ${root} holds ${JSON.stringify(found)}, and must hold a number. Restore it from a backup, or set BELLHOP_DATA to another folder.`,
    )
  if (Number(found) > ours)
    throw new Unusable(
      `The data folder ${root} has format ${found}, and this Bellhop knows ${ours} at most. Start the newer Bellhop that wrote it, or set BELLHOP_DATA to another folder.`,
    )
  for (const [n, step] of steps.slice(Number(found) - 1).entries()) {
    await step(root)
    await writeFormat(root, Number(found) + n + 1)
  }
}

const readFormat = async (root: string): Promise<string | undefined> => {
  try {
    return (await readFile(join(root, 'format'), 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** The number is renamed into its place, so that a crash never leaves an empty one. */
const writeFormat = async (root: string, format: number): Promise<void> => {
  const file = join(root, 'format')
  await writeFile(`${file}.part`, `${format}\n`, { mode: 0o600, flush: true })
  await rename(`${file}.part`, file)
}
