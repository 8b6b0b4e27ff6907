import { rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { openFileRoute } from './gateway/files.ts'
import { openModelRoute } from './gateway/model.ts'
import { drainBody, Refused, send, sendError } from './gateway/respond.ts'
import { listenIn } from './gateway/socket.ts'
import type { Admission, Doors, Gateway, ModelAccess } from './gateway.ts'

/** Refusals past this many in one attempt are counted, not told: a loop in a box must not fill the log. */
const mostRefusals = 50

interface Open {
  readonly attempt: number
  close(): Promise<void>
}

/** The gateway in this process: a folder `<job>-<attempt>` with a socket for each admitted attempt, below `folder`. */
export const openGateway = ({
  folder,
  doors,
  model,
}: {
  readonly folder: string
  readonly doors: Doors
  readonly model?: ModelAccess
}): Gateway => {
  const open = new Map<string, Open>()
  const pathOf = (job: string, attempt: number) => join(folder, `${job}-${attempt}`)

  const release = async (job: string, attempt: number) => {
    const admitted = open.get(job)
    if (admitted?.attempt !== attempt) return
    open.delete(job)
    await admitted.close()
  }
  return {
    admit: async admission => {
      const { job, attempt } = admission
      const before = open.get(job)
      if (before && before.attempt > attempt)
        throw new Error(
          `Attempt ${attempt} of job ${job} asks to be admitted after attempt ${before.attempt} was.`,
        )
      if (before) await release(job, before.attempt)
      const path = pathOf(job, attempt)
      open.set(job, await openDoor(admission, path, doors, model))
      return { folder: path }
    },
    release,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...open].map(([job, { attempt }]) => release(job, attempt)))
    },
  }
}

const openDoor = async (
  { job, attempt, grants }: Admission,
  path: string,
  doors: Doors,
  access: ModelAccess | undefined,
): Promise<Open> => {
  const at = { job, attempt }
  const handling = new Set<Promise<void>>()
  const files = openFileRoute(at, grants, doors)
  const model = openModelRoute({ access, budget: grants.budget, metered: usage => doors.metered(at, usage) })
  let refusals = 0

  const refuse = async (route: 'model' | 'git' | 'files', what: string, why: string) => {
    if (++refusals > mostRefusals + 1) return
    const last = refusals > mostRefusals
    await doors.refused(
      at,
      last
        ? { route, what: 'more', why: 'Further refusals of this attempt are left out.' }
        : { route, what, why },
    )
  }
  const mayPush = (ref: string) => {
    if (ref === grants.push) return undefined
    const why = `A job pushes to its own branch only, ${grants.push}.`
    void refuse('git', ref, why)
    return why
  }
  const git = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    )
    const answer = await doors.git(
      grants.repository,
      {
        method: request.method ?? 'GET',
        path: url.pathname.slice('/git/workspace.git'.length),
        query: url.searchParams,
        headers,
        body: request,
      },
      mayPush,
    )
    await send(response, answer)
  }
  const route = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://gateway.local')
    const kind = url.pathname.startsWith('/git/workspace.git/')
      ? 'git'
      : url.pathname.startsWith('/files/')
        ? 'files'
        : 'model'
    try {
      if (kind === 'git') await git(request, response, url)
      else if (kind === 'files') await files.handle(request, response, url)
      else if (url.pathname.startsWith('/v1/')) await model.handle(request, response, url.pathname)
      else
        throw new Refused(
          404,
          url.pathname.slice(0, 200),
          'There is nothing here: the gateway has /v1/messages, /git/workspace.git and /files.',
        )
    } catch (error) {
      if (!(error instanceof Refused))
        return sendError(response, 500, 'api_error', 'The gateway failed at this request.')
      if (error.status !== 404) await refuse(kind, error.what, error.message)
      sendError(
        response,
        error.status,
        error.status === 402 ? 'billing_error' : 'permission_error',
        error.message,
      )
      await drainBody(request)
    }
  }
  const server = createServer({ requestTimeout: 0, headersTimeout: 30_000 }, (request, response) => {
    const handled = route(request, response).finally(() => handling.delete(handled))
    handling.add(handled)
  })
  await listenIn(server, path)
  return {
    attempt,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await Promise.allSettled(handling)
      await model.close()
      await rm(path, { recursive: true, force: true })
    },
  }
}
