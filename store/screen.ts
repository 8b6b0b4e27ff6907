import { finished, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { BadPush, readPush } from './push.ts'
import { judge, report } from './refusal.ts'
import type { GitRequest, GitResponse, GitRights } from './repos.ts'

/** What git's smart HTTP serves. */
export type Service = 'upload-pack' | 'receive-pack'

/** A request that may go on to git: `body` is unzipped, and `head` is what was read of it already. */
export interface Screened {
  readonly service: Service
  readonly advertise: boolean
  readonly body: Readable
  readonly head?: Buffer
}

/**
 * Reads a request of smart HTTP as far as needed to let it pass or to answer it. What a push would change is read and
 * judged before git hears of it. A request that is answered here still has its body read to the end, so that the client
 * sees the answer and no reset.
 */
export const screen = async (
  request: GitRequest,
  rights: GitRights,
): Promise<Screened | { readonly answer: GitResponse }> => {
  request.body.on('error', () => {}) // A client that goes away: `finished` tells whoever needs to know.
  const route = routeOf(request)
  if (!route) return refuse(request.body, 403, 'Only smart HTTP is served here: fetch and push with git.')
  if (route.service === 'receive-pack' && !rights.push)
    return refuse(request.body, 403, 'You may read this repository, but not push to it.')
  if (route.advertise) {
    request.body.resume()
    return { ...route, body: request.body }
  }
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = request.headers
  if (
    type !== `application/x-git-${route.service}-request` ||
    !['identity', 'gzip', 'x-gzip'].includes(encoding)
  )
    return refuse(request.body, 415, 'The body is not what git sends.')
  const body = encoding === 'identity' ? request.body : unzip(request.body)
  if (route.service === 'upload-pack') return { ...route, body }
  try {
    const push = await readPush(body)
    const refusals = judge(push, rights.push!)
    if (refusals.size === 0) return { ...route, body, head: push.bytes }
    body.resume()
    return { answer: answer(route.service, 'result', Readable.from([report(refusals, push.capabilities)])) }
  } catch (error) {
    if (error instanceof BadPush) return refuse(body, 400, error.message)
    throw error
  }
}

const routeOf = ({
  method,
  path,
  query,
}: GitRequest): { readonly service: Service; readonly advertise: boolean } | undefined => {
  const advertise = method === 'GET' && path === '/info/refs'
  const name = advertise ? query.get('service') : method === 'POST' ? path.slice(1) : undefined
  if (name === 'git-upload-pack') return { service: 'upload-pack', advertise }
  if (name === 'git-receive-pack') return { service: 'receive-pack', advertise }
  return undefined
}

const unzip = (body: Readable): Readable => {
  const gunzip = createGunzip()
  gunzip.on('error', () => body.resume())
  finished(body, { writable: false }, error => {
    if (error) gunzip.destroy(error)
  })
  return body.pipe(gunzip)
}

/** Git's own answer, of which nothing may be kept by a cache. */
export const answer = (service: Service, kind: 'advertisement' | 'result', body: Readable): GitResponse => ({
  status: 200,
  headers: { 'content-type': `application/x-git-${service}-${kind}`, 'cache-control': 'no-cache' },
  body,
})

const refuse = (body: Readable, status: number, why: string): { readonly answer: GitResponse } => {
  body.resume()
  return {
    answer: {
      status,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
      body: `${why}\n`,
    },
  }
}
