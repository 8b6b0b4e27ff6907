import type { Upstreams } from '../sandbox/upstream.ts'
import { farUpstreams, nearUpstreams } from '../sandbox/upstream-door.ts'
import type { Repos } from '../store/repos.ts'

/** Whose repositories these are: this process's own, in a folder, or another's, behind its door. */
export type Owner =
  | {
      readonly folder: string
      /** Where the gateway is, if it is a process of its own, and what it knows this one by. */
      readonly gateway?: { readonly url: string; readonly token: string }
    }
  | { readonly url: string; readonly token: string }

/**
 * Opens the repositories as their owner does, or the way to the owner. What the owner clones from elsewhere comes through
 * the gateway, which has the credentials for it: `upstreams` in this process, or the one that is named.
 */
export const openRepositories = async (
  owner: Owner,
  {
    upstreams,
    opening,
    failed,
    now,
  }: {
    readonly upstreams: Upstreams
    readonly opening: AsyncDisposableStack
    readonly failed: (error: unknown) => void
    readonly now: () => Date
  },
): Promise<Repos> => {
  if ('url' in owner) {
    const { openRemoteRepos } = await import('../store/remote-repos.ts')
    return opening.use(openRemoteRepos(owner))
  }
  const { openBare } = await import('../store/bare.ts')
  const upstream = owner.gateway ? farUpstreams(owner.gateway) : nearUpstreams(upstreams, failed)
  return openBare(owner.folder, { now, upstream })
}
