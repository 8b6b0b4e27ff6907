import { rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Runs git in the workspace; gives what it printed. */
export type RunGit = (
  argv: readonly string[],
  more?: { readonly answers?: readonly number[] },
) => Promise<string>

/**
 * Makes plain folders of the repositories that the agent made inside the workspace. Git would keep a reference to them and
 * none of their files, or refuse to go on at one without a commit. What `.gitmodules` names stays a submodule.
 */
export const unnest = async (git: RunGit, workspace: string, base: string): Promise<void> => {
  const open = (path: string) => rm(join(workspace, path, '.git'), { recursive: true, force: true })
  const submodules = new Set(await submodulePaths(git))
  for (const path of await newLinks(git, base)) {
    if (submodules.has(path)) continue
    await git(['--literal-pathspecs', 'rm', '--cached', '--quiet', '--force', '--', path])
    await open(path)
  }
  // One may hold another, which is only seen when the outer one is open.
  const opened = new Set<string>()
  const next = async () => (await untracked(git)).find(path => !opened.has(path))
  for (let path = await next(); path !== undefined; path = await next()) {
    await open(path)
    opened.add(path)
  }
}

/** Paths that were no reference to a commit at `base` and are one in the index. */
const newLinks = async (git: RunGit, base: string) => {
  const fields = (await git(['diff', '--cached', '--raw', '--no-renames', '-z', base])).split('\0')
  return fields.flatMap((field, n) => (/^:(?!160000)\d{6} 160000 /.test(field) ? (fields[n + 1] ?? []) : []))
}

/** Git ends the name of an untracked repository with a slash, and no other name. */
const untracked = async (git: RunGit) =>
  (await git(['ls-files', '-z', '--others', '--exclude-standard']))
    .split('\0')
    .filter(path => path.endsWith('/'))

const submodulePaths = async (git: RunGit) => {
  const lines = await git(['config', '-z', '--file', '.gitmodules', '--get-regexp', '\\.path$'], {
    answers: [1, 128],
  })
  return lines.split('\0').map(line => line.slice(line.indexOf('\n') + 1))
}
