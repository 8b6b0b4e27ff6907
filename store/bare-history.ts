import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { git, startGit } from './bare-git.ts'
import { commitOf, resolve } from './bare-refs.ts'
import type { Commit } from './repos.ts'

/** Commits that `ref` holds, newest first; none for an unknown ref, nor after a commit that it does not hold. */
export const history = async (
  repository: string,
  ref: string,
  { limit, after }: { readonly limit: number; readonly after?: string },
): Promise<readonly Commit[]> => {
  const tip = await resolve(repository, ref)
  if (!tip) return []
  const skip = after === undefined ? 0 : 1 + (await placeOf(repository, tip, after))
  if (after !== undefined && skip === 0) return []
  const range = [`--max-count=${limit}`, `--skip=${skip}`, tip]
  const { out } = await git(repository, [
    'log',
    '-z',
    '--format=tformat:%H%x00%P%x00%an%x00%ct%x00%B',
    ...range,
  ])
  const fields = out.toString().split('\0')
  const commits: Commit[] = []
  for (let at = 0; at + 5 <= fields.length; at += 5) commits.push(commitFrom(fields.slice(at, at + 5)))
  return commits
}

const commitFrom = ([
  hash = '',
  parents = '',
  author = '',
  seconds = '',
  message = '',
]: readonly string[]): Commit => ({
  hash,
  parents: parents === '' ? [] : parents.split(' '),
  author,
  at: new Date(Math.min(Number(seconds), lastSecond) * 1000).toISOString(),
  message: message.trimEnd(),
})

/** The last second that a Date can hold; git's own can be later. */
const lastSecond = 8.64e12

const placeOf = async (repository: string, tip: string, commit: string): Promise<number> => {
  const { out } = await git(repository, ['rev-list', tip])
  return out.toString().split('\n').indexOf(commit)
}

/** The best common ancestor of two commits, `undefined` when they have none or either is unknown. */
export const base = async (repository: string, from: string, to: string): Promise<string | undefined> => {
  const [one, other] = await Promise.all([resolve(repository, from), resolve(repository, to)])
  if (!one || !other) return undefined
  const { out } = await git(repository, ['merge-base', one, other], { codes: [0, 1] })
  return out.toString().trim() || undefined
}

/** Paths that differ between two commits; a renamed file counts with both its names. */
export const changed = async (repository: string, from: string, to: string): Promise<readonly string[]> => {
  const ends = await Promise.all([commitOf(repository, from), commitOf(repository, to)])
  const { out } = await git(repository, ['diff-tree', '-r', '-z', '--name-only', '--no-renames', ...ends])
  return out.toString().split('\0').slice(0, -1)
}

/** The patch between two commits as git prints it, names unescaped. Git is stopped once `limit` bytes are there. */
export const diff = async (
  repository: string,
  from: string,
  to: string,
  limit = 1_000_000,
): Promise<string> => {
  const ends = await Promise.all([commitOf(repository, from), commitOf(repository, to)])
  const args = ['diff-tree', '-p', '--find-renames', '--no-ext-diff', '--no-textconv', '--no-color', ...ends]
  const child = startGit(repository, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const [[code, signal], patch] = await Promise.all([once(child, 'close'), read(child, limit)])
  if (patch.length > limit) return cut(patch, limit)
  if (code !== 0) throw new Error(`git diff-tree ended with ${code ?? signal}.`)
  return patch.toString()
}

/** What a process prints; it is stopped as soon as that is more than `limit` bytes. */
const read = async (child: ChildProcess, limit: number): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of child.stdout!) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > limit) break
  }
  if (bytes > limit) child.kill()
  return Buffer.concat(chunks)
}

/** Whole lines only, so that no character is cut in two. */
const cut = (patch: Buffer, limit: number): string => {
  const end = patch.subarray(0, limit).lastIndexOf('\n') + 1
  return `${patch.toString('utf8', 0, end)}[The patch is longer than ${limit} bytes and is cut here.]\n`
}
