import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Dispatcher } from 'undici'
import { bodyOf, sendSentence } from './gateway/respond.ts'
import type { UpstreamAddress } from './upstream-url.ts'
import { isLoopback, readUpstream } from './upstream-url.ts'

/** A server may think this long before it answers, and between two pieces of an answer. */
const patienceMs = 5 * 60 * 1000

/** Of git's headers only these go on, and of the server's these come back: nothing that identifies, in either direction. */
const asked = ['accept', 'accept-encoding', 'content-encoding', 'content-type', 'git-protocol', 'user-agent']
const answered = ['cache-control', 'content-encoding', 'content-type']

/** Upstream repositories, to be read and nothing else. The credentials for them are here and go nowhere but to their host. */
export interface Upstreams extends AsyncDisposable {
  /**
   * Answers a request of git for `/<host>/<path>/info/refs` or `…/git-upload-pack`: with what the host says, else with a
   * sentence, as plain text.
   */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
  ): Promise<void>
}

/**
 * Opens the way to these hosts, each with its port where that is not 443. A host of this machine, such as
 * `127.0.0.1:3000`, is spoken to by plain http. The token is for the host that the API at `apiUrl` belongs to:
 * `https://api.github.com` means github.com. Redirects are not followed.
 */
export const openUpstreams = ({
  hosts,
  github,
}: {
  readonly hosts: readonly string[]
  readonly github?: { readonly token: string; readonly apiUrl: string }
}): Upstreams => {
  const open = new Set(hosts.map(host => URL.parse(`${schemeOf(host)}://${host}`)?.host))
  const trusted = github && new URL(github.apiUrl).host.replace(/^api\./, '')
  let client: ReturnType<typeof connect> | undefined

  const fetchFrom = async (
    { url, host }: UpstreamAddress,
    rest: string,
    request: IncomingMessage,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> => {
    client ??= connect()
    const { ask, dispatcher } = await client
    return await ask(`${url}${rest}`, {
      method: rest === fetching ? 'POST' : 'GET',
      headers: {
        ...pick(request.headers, asked),
        ...(github && host === trusted && { authorization: basic(github.token) }),
      },
      body: rest === fetching ? bodyOf(request) : null,
      dispatcher,
      signal,
    })
  }

  return {
    handle: async (request, response, path, query) => {
      const say = (status: number, why: string) => sendSentence(request, response, status, why, 'git')
      const [, host = '', name = '', rest = ''] = routes.exec(path) ?? []
      const service = rest === fetching ? 'git-upload-pack' : query.get('service')
      if (request.method !== (rest === fetching ? 'POST' : 'GET') || service !== 'git-upload-pack')
        return say(403, 'From an upstream one can only fetch.')
      const address = readUpstream(`${schemeOf(host)}://${host}/${name}`)
      if (typeof address === 'string') return say(403, address)
      if (!open.has(address.host))
        return say(
          403,
          `Nothing is cloned from ${address.host} here; whoever runs Bellhop can name it in UPSTREAM_HOSTS.`,
        )
      const gone = new AbortController()
      response.once('close', () => gone.abort())
      const target = rest === fetching ? rest : `${rest}?service=git-upload-pack`
      let answer: Dispatcher.ResponseData
      try {
        answer = await fetchFrom(address, target, request, gone.signal)
      } catch (error) {
        const why = (error as { readonly code?: string }).code ?? 'it broke off'
        return say(502, `${address.host} cannot be reached from where Bellhop runs: ${why}.`)
      }
      if (answer.statusCode === 200) {
        response.writeHead(200, pick(answer.headers, answered))
        await pipeline(answer.body, response).catch(() => response.destroy())
        return
      }
      await answer.body.dump()
      say(...refusalOf(address, answer, address.host === trusted))
    },
    [Symbol.asyncDispose]: async () => await (await client)?.dispatcher.destroy(),
  }
}

const fetching = '/git-upload-pack'
const routes = /^\/([^/]+)\/(.+?)(\/info\/refs|\/git-upload-pack)$/

const schemeOf = (host: string) => (isLoopback(host) ? 'http' : 'https')

/** Any name does beside a token. */
const basic = (token: string) => `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`

/** Why there is nothing to clone, by a server's answer. A server does not tell what is missing from what is hidden. */
const refusalOf = (
  { host, path, url }: UpstreamAddress,
  { statusCode, headers }: Dispatcher.ResponseData,
  withToken: boolean,
): readonly [status: number, why: string] => {
  if ([401, 403, 404].includes(statusCode))
    return [
      404,
      `${host} has no repository ${path}, or none that ${withToken ? 'our token may read' : 'is open to all'}.`,
    ]
  if (statusCode < 300 || statusCode > 399) return [502, `${host} answered ${statusCode}.`]
  const to = URL.parse(String(headers.location), `${url}/info/refs`)
  const moved = to && readUpstream(`${to.origin}${to.pathname.replace(/\/info\/refs$/, '')}`)
  return [
    404,
    moved && typeof moved !== 'string'
      ? `The repository is at ${moved.url} now; use that address.`
      : `${host} sends it elsewhere, where nobody follows.`,
  ]
}

const pick = (headers: Readonly<IncomingMessage['headers']>, names: readonly string[]) =>
  Object.fromEntries(
    names.flatMap(name => {
      const value = headers[name]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )

/** The HTTP client, loaded with the first request: most houses clone nothing from elsewhere. */
const connect = async () => {
  const { Agent, request: ask } = await import('undici')
  return { ask, dispatcher: new Agent({ headersTimeout: patienceMs, bodyTimeout: patienceMs }) }
}
