import { BadName } from './repos.ts'

/** Throws `BadName` for what cannot name a repository, and so a folder. */
export const checkRepositoryId = (id: string): void => {
  if (!/^[a-z0-9]{1,100}$/.test(id))
    throw new BadName(
      `${JSON.stringify(id)} cannot name a repository: use lower-case letters and digits, at most 100.`,
    )
}

/**
 * Whether `ref` can name a branch, a tag or a ref, by the rules of `git check-ref-format`; besides, it may not begin as an
 * option does. Expressions such as `main~1` or `main:file` are no names.
 */
export const isRefName = (ref: string): boolean =>
  ref !== '' && ref !== '@' && ref.isWellFormed() && !forbiddenInRefs.test(ref)

const forbiddenInRefs = /[\0-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^[-/]|[/.]$|(^|\/)\.|\.lock(\/|$)/

/** Whether `path` can name an entry of a commit: relative, with forward slashes, nothing empty, no `.` or `..`. */
export const isPath = (path: string): boolean =>
  path.isWellFormed() &&
  !path.includes('\0') &&
  path.split('/').every(name => name !== '' && name !== '.' && name !== '..')
