import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { UpstreamDoor } from './bare-clone.ts'
import { clone, largestClone } from './bare-clone.ts'
import { git } from './bare-git.ts'
import { base, changed, diff, history } from './bare-history.ts'
import { clearLeftovers } from './bare-leftovers.ts'
import { merge, shelve, writeCommit } from './bare-merge.ts'
import { checkRepositoryId } from './bare-names.ts'
import { branches, moveRefs, resolve } from './bare-refs.ts'
import { blob, tree } from './bare-tree.ts'
import type { Repos, Upstream } from './repos.ts'
import { BadUpstream, Unknown } from './repos.ts'
import { serveGit } from './smart-http.ts'

/**
 * Bare repositories in a folder of which this process is the only owner: `<id>.git` each, with ids of lower-case letters
 * and digits. Everything but `create` throws `Unknown` where there is no such repository.
 */
export const openBare = (
  folder: string,
  {
    now,
    upstream = closed,
    mostCloneBytes = largestClone,
  }: {
    readonly now: () => Date
    /** The way to repositories elsewhere; without it none can be cloned. */
    readonly upstream?: UpstreamDoor
    readonly mostCloneBytes?: number
  },
): Repos => {
  const creating = new Map<string, Promise<void>>()
  const cleared = new Map<string, Promise<void>>()
  const opened = now()
  const merging = new Map<string, Promise<unknown>>()

  const pathOf = (id: string): string => {
    checkRepositoryId(id)
    return join(folder, `${id}.git`)
  }
  const there = async (id: string): Promise<string> => {
    const path = pathOf(id)
    if (!(await exists(path))) throw new Unknown(`There is no repository ${id}.`)
    const clearing = cleared.get(id) ?? clearLeftovers(path, opened)
    cleared.set(id, clearing)
    await clearing.catch(cause => {
      cleared.delete(id)
      throw new Error(`The repository ${id} could not be looked through after the start.`, { cause })
    })
    return path
  }
  /** A crash leaves drafts behind; before the first of ours, all there are were left. */
  let swept: Promise<void> | undefined
  const sweep = async (): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(folder))
      if (name.endsWith('.draft')) await rm(join(folder, name), { recursive: true, force: true })
  }
  const create = async (id: string, from: Upstream | undefined): Promise<void> => {
    const path = pathOf(id)
    if (await exists(path)) return
    // Half a repository never has the name of a whole one.
    const draft = join(folder, `${id}.draft`)
    swept ??= sweep()
    await swept.catch(error => {
      swept = undefined
      throw error
    })
    try {
      await mkdir(draft, { mode: 0o700 })
      await git(draft, ['init', '--bare', '--initial-branch=main', '--template='])
      const cloned = from && (await clone(draft, from, upstream, mostCloneBytes))
      if (from) await git(draft, ['config', 'bellhop.upstream', from.url])
      if (!cloned) await begin(draft, now())
      await rename(draft, path)
    } catch (error) {
      await rm(draft, { recursive: true, force: true })
      throw error
    }
  }

  return {
    create: async (id, from) => {
      const making = creating.get(id) ?? create(id, from).finally(() => creating.delete(id))
      creating.set(id, making)
      await making
      if (from && (await originOf(pathOf(id))) !== from.url)
        throw new BadUpstream(
          'There is a repository of this name already, from elsewhere; choose another name.',
        )
    },
    resolve: async (id, ref) => await resolve(await there(id), ref),
    tree: async (id, ref, path) => await tree(await there(id), ref, path),
    blob: async (id, ref, path) => await blob(await there(id), ref, path),
    history: async (id, ref, page) => await history(await there(id), ref, page),
    branches: async id => await branches(await there(id)),
    diff: async (id, from, to, limit) => await diff(await there(id), from, to, limit),
    changed: async (id, from, to) => await changed(await there(id), from, to),
    base: async (id, from, to) => await base(await there(id), from, to),
    merge: async (id, order) => {
      const path = await there(id)
      // One after the other: of many at once, all but one would have to begin again.
      const turn = (merging.get(id) ?? Promise.resolve()).then(() => merge(path, order))
      merging.set(
        id,
        turn.catch(() => {}),
      )
      return await turn
    },
    shelve: async (id, ref, to) => await shelve(await there(id), ref, to),
    serve: async (id, request, rights) => await serveGit(await there(id), request, rights),
  }
}

/** The first commit of a repository that begins here. */
const begin = async (repository: string, at: Date): Promise<void> => {
  const { out } = await git(repository, ['hash-object', '-t', 'tree', '-w', '/dev/null'])
  const commit = await writeCommit(repository, {
    tree: out.toString().trim(),
    parents: [],
    message: 'Begin',
    at,
  })
  const why = await moveRefs(repository, [{ change: 'create', ref: 'refs/heads/main', to: commit }])
  if (why !== undefined) throw new Error(`The first commit could not be made: ${why}`)
}

const originOf = async (repository: string): Promise<string> => {
  const { out } = await git(repository, ['config', '--get', 'bellhop.upstream'], { codes: [0, 1] })
  return out.toString().trim()
}

const closed: UpstreamDoor = async () => ({ refused: 'Repositories elsewhere cannot be reached from here.' })

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
