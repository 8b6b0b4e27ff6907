import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { pino } from 'pino'
import { openBare } from '../store/bare.ts'
import { openRemoteRepos } from '../store/remote-repos.ts'
import { reposDoor } from '../views/repos-door.ts'
import { serveApp } from '../views/serve.ts'
import type { Env } from '../views/web.ts'

/** Bare repositories in a folder of their own. */
export const openFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-repos-'))
  return {
    folder,
    repos: openBare(folder, { now: () => new Date() }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** The same with their owner's door before them, and `repos` as another process reaches them through it. */
export const openOwned = async () => {
  await using stack = new AsyncDisposableStack()
  const { repos: bare, folder } = stack.use(await openFolder())
  const token = 'the token of this installation'
  const log = pino({ level: 'silent' })
  const app = new Hono<Env>().route('/internal/repos', reposDoor({ repos: bare, token, log }))
  /** Opens the door anew, at the same port where one is given. */
  const serve = (port = 0) => serveApp(app, { port, host: '127.0.0.1' })
  const served = await serve()
  stack.defer(() => served.close())
  const repos = stack.use(openRemoteRepos({ url: served.url, token }))
  const held = stack.move()
  return { folder, bare, repos, token, serve, served, [Symbol.asyncDispose]: () => held.disposeAsync() }
}
