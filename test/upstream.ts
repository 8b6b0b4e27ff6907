import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import type { Repos } from '../store/repos.ts'

/**
 * A host of git repositories as others run them: `/<owner>/<id>.git` over HTTP, to be fetched by whoever has the token,
 * by all where there is none. `/moved/<id>.git` and `/away/<id>.git` are redirects: to the same host, and to another.
 */
export const openUpstreamHost = async (repos: Repos, token?: string) => {
  const seen: IncomingHttpHeaders[] = []
  const expected = token && `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://upstream')
    const [, owner, id = '', rest = ''] = /^\/(\w+)\/(\w+)\.git(\/.*)$/.exec(url.pathname) ?? []
    seen.push(request.headers)
    const end = (status: number, headers = {}) => {
      request.resume()
      response.writeHead(status, headers).end('an answer of the upstream')
    }
    if (owner === 'moved') return end(301, { location: `/owner/${id}.git${rest}${url.search}` })
    if (owner === 'away') return end(302, { location: `http://127.0.0.1:9/owner/${id}.git${rest}` })
    if (owner === 'odd') return end(302, { location: 'file:///etc/passwd' })
    if (expected && request.headers.authorization !== expected)
      return end(401, { 'www-authenticate': 'Basic realm="upstream"' })
    const headers = request.headers as Readonly<Record<string, string>>
    const asked = {
      method: request.method ?? '',
      path: rest,
      query: url.searchParams,
      headers,
      body: request,
    }
    const answer = await repos.serve(id, asked, { push: () => undefined }).catch(() => undefined)
    if (!answer) return end(404)
    response.writeHead(answer.status, answer.headers)
    if (typeof answer.body === 'string') response.end(answer.body)
    else pipeline(answer.body, response, () => {})
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    /** The headers of every request. */
    seen,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
