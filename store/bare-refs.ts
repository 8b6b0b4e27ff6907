import { git } from './bare-git.ts'
import { isRefName } from './bare-names.ts'
import { Unknown } from './repos.ts'

/**
 * The commit that `ref` names: a full ref, `HEAD`, a whole hash, else a branch, a tag or the beginning of a hash, in this
 * order. `undefined` when it names none, or could be taken for something else than a name.
 */
export const resolve = async (repository: string, ref: string): Promise<string | undefined> => {
  if (!isRefName(ref)) return undefined
  const input = candidates(ref)
    .map(name => `${name}^{commit}\n`)
    .join('')
  const { out } = await git(repository, ['cat-file', '--batch-check=%(objectname)'], { input })
  return out
    .toString()
    .split('\n')
    .find(line => /^[0-9a-f]{40}$/.test(line))
}

const candidates = (ref: string): readonly string[] => {
  if (ref === 'HEAD' || ref.startsWith('refs/') || /^[0-9a-f]{40}$/.test(ref)) return [ref]
  const names = [`refs/heads/${ref}`, `refs/tags/${ref}`]
  return /^[0-9a-f]{7,39}$/.test(ref) ? [...names, ref] : names
}

/** As `resolve`, for a caller who knows that there is such a commit. Throws `Unknown` when there is none. */
export const commitOf = async (repository: string, ref: string): Promise<string> => {
  const commit = await resolve(repository, ref)
  if (!commit) throw new Unknown(`The repository has no commit named ${JSON.stringify(ref)}.`)
  return commit
}

/** One change of a ref; each holds only while the ref still is where `from` says. */
type Move =
  | { readonly change: 'create'; readonly ref: string; readonly to: string }
  | { readonly change: 'update'; readonly ref: string; readonly to: string; readonly from: string }
  | { readonly change: 'delete'; readonly ref: string; readonly from: string }

/** Makes all of the changes or none. Gives `undefined` when they are made, else what git said. */
export const moveRefs = async (repository: string, moves: readonly Move[]): Promise<string | undefined> => {
  const input = ['start', ...moves.map(line), 'commit', ''].join('\n')
  const { code, err } = await git(repository, ['update-ref', '--stdin'], { input, codes: [0, 128] })
  return code === 0 ? undefined : err
}

const line = (move: Move): string => {
  switch (move.change) {
    case 'create':
      return `create ${move.ref} ${move.to}`
    case 'update':
      return `update ${move.ref} ${move.to} ${move.from}`
    case 'delete':
      return `delete ${move.ref} ${move.from}`
    default:
      return move satisfies never
  }
}

/** Every branch with its tip. */
export const branches = async (repository: string) => {
  const { out } = await git(repository, ['for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads/'])
  return out
    .toString()
    .split('\n')
    .filter(text => text !== '')
    .map(text => {
      const [name = '', commit = ''] = text.slice('refs/heads/'.length).split(' ')
      return { name, commit }
    })
}
