import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { openCrew } from '../runner/crew.ts'
import { openEmbedded } from '../runner/embedded.ts'
import { addToken, offerLogin, redeemLogin } from '../runner/logins.ts'
import { openBare } from '../store/bare.ts'
import { openBlobs } from '../store/blobs.ts'
import type { Event } from '../store/events.ts'
import { openLocalBell } from '../store/local-bell.ts'
import type { Role, User } from '../store/records.ts'
import { openSqlite } from '../store/sqlite.ts'
import { openApp } from '../views/app.ts'
import type { WebParts } from '../views/web.ts'

const run = promisify(execFile)

/** The web over real engines in a folder of its own, with the real door to work and no runner behind it. */
export const openWeb = async (changed: Partial<WebParts> = {}) => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-web-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const now = () => new Date()
  const store = opening.use(openSqlite(join(folder, 'bellhop.db')))
  const bell = opening.use(openLocalBell())
  const repos = openBare(join(folder, 'repos'), { now })
  const files = openBlobs(join(folder, 'files'))
  const queue = opening.use(openEmbedded({ now }))
  const gateway = () => {
    throw new Error('Nothing runs in these tests, so nothing opens a gateway.')
  }
  const { intake } = openCrew({
    ...{ store, bell, queue, repos, files, now, gateway },
    sandboxes: [],
    runner: 'r1',
    agents: () => [],
    defaultAgent: 'script',
    concurrency: 1,
    log: { error: () => {} },
  })
  const parts: WebParts = {
    ...{ store, bell, intake, repos, files, now },
    publicUrl: () => 'http://localhost',
    slack: { signingSecret: 'shh' },
    ready: async () => [{ name: 'store', ok: true }],
    log: pino({ level: 'silent' }),
    version: '1.2.3',
    ...changed,
  }
  const opened = opening.move()
  return {
    ...parts,
    folder,
    app: openApp(parts),
    /** A person, with the headers of a program and the cookie of a browser that are theirs. */
    person: async (id: string, role: Role = 'member', team = 'web') => {
      const record: User = { _id: id, rev: 0, name: id, roles: { [team]: role } }
      const user = (await store.put('users', record)) ?? record
      await addToken(store, { user: id, name: 'test', scopes: ['*'] }, `token-of-${id}`)
      const login = await redeemLogin(store, await offerLogin(store, id, now()), now())
      return {
        who: { user, team: 'web' },
        bearer: { authorization: `Bearer token-of-${id}` },
        cookie: { cookie: `bellhop_session=${login?.session}` },
      }
    },
    /** Writes events to a job's log as a runner does. */
    happen: async (job: string, ...events: readonly Event[]) => {
      const at = now().toISOString()
      const drafts = events.map((event, n) => ({ ...event, at, key: `${event.type}-${at}-${n}` }))
      await store.append(`job/${job}`, drafts)
      bell.ring(`job/${job}`)
    },
    /** Commits these files to a workspace's `main` by a clone and a push, and gives the commit. */
    commit: async (workspace: string, content: Readonly<Record<string, string | Buffer>>) => {
      const clone = await mkdtemp(join(folder, 'clone-'))
      const git = (...args: string[]) =>
        run('git', ['-c', 'user.name=A', '-c', 'user.email=a@b', '-C', clone, ...args])
      await git('clone', '-q', join(folder, 'repos', `${workspace}.git`), '.')
      for (const [path, bytes] of Object.entries(content)) {
        await run('mkdir', ['-p', dirname(join(clone, path))])
        await writeFile(join(clone, path), bytes)
      }
      await git('add', '-A')
      await git('commit', '-q', '-m', 'A <b>change</b>')
      await git('push', '-q', 'origin', 'HEAD:main')
      return (await git('rev-parse', 'HEAD')).stdout.trim()
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Reads server-sent events, one object of fields each, as they come. */
export async function* readEvents(response: Response): AsyncGenerator<Readonly<Record<string, string>>> {
  let rest = ''
  for await (const chunk of response.body ?? []) {
    const blocks = (rest + Buffer.from(chunk).toString()).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields: Record<string, string> = {}
      for (const line of block.split('\n')) {
        const [, name = '', value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? []
        if (name) fields[name] = fields[name] === undefined ? value : `${fields[name]}\n${value}`
      }
      if (Object.keys(fields).length > 0) yield fields
    }
  }
}
