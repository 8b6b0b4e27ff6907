import { git } from './bare-git.ts'
import { isPath } from './bare-names.ts'
import { resolve } from './bare-refs.ts'
import type { Blob, TreeEntry } from './repos.ts'

interface Listed {
  readonly kind: TreeEntry['kind']
  readonly object: string
  readonly bytes?: number
  readonly path: string
}

/** A folder's entries, folders first, by name; `undefined` when `ref` has no such folder. */
export const tree = async (
  repository: string,
  ref: string,
  path: string,
): Promise<readonly TreeEntry[] | undefined> => {
  const commit = await resolve(repository, ref)
  if (!commit) return undefined
  const folder = path === '' ? commit : await objectAt(repository, commit, path, ['folder'])
  if (!folder) return undefined
  const entries = (await list(repository, [folder])).map(({ kind, bytes, path: name }) => ({
    name,
    path: path === '' ? name : `${path}/${name}`,
    kind,
    ...(bytes !== undefined && { bytes }),
  }))
  return entries.sort(
    (a, b) => Number(b.kind === 'folder') - Number(a.kind === 'folder') || (a.name < b.name ? -1 : 1),
  )
}

/** A file's content, or a link's text; `undefined` when `ref` has neither there. */
export const blob = async (repository: string, ref: string, path: string): Promise<Blob | undefined> => {
  const commit = await resolve(repository, ref)
  const object = commit && (await objectAt(repository, commit, path, ['file', 'link']))
  if (!object) return undefined
  const { out: content } = await git(repository, ['cat-file', 'blob', object])
  return { bytes: content.length, content }
}

const objectAt = async (
  repository: string,
  commit: string,
  path: string,
  kinds: readonly TreeEntry['kind'][],
): Promise<string | undefined> => {
  if (!isPath(path)) return undefined
  const listed = await list(repository, ['--full-tree', commit, '--', path])
  return listed.find(entry => entry.path === path && kinds.includes(entry.kind))?.object
}

const list = async (repository: string, args: readonly string[]): Promise<readonly Listed[]> => {
  const { out } = await git(repository, ['ls-tree', '-z', '--long', ...args])
  return out.toString().split('\0').slice(0, -1).map(parse)
}

/** `<mode> <type> <object> <size or ->\t<path>` */
const parse = (text: string): Listed => {
  const tab = text.indexOf('\t')
  const [mode = '', , object = '', size = ''] = text.slice(0, tab).split(/ +/)
  return {
    kind: kindOf[mode] ?? 'file',
    object,
    ...(/^\d+$/.test(size) && { bytes: Number(size) }),
    path: text.slice(tab + 1),
  }
}

const kindOf: Readonly<Record<string, TreeEntry['kind']>> = {
  '040000': 'folder',
  '120000': 'link',
  '160000': 'repository',
}
