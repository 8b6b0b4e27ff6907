import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { admitted, controlSocket, failure } from './gateway/control.ts'
import type { Gateway } from './gateway.ts'
import { NoGateway } from './gateway.ts'

/** Between two tries to reach a gateway that is away. */
const pauseMs = 100
/** A release ends what is in flight and meters it, which takes moments: a gateway that takes a minute hangs. */
const answerMs = 60_000

/**
 * The gateway of this host in a process of its own, which `serveGateway` serves in the same folder: the two may see that at
 * different paths. Both calls wait for a gateway that is away, such as one that starts again, for `patienceMs`, and then
 * reject with `NoGateway`; what the gateway itself rejects is told in its words. Disposing leaves the sockets as they are:
 * their boxes may go on.
 */
export const openRemoteGateway = ({
  folder,
  patienceMs = 5000,
}: {
  readonly folder: string
  readonly patienceMs?: number
}): Gateway => {
  const socketPath = controlSocket(folder)
  const closing = new AbortController()

  const ask = async (path: '/admit' | '/release', asked: object): Promise<unknown> => {
    const body = JSON.stringify(asked)
    const deadline = performance.now() + patienceMs
    while (true) {
      try {
        return said(await post(socketPath, path, body, closing.signal))
      } catch (error) {
        if (!(error instanceof Away)) throw error
        closing.signal.throwIfAborted()
        if (performance.now() >= deadline) throw new NoGateway({ cause: error.cause })
        await setTimeout(pauseMs, undefined, { signal: closing.signal })
      }
    }
  }
  return {
    admit: async admission => ({
      folder: join(folder, admitted.parse(await ask('/admit', admission)).name),
    }),
    release: async (job, attempt) => void (await ask('/release', { job, attempt })),
    [Symbol.asyncDispose]: async () => closing.abort(),
  }
}

/** No whole answer came. Whatever the gateway did of what was asked, asking again does no harm. */
class Away extends Error {
  override name = 'Away'
}

interface Answer {
  readonly status: number
  readonly body: string
}

const post = async (socketPath: string, path: string, body: string, signal: AbortSignal): Promise<Answer> => {
  try {
    const asked = request({
      socketPath,
      path,
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    })
    asked.on('error', () => {})
    asked.end(body)
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    return { status: response.statusCode ?? 0, body: await text(response) }
  } catch (cause) {
    throw new Away('The gateway gave no answer.', { cause })
  }
}

/** What the gateway answered, or throws what it refused with. */
const said = ({ status, body }: Answer): unknown => {
  if (status === 204) return undefined
  const answer: unknown = JSON.parse(body)
  if (status === 200) return answer
  throw new Error(failure.parse(answer).error)
}
