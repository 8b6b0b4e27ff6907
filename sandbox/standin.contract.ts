import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'

export interface Standin extends AsyncDisposable {
  /** The folder with the socket. */
  readonly folder: string
  /** Runs git in the bare repository. */
  git(...argv: string[]): Promise<string>
  /** What boxes may fetch, by id. */
  readonly files: Map<string, Buffer>
  /** What boxes sent out, by path and query. */
  readonly sent: Map<string, Buffer>
  /** Git requests wait for it. */
  held: Promise<void>
}

const run = promisify(execFile)

/** The git and files routes of a gateway as a box knows them, over a real bare repository with one file in it. */
export const openStandin = async (folder: string): Promise<Standin> => {
  const repository = join(folder, 'workspace.git')
  const gateway = join(folder, 'gateway')
  await mkdir(gateway, { recursive: true })
  const git = async (...argv: string[]) => (await run('git', ['-C', repository, ...argv])).stdout.trim()
  await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', repository])
  const commit = ['commit refs/heads/main', 'committer A <a@b> 0 +0000', 'data 4', 'seed']
  const importing = spawn('git', ['-C', repository, 'fast-import', '--quiet'])
  importing.stdin.end([...commit, 'M 644 inline README.md', 'data 6', 'hello', ''].join('\n'))
  await once(importing, 'close')

  const files = new Map<string, Buffer>()
  const sent = new Map<string, Buffer>()
  const standin: Standin = {
    folder: gateway,
    git,
    files,
    sent,
    held: Promise.resolve(),
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
  const serve = async (asked: IncomingMessage, answer: ServerResponse) => {
    const url = new URL(asked.url ?? '/', 'http://gateway.local')
    const service = url.searchParams.get('service') ?? url.pathname.split('/').at(-1) ?? ''
    if (url.pathname.startsWith('/git/workspace.git/')) {
      const advertise = url.pathname.endsWith('/info/refs')
      await standin.held
      answer.setHeader('content-type', `application/x-${service}-${advertise ? 'advertisement' : 'result'}`)
      if (advertise)
        answer.write(`${(service.length + 15).toString(16).padStart(4, '0')}# service=${service}\n0000`)
      const child = spawn('git', [
        service.replace('git-', ''),
        '--stateless-rpc',
        ...(advertise ? ['--http-backend-info-refs'] : []),
        repository,
      ])
      const body = asked.headers['content-encoding'] === 'gzip' ? asked.pipe(createGunzip()) : asked
      body.pipe(child.stdin)
      child.stdout.pipe(answer)
    } else if (asked.method === 'PUT') {
      sent.set(`${url.pathname}${url.search}`, await buffer(asked))
      answer.end('{"id":"f1"}')
    } else {
      const file = files.get(url.pathname.replace('/files/', ''))
      answer.statusCode = file ? 200 : 404
      answer.end(file ?? 'There is no such file.')
    }
  }
  const server = createServer((asked, answer) => {
    serve(asked, answer).catch(error => answer.destroy(error))
  })
  server.listen(join(gateway, 'gateway.sock'))
  await once(server, 'listening')
  await chmod(join(gateway, 'gateway.sock'), 0o666)
  return standin
}
