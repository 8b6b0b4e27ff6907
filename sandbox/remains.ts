import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { killAll, marked, processes } from './box/marked.ts'
import { removeFolder } from './folder.ts'
import { gone, witness } from './gone.ts'

/**
 * Ends what a dead server left of a box and removes its folder. Its processes are found one by one: by the mark in their
 * environment, and bubblewrap by the folder on its command line.
 */
export const endRemains = async (folder: string): Promise<undefined> => {
  const find = () => [...marked(folder), ...processes().filter(pid => isBubblewrap(pid, folder))]
  const found = find().flatMap(pid => witness(pid) ?? [])
  killAll(find)
  await gone(found)
  await removeFolder(folder)
}

const isBubblewrap = (pid: number, folder: string): boolean => {
  try {
    const [file, ...argv] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return basename(file ?? '') === 'bwrap' && argv.includes(join(folder, 'workspace'))
  } catch {
    return false
  }
}
