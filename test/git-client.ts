import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream'
import { promisify } from 'node:util'
import type { GitRights, Repos } from '../store/repos.ts'

const run = promisify(execFile)

/** A repository of `repos` behind a real HTTP server, and a real git client's clone of it. */
export const openClone = async (repos: Repos, id: string, rights: GitRights = { push: () => undefined }) => {
  await using stack = new AsyncDisposableStack()
  const url = stack.use(await openServer(repos, id, rights)).url
  const outside = await mkdtemp(join(tmpdir(), 'bellhop-clone-'))
  stack.defer(() => rm(outside, { recursive: true, force: true }))
  const folder = join(outside, 'clone')
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: outside,
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Zoë Client',
    GIT_AUTHOR_EMAIL: 'zoe@example.com',
    GIT_COMMITTER_NAME: 'Zoë Client',
    GIT_COMMITTER_EMAIL: 'zoe@example.com',
  }
  await run('git', ['clone', '-q', url, folder], { env })
  const git = async (...args: string[]) => (await run('git', args, { cwd: folder, env })).stdout.trim()
  const write = async (files: Readonly<Record<string, string | Buffer>>) => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), content)
    }
  }
  const held = stack.move()
  return {
    url,
    folder,
    git,
    write,
    /** Commits these files on top of what is checked out; gives the hash. */
    commit: async (files: Readonly<Record<string, string | Buffer>>, message = 'Change') => {
      await write(files)
      await git('add', '-A')
      await git('commit', '-qm', message)
      return await git('rev-parse', 'HEAD')
    },
    /** Pushes what is checked out to these branches. */
    push: async (...names: string[]) => {
      await git('push', '-q', 'origin', ...names.map(name => `HEAD:refs/heads/${name}`))
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** Serves one repository over HTTP at a free port of this machine. */
export const openServer = async (repos: Repos, id: string, rights: GitRights) => {
  const failures: unknown[] = []
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join() : value,
      ]),
    )
    try {
      const answer = await repos.serve(
        id,
        { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers, body: request },
        rights,
      )
      response.writeHead(answer.status, answer.headers)
      if (typeof answer.body === 'string') response.end(answer.body)
      else pipeline(answer.body, response, () => {})
    } catch (error) {
      failures.push(error)
      response.destroy()
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      assert.deepEqual(failures, [])
    },
  }
}
