import { readFile, rename, writeFile } from 'node:fs/promises'

/** The text kept in `file`, mode 0600; made and kept there the first time. */
export const kept = async (file: string, make: () => string): Promise<string> => {
  const found = (await readFile(file, 'utf8').catch(absent))?.trim()
  if (found) return found
  const made = make()
  await writeFile(`${file}.part`, `${made}\n`, { mode: 0o600, flush: true })
  await rename(`${file}.part`, file)
  return made
}

const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error
}
