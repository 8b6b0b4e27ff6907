import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The entry and its parts, as the image holds them. */
export const boxFolder = join(import.meta.dirname, '../box')

/** The label by which an image is known to be made from these files. */
export const digestLabel = 'bellhop.digest'

/** The files of the entry that go into the image, by their paths below its folder: all but its tests. */
export const boxFiles = async (): Promise<readonly string[]> => {
  const entries = await readdir(boxFolder, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map(entry => join(entry.parentPath, entry.name).slice(boxFolder.length + 1))
    .sort()
}

/** A digest, in hex, of all that this version of Bellhop puts into the image: its recipe, its programs and the entry. */
export const imageDigest = async (): Promise<string> => {
  const hash = createHash('sha256')
  const take = async (folder: string, name: string) => {
    const content = await readFile(join(folder, name))
    hash.update(`${name}\0${content.length}\0`).update(content)
  }
  for (const name of ['Dockerfile', 'package-lock.json']) await take(import.meta.dirname, name)
  for (const name of await boxFiles()) await take(boxFolder, name)
  return hash.digest('hex')
}
