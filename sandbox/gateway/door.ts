import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { Admission, Doors, ModelAccess } from '../gateway.ts'
import { openFence } from './fence.ts'
import { openFileRoute } from './files.ts'
import { gitPath, openGitRoute } from './git.ts'
import { openModelRoute, Unreachable } from './model.ts'
import type { Price } from './prices.ts'
import type { RouteName } from './refusal.ts'
import { openRefusals, Refused } from './refusal.ts'
import { sendSentence } from './respond.ts'
import { listenIn } from './socket.ts'

/** A box may take 30 s for a request's headers and 10 minutes for its body, and keep this many connections open. */
const headersMs = 30_000
const requestMs = 10 * 60 * 1000
const mostConnections = 100
/** An idle connection is kept for a minute, longer than clients keep theirs, so that none is closed under a request. */
const idleMs = 60_000

/** One attempt's socket in `folder` and the routes behind it. */
export interface Door {
  readonly attempt: number
  /** Ends requests in flight and resolves when they were metered. Safe to repeat. */
  close(): Promise<void>
}

export interface DoorParts {
  readonly admission: Admission
  readonly folder: string
  readonly doors: Doors
  readonly access: ModelAccess | undefined
  readonly prices: Readonly<Record<string, Price>> | undefined
  /** Hears of what failed here, and not in the box; the box is told only that it did. */
  readonly failed: (error: unknown) => void
}

export const openDoor = async ({
  admission: { job, attempt, grants },
  folder,
  doors,
  access,
  prices,
  failed,
}: DoorParts): Promise<Door> => {
  const at = { job, attempt }
  const refuse = openRefusals(refusal => doors.refused(at, refusal))
  const fence = openFence(attempt, () => doors.current(at))
  const model = openModelRoute({
    access,
    budget: grants.budget,
    prices,
    fence,
    spent: () => doors.spent(at),
    metered: usage => doors.metered(at, usage).catch(failed),
  })
  const routes = {
    model: model.handle,
    git: openGitRoute(grants, doors, fence, refuse),
    files: openFileRoute(at, grants, doors),
  }

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    let route: RouteName | undefined
    try {
      const url = urlOf(request)
      route = url && routeOf(url.pathname)
      if (url && route) await routes[route](request, response, url)
      else sendSentence(request, response, 404, nothingHere, 'model')
    } catch (error) {
      if (error instanceof Refused && route) {
        sendSentence(request, response, error.status, error.message, route)
        await refuse(route, error.what, error.message)
      } else if (!response.destroyed) {
        const why = error instanceof Unreachable ? error.message : 'The gateway failed at this request.'
        sendSentence(request, response, error instanceof Unreachable ? 502 : 500, why, route)
        failed(error)
      }
    }
  }

  const handling = new Set<Promise<void>>()
  const server = createServer(
    { headersTimeout: headersMs, requestTimeout: requestMs, keepAliveTimeout: idleMs },
    (request, response) => {
      const handled = answer(request, response)
        .catch(failed)
        .finally(() => handling.delete(handled))
      handling.add(handled)
    },
  )
  server.maxConnections = mostConnections
  await listenIn(server, folder)

  const close = async () => {
    const closed = new Promise(resolve => server.close(resolve))
    server.closeAllConnections()
    await closed
    await Promise.all(handling)
    await model.close()
  }
  let closing: Promise<void> | undefined
  return {
    attempt,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

const nothingHere = `There is nothing here: the gateway has /v1/messages, ${gitPath} and /files.`

/** Also where a client asks as it would ask a proxy, by the whole address. */
const urlOf = ({ url = '/' }: IncomingMessage): URL | undefined =>
  URL.parse(url.startsWith('/') ? `http://gateway.local${url}` : url) ?? undefined

const routeOf = (path: string): RouteName | undefined => {
  if (path.startsWith('/v1/')) return 'model'
  if (path.startsWith(`${gitPath}/`)) return 'git'
  if (path.startsWith('/files/')) return 'files'
  return undefined
}
