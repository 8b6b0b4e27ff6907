import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { unfolded } from '../store/lifecycle.ts'
import { openLocalBell } from '../store/local-bell.ts'
import { openSqlite } from '../store/sqlite.ts'
import { openEmbedded } from './embedded.ts'
import { openLogbook } from './logbook.ts'
import { runRunner } from './runner.ts'

/** What else a runner may be given. */
interface Odd {
  readonly engines: readonly Sandbox[]
  readonly failed: (error: unknown) => void
}

/** A store with jobs in it, and a runner `a` that notes what it works on, at the signal's pace. */
const openScene = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'runner-'))
  const store = openSqlite(join(folder, 'bellhop.db'))
  const now = () => new Date()
  const logbook = openLogbook({ store, bell: openLocalBell(), now })
  const stop = new AbortController()
  return {
    stop,
    logbook,
    /** A job that a runner has claimed, and that is over if the runner said so. */
    claimed: async (_id: string, runner: string, ...more: readonly 'ended'[]) => {
      const asked = { agent: 'command', prompt: 'true', workspace: 'w', requester: 'u', team: 'web' }
      const limits = { priority: 5, files: [], timeoutSeconds: 60, createdAt: now().toISOString() }
      await store.put('jobs', { _id, rev: 0, ...asked, ...limits, ...unfolded })
      await logbook.add(_id, [{ type: 'started', key: '1/started', runner }], 1)
      await logbook.project(_id)
      const end = { key: 'ended', outcome: 'succeeded', reason: 'done', summary: '' } as const
      for (const type of more) await logbook.add(_id, [{ type, ...end }], 1)
    },
    run: async (
      queue: ReturnType<typeof openEmbedded>,
      work: (job: string) => Promise<void>,
      concurrency = 2,
      { engines = [], failed = (error: unknown) => assert.fail(String(error)) }: Partial<Odd> = {},
    ) => {
      const mine = new Set<string>()
      const handle = async (job: string) => {
        mine.add(job)
        await work(job).finally(() => mine.delete(job))
      }
      const parts = { store, logbook, now, engines, agents: [], signal: stop.signal }
      const sandbox = { ok: false, why: '' } as const
      const has = (job: string) => mine.has(job)
      await runRunner({ ...parts, runner: 'a', queue, sandbox, concurrency, work: handle, has, failed })
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

test('a runner that comes back goes on with its own jobs, though their tickets are with the dead process', async () => {
  await using scene = await openScene()
  await scene.claimed('j1', 'a')
  await scene.claimed('j2', 'b')
  await scene.claimed('j3', 'a', 'ended')
  const deaf = { ...openEmbedded({ now: () => new Date() }), add: async () => {} }
  const worked: string[] = []
  await scene.run(deaf, async job => {
    worked.push(job)
    scene.stop.abort()
  })
  assert.deepEqual(worked, ['j1'])
})

test('while it goes on with its own jobs it takes only as many others as it has room for', async () => {
  await using scene = await openScene()
  const queue = openEmbedded({ now: () => new Date() })
  for (const job of ['own1', 'own2']) await scene.claimed(job, 'a')
  for (const job of ['new1', 'new2', 'new3', 'new4']) await queue.add({ job, priority: 5 })
  const worked: string[] = []
  let [now, most] = [0, 0]
  await scene.run(
    queue,
    async job => {
      most = Math.max(most, ++now)
      worked.push(job)
      await new Promise(setImmediate)
      now--
      if (job === 'new4') scene.stop.abort()
    },
    3,
  )
  assert.equal(most, 3)
  assert.deepEqual(worked.slice(0, 2), ['own1', 'own2'])
})

test('where going on with one of its own jobs fails, that is tried again', async () => {
  await using scene = await openScene()
  await scene.claimed('j1', 'a')
  let tried = 0
  await scene.run(openEmbedded({ now: () => new Date() }), async () => {
    if (++tried === 1) throw new Error('once')
    scene.stop.abort()
  })
  assert.equal(tried, 2)
})

test('an engine that cannot say what boxes it has left ends no runner', async () => {
  await using scene = await openScene()
  const away = {
    name: 'docker',
    lasting: true,
    list: () => Promise.reject(new Error('No daemon answers.')),
  } as unknown as Sandbox
  const told: string[] = []
  await scene.claimed('j1', 'a')
  await scene.run(openEmbedded({ now: () => new Date() }), async () => scene.stop.abort(), 2, {
    engines: [away],
    failed: error => told.push(String(error)),
  })
  assert.deepEqual(told, ['Error: No daemon answers.'])
})
