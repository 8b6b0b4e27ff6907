import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sendSentence } from './gateway/respond.ts'
import type { Upstreams } from './upstream.ts'
import type { UpstreamAddress } from './upstream-url.ts'
import { readUpstream } from './upstream-url.ts'

/** Where the way to the upstreams begins, at a gateway that is a process of its own. */
const prefix = '/internal/upstream'

/** The way to one upstream for the time of a clone: the address for git, and the headers to send along. */
interface Way extends AsyncDisposable {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}
type UpstreamDoor = (url: string) => Promise<Way | { readonly refused: string }>

/** What a gateway of its own answers beside what it says of its health. */
export const besideOf = (upstreams: Upstreams, token: string, failed: (error: unknown) => void) => ({
  path: `${prefix}/`,
  answer: answerUpstreams(upstreams, token, failed),
})

/** The way to the upstreams over HTTP, for whoever shows this token. `failed` hears of what went wrong here. */
export const answerUpstreams =
  (upstreams: Upstreams, token: string, failed: (error: unknown) => void): RequestListener =>
  (request, response) => {
    const refuse = (status: number, why: string) => sendSentence(request, response, status, why, 'git')
    const url = URL.parse(request.url ?? '', 'http://gateway.local')
    if (!url?.pathname.startsWith(`${prefix}/`)) return refuse(404, 'There is nothing here.')
    // Not 401, at which git would ask for a name.
    if (!same(request.headers.authorization ?? '', `Bearer ${token}`))
      return refuse(403, 'The gateway does not know this process: BELLHOP_SECRET_KEY has to be the same.')
    upstreams.handle(request, response, url.pathname.slice(prefix.length), url.searchParams).catch(error => {
      refuse(500, 'The gateway failed at this request.')
      failed(error)
    })
  }

/** The way through a gateway of this process: a door on this machine, with a token of its own, open while it is in use. */
export const nearUpstreams =
  (upstreams: Upstreams, failed: (error: unknown) => void): UpstreamDoor =>
  async url => {
    const address = readUpstream(url)
    if (typeof address === 'string') return { refused: address }
    const token = randomBytes(32).toString('base64url')
    const server = createServer(answerUpstreams(upstreams, token, failed))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    return wayTo(address, `http://127.0.0.1:${port}`, token, async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    })
  }

/** The way through the gateway at `url`, such as `http://gateway:8083`, which knows this token. */
export const farUpstreams =
  ({ url: gateway, token }: { readonly url: string; readonly token: string }): UpstreamDoor =>
  async url => {
    const address = readUpstream(url)
    return typeof address === 'string' ? { refused: address } : wayTo(address, gateway, token, async () => {})
  }

const wayTo = (
  { host, path }: UpstreamAddress,
  gateway: string,
  token: string,
  close: () => Promise<void>,
): Way => ({
  url: `${gateway.replace(/\/+$/, '')}${prefix}/${host}/${path}`,
  headers: { authorization: `Bearer ${token}` },
  [Symbol.asyncDispose]: close,
})

/** Compared by digest, so that the time it takes tells nothing of either. */
const same = (given: string, expected: string): boolean => timingSafeEqual(digest(given), digest(expected))
const digest = (secret: string) => createHash('sha256').update(secret).digest()
