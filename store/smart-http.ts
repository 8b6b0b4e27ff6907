import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { finished, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { startGit } from './bare-git.ts'
import { BadPush, readPush } from './push.ts'
import { flush, judge, packet, report } from './refusal.ts'
import type { GitRequest, GitResponse, GitRights } from './repos.ts'

type Service = 'upload-pack' | 'receive-pack'

const serviceSettings = [
  'uploadpack.allowFilter=true',
  'receive.fsckObjects=true',
  `receive.maxInputSize=${200 * 1024 * 1024}`,
  'receive.denyDeletes=true',
  'receive.denyNonFastForwards=true',
  'receive.advertisePushOptions=false',
  'receive.autogc=false',
].flatMap(setting => ['-c', setting])

/** What a client may say of the objects that it has and wants; git's own http.maxRequestBuffer. */
const mostWantBytes = 10 * 1024 * 1024

/**
 * Git's smart HTTP for one bare repository, without CGI. What a push would change is read and judged before git is started.
 * A request that cannot be served still has its body read to the end, so that the client sees the answer and no reset.
 */
export const serveGit = async (
  repository: string,
  request: GitRequest,
  rights: GitRights,
): Promise<GitResponse> => {
  request.body.on('error', () => {}) // A client that goes away: `finished` tells whoever needs to know.
  const route = routeOf(request)
  if (!route) return refuse(request.body, 403, 'Only smart HTTP is served here: fetch and push with git.')
  if (route.service === 'receive-pack' && !rights.push)
    return refuse(request.body, 403, 'You may read this repository, but not push to it.')
  if (route.advertise) {
    request.body.resume()
    return await advertise(repository, request, route.service)
  }
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = request.headers
  if (
    type !== `application/x-git-${route.service}-request` ||
    !['identity', 'gzip', 'x-gzip'].includes(encoding)
  )
    return refuse(request.body, 415, 'The body is not what git sends.')
  const body = encoding === 'identity' ? request.body : unzip(request.body)
  if (route.service === 'upload-pack') return await run(repository, request, route.service, body)
  try {
    const push = await readPush(body)
    const refusals = judge(push, rights.push!)
    if (refusals.size === 0) return await run(repository, request, route.service, body, push.bytes)
    body.resume()
    return answer(route.service, 'result', Readable.from([report(refusals, push.capabilities)]))
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

const advertise = async (repository: string, request: GitRequest, service: Service): Promise<GitResponse> => {
  const git = await start(
    repository,
    request,
    [service, '--stateless-rpc', '--http-backend-info-refs', repository],
    'ignore',
  )
  // Protocol 2 begins with its version, the older ones with the name of the service.
  if (service === 'receive-pack' || protocolOf(request) !== 'version=2')
    git.stdout!.unshift(Buffer.concat([packet(`# service=git-${service}\n`), flush]))
  return answer(service, 'advertisement', git.stdout!)
}

const run = async (
  repository: string,
  request: GitRequest,
  service: Service,
  body: Readable,
  head?: Buffer,
): Promise<GitResponse> => {
  const git = await start(repository, request, [service, '--stateless-rpc', repository], 'pipe')
  const stdin = git.stdin!
  stdin.on('error', () => {}) // Git may end before it has read all of the body.
  stdin.on('close', () => {
    body.unpipe(stdin)
    body.resume()
  })
  finished(body, { writable: false }, error => {
    if (error) git.kill()
  })
  if (head) stdin.write(head)
  if (service === 'upload-pack') killPast(git, body, mostWantBytes)
  body.pipe(stdin)
  return answer(service, 'result', git.stdout!)
}

const killPast = (git: ChildProcess, body: Readable, limit: number): void => {
  let bytes = 0
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > limit) git.kill()
  })
}

/** Starts git; it is ended when the client goes away, which closes its output. */
const start = async (
  repository: string,
  request: GitRequest,
  args: readonly string[],
  stdin: 'pipe' | 'ignore',
): Promise<ChildProcess> => {
  const protocol = protocolOf(request)
  const git = startGit(repository, [...serviceSettings, ...args], {
    stdio: [stdin, 'pipe', 'ignore'],
    env: protocol ? { GIT_PROTOCOL: protocol } : {},
  })
  await once(git, 'spawn')
  git.on('error', () => {}) // Only a signal that came too late.
  git.stdout!.on('close', () => {
    if (!git.stdout!.readableEnded) git.kill()
  })
  return git
}

const protocolOf = ({ headers }: GitRequest) => /^version=[0-2]$/.exec(headers['git-protocol'] ?? '')?.[0]

const unzip = (body: Readable): Readable => {
  const gunzip = createGunzip()
  gunzip.on('error', () => body.resume())
  finished(body, { writable: false }, error => {
    if (error) gunzip.destroy(error)
  })
  return body.pipe(gunzip)
}

const answer = (service: Service, kind: 'advertisement' | 'result', body: Readable): GitResponse => ({
  status: 200,
  headers: { 'content-type': `application/x-git-${service}-${kind}`, 'cache-control': 'no-cache' },
  body,
})

const refuse = (body: Readable, status: number, why: string): GitResponse => {
  body.resume()
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
    body: `${why}\n`,
  }
}
