import { git } from './bare-git.ts'
import { isRefName } from './bare-names.ts'
import { commitOf, moveRefs, resolve } from './bare-refs.ts'
import type { Merge, Repos } from './repos.ts'
import { BadName } from './repos.ts'

/** What a commit is made by: the house itself. */
const identity = { name: 'Bellhop', email: 'bellhop@localhost' }

/** Writes a commit in the name of the house and gives its hash. Nothing points to it yet. */
export const writeCommit = async (
  repository: string,
  {
    tree,
    parents,
    message,
    at,
  }: {
    readonly tree: string
    readonly parents: readonly string[]
    readonly message: string
    readonly at: Date
  },
): Promise<string> => {
  const date = `@${Math.floor(at.getTime() / 1000)} +0000`
  const env = {
    GIT_AUTHOR_NAME: identity.name,
    GIT_AUTHOR_EMAIL: identity.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: identity.name,
    GIT_COMMITTER_EMAIL: identity.email,
    GIT_COMMITTER_DATE: date,
  }
  const args = ['commit-tree', tree, ...parents.flatMap(parent => ['-p', parent]), '-m', message]
  return (await git(repository, args, { env })).out.toString().trim()
}

/** Brings a commit into a branch, as the port promises. Throws when either is unknown. */
export const merge = async (
  repository: string,
  { commit, into, message, at }: Parameters<Repos['merge']>[1],
): Promise<Merge> => {
  const branch = `refs/heads/${into}`
  const theirs = await commitOf(repository, commit)
  let refusal: { readonly tip: string; readonly why: string } | undefined
  for (;;) {
    const ours = await commitOf(repository, branch)
    if (refusal?.tip === ours) throw new Error(`${branch} could not be moved: ${refusal.why}`)
    const joined = await join(repository, ours, theirs, message, new Date(at))
    if ('conflicts' in joined || joined.merged === ours) return joined
    const why = await moveRefs(repository, [{ change: 'update', ref: branch, to: joined.merged, from: ours }])
    if (why === undefined) return joined
    refusal = { tip: ours, why }
  }
}

const join = async (
  repository: string,
  ours: string,
  theirs: string,
  message: string,
  at: Date,
): Promise<Merge> => {
  const base = (await git(repository, ['merge-base', ours, theirs], { codes: [0, 1] })).out.toString().trim()
  if (base === theirs) return { merged: ours }
  if (base === ours) return { merged: theirs }
  // A job may have begun a history of its own; its files then meet those of the workspace like any others.
  const options = ['--write-tree', '-z', '--name-only', '--no-messages', '--allow-unrelated-histories']
  const { code, out } = await git(repository, ['merge-tree', ...options, ours, theirs], { codes: [0, 1] })
  const [tree = '', ...conflicts] = out.toString().split('\0').slice(0, -1)
  // Git can find a conflict that is in no single file, such as a folder that went to two places: the whole tree is named.
  if (code === 1) return { conflicts: conflicts.length > 0 ? [...new Set(conflicts)] : ['.'] }
  return { merged: await writeCommit(repository, { tree, parents: [ours, theirs], message, at }) }
}

/** Moves `ref` to `to`, or beside it when another commit is there already. Nothing happens without `ref`. */
export const shelve = async (repository: string, ref: string, to: string): Promise<void> => {
  if (!isRefName(ref) || !isRefName(to) || !to.startsWith('refs/bellhop/'))
    throw new BadName(`${JSON.stringify(ref)} cannot be shelved at ${JSON.stringify(to)}.`)
  let refusal: { readonly tip: string; readonly why: string } | undefined
  for (;;) {
    const tip = await resolve(repository, ref)
    if (!tip) return
    if (refusal?.tip === tip) throw new Error(`${ref} could not be moved: ${refusal.why}`)
    const there = await resolve(repository, to)
    const shelf = there === undefined || there === tip ? to : `${to}-${tip}`
    const why = await moveRefs(repository, [
      { change: 'delete', ref, from: tip },
      ...((await resolve(repository, shelf)) ? [] : [{ change: 'create', ref: shelf, to: tip } as const]),
    ])
    if (why === undefined) return
    refusal = { tip, why }
  }
}
