import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream'
import { startGit } from './bare-git.ts'
import { flush, packet } from './refusal.ts'
import type { GitRequest, GitResponse, GitRights } from './repos.ts'
import type { Service } from './screen.ts'
import { answer, screen } from './screen.ts'

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

/** Git's smart HTTP for one bare repository, without CGI. */
export const serveGit = async (
  repository: string,
  request: GitRequest,
  rights: GitRights,
): Promise<GitResponse> => {
  const screened = await screen(request, rights)
  if ('answer' in screened) return screened.answer
  const { service, body, head } = screened
  return screened.advertise
    ? await advertise(repository, request, service)
    : await run(repository, request, service, body, head)
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
