import { once } from 'node:events'
import { chmod, mkdir, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { basename } from 'node:path'
import { json } from 'node:stream/consumers'
import type { z } from 'zod'
import { controlSocket } from './gateway/control.ts'
import { lockFolder } from './gateway/lock.ts'
import { admissionShape, attemptShape } from './gateway/memory.ts'
import type { Gateway } from './gateway.ts'

/**
 * Serves a gateway to the runners of this host, at the socket `control.sock` in its folder, which this user alone may ask at;
 * until disposed, which closes the gateway too. The gateway is opened once the folder is this process's alone. Throws a
 * sentence when another process serves the folder; what a dead one left is taken over.
 */
export const serveGateway = async ({
  folder,
  gateway: open,
  failed = error => console.error(error),
}: {
  readonly folder: string
  /** Opens the gateway, in the same folder. */
  readonly gateway: () => Gateway
  /** Hears of what runners were told as a failure. */
  readonly failed?: (error: unknown) => void
}): Promise<AsyncDisposable> => {
  const socket = controlSocket(folder)
  await using opening = new AsyncDisposableStack()
  await mkdir(folder, { recursive: true, mode: 0o711 })
  await chmod(folder, 0o711)
  opening.use(await lockFolder(folder))
  const gateway = opening.use(open())

  const server = createServer(async (request, response) => {
    try {
      await answer(gateway, request, response)
    } catch (error) {
      failed(error)
      send(response, 500, { error: error instanceof Error ? error.message : String(error) })
    }
  })
  await rm(socket, { force: true })
  server.listen(socket)
  await once(server, 'listening')
  opening.defer(async () => {
    const closed = once(server, 'close')
    server.close()
    await closed
  })
  await chmod(socket, 0o600)
  const opened = opening.move()
  return { [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const answer = async (gateway: Gateway, request: IncomingMessage, response: ServerResponse) => {
  const asked = `${request.method} ${request.url}`
  if (asked === 'POST /admit') {
    const admission = await read(request, admissionShape)
    if (!admission) return send(response, 400, { error: 'This is no admission.' })
    const { folder } = await gateway.admit(admission)
    return send(response, 200, { name: basename(folder) })
  }
  if (asked === 'POST /release') {
    const at = await read(request, attemptShape)
    if (!at) return send(response, 400, { error: 'This is no attempt.' })
    await gateway.release(at.job, at.attempt)
    response.writeHead(204).end()
    return
  }
  send(response, 404, { error: 'A gateway is asked to admit and to release, by POST.' })
}

const read = async <S extends z.ZodType>(
  request: IncomingMessage,
  shape: S,
): Promise<z.infer<S> | undefined> => shape.safeParse(await json(request).catch(() => undefined)).data

const send = (response: ServerResponse, status: number, body: object) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
