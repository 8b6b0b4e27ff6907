import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Doors, Grants } from '../gateway.ts'
import type { Fence } from './fence.ts'
import type { RouteName } from './refusal.ts'
import { send } from './respond.ts'

/** Where a box finds its workspace's repository. */
export const gitPath = '/git/workspace.git'

/** The git route: the job's own repository, pushed to nowhere but to the job's own branch, by the job's own attempt. */
export const openGitRoute =
  (
    grants: Grants,
    doors: Pick<Doors, 'git'>,
    fence: Fence,
    refuse: (route: RouteName, what: string, why: string) => Promise<void>,
  ) =>
  async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const path = url.pathname.slice(gitPath.length)
    if (pushes(path, url.searchParams)) await fence.pass('push')
    const refused: Promise<void>[] = []
    const mayPush = (ref: string) => {
      if (ref === grants.push) return undefined
      const why = `A job pushes to its own branch only, ${grants.push}.`
      refused.push(refuse('git', ref, why))
      return why
    }
    const answer = await doors.git(
      grants.repository,
      {
        method: request.method ?? 'GET',
        path,
        query: url.searchParams,
        headers: Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, value?.toString()]),
        ),
        body: request,
      },
      mayPush,
    )
    await Promise.all(refused)
    await send(response, answer)
  }

/** Whether it is a push, or the question that each push begins with. */
const pushes = (path: string, query: URLSearchParams) =>
  path === '/git-receive-pack' || query.get('service') === 'git-receive-pack'
