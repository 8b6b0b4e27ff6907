import type { Job } from '../store/records.ts'
import type { Repos } from '../store/repos.ts'

/** What a job changed, as git prints it. Empty when it committed nothing. */
export const patchOf = async (repos: Repos, { workspace, base, commit }: Job): Promise<string> =>
  base && commit ? await repos.diff(workspace, base, commit) : ''
