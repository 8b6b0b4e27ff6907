import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Removes what a killed git left in a repository before `since`: locks, which would hold their refs for ever, and objects
 * of pushes that were never let in. Only for the owner of the folder, and only for a time when no git of its own ran.
 */
export const clearLeftovers = async (repository: string, since: Date): Promise<void> => {
  const [top, refs, objects] = await Promise.all([
    readdir(repository),
    readdir(join(repository, 'refs'), { recursive: true }),
    readdir(join(repository, 'objects')),
  ])
  const leftovers = [
    ...top.filter(isLock),
    ...refs.filter(isLock).map(name => join('refs', name)),
    ...objects.filter(name => name.startsWith('tmp_objdir-')).map(name => join('objects', name)),
  ].map(name => join(repository, name))
  for (const path of leftovers) {
    const found = await stat(path).catch(() => undefined) // Gone meanwhile: then it was no leftover.
    if (found && found.mtime < since) await rm(path, { recursive: true, force: true })
  }
}

const isLock = (name: string) => name.endsWith('.lock')
