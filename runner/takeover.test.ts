import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Box, BoxName, Sandbox } from '../sandbox/sandbox.ts'
import { unfolded } from '../store/lifecycle.ts'
import { openLocalBell } from '../store/local-bell.ts'
import type { Job } from '../store/records.ts'
import { openSqlite } from '../store/sqlite.ts'
import { holdOf, keepHold, takeHold } from './lease.ts'
import { openLogbook } from './logbook.ts'
import { openTakeover } from './takeover.ts'

const begin = Date.parse('2026-01-01T00:00:00.000Z')

/** One job that runner `a` has claimed, a clock to move, and boxes that are told apart by who closed them. */
const openScene = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'takeover-'))
  const store = openSqlite(join(folder, 'bellhop.db'))
  const bell = openLocalBell()
  let time = begin
  const now = () => new Date(time)
  const logbook = openLogbook({ store, bell, now })
  await store.put('jobs', {
    ...{ _id: 'j1', rev: 0, agent: 'command', prompt: 'true', workspace: 'w', requester: 'u', team: 'web' },
    ...{ priority: 5, files: [], timeoutSeconds: 60, createdAt: now().toISOString(), ...unfolded },
  })
  const start = async (runner: string, attempt: number) => {
    await logbook.add('j1', [{ type: 'started', key: `${attempt}/started`, runner }], attempt)
  }
  await start('a', 1)
  const takeovers = new Map<string, ReturnType<typeof openTakeover>>()
  const boxes: BoxName[] = [{ job: 'j1', attempt: 1 }]
  const closed: BoxName[] = []
  const sandbox = {
    lasting: true,
    adopt: async (name: BoxName) => {
      const found = boxes.find(box => box.job === name.job && box.attempt === name.attempt)
      return found && ({ close: async () => void closed.push(found) } as unknown as Box)
    },
  } as unknown as Sandbox
  const current = async (): Promise<Job> => (await logbook.current('j1')) as Job
  return {
    store,
    current,
    closed,
    now,
    logbook,
    start,
    pass: (seconds: number) => {
      time += seconds * 1000
    },
    announce: (runner: string, place: string) =>
      store.put('runners', { _id: runner, rev: 0, agents: [], sandbox: 'docker', place, until: '' }),
    takeover: async (runner: string, place?: string) => {
      const name = `${runner} ${place}`
      const parts = { runner, store, logbook, sandbox, now, tick: () => time, ...(place && { place }) }
      const take = takeovers.get(name) ?? openTakeover(parts)
      takeovers.set(name, take)
      return await take(await current())
    },
    parts: (runner: string) => ({ store, logbook, runner, now }),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

test('a claim holds before its lease is written, and a runner of the same place waits until it lapses', async () => {
  await using scene = await openScene()
  await scene.announce('a', 'host')
  assert.deepEqual(await scene.takeover('b', 'host'), { is: 'held', until: '2026-01-01T00:00:15.000Z' })
  scene.pass(16)
  assert.deepEqual(await scene.takeover('b', 'host'), { is: 'held', until: '2026-01-01T00:00:26.000Z' })
  scene.pass(10)
  assert.equal((await scene.takeover('b', 'host')).is, 'lost')
  assert.deepEqual(scene.closed, [{ job: 'j1', attempt: 1 }], 'the box, whose gateway is gone, is ended')
  assert.equal(holdOf(await scene.current())?.runner, 'b')
})

test('a runner of another place waits a minute more, since it cannot see whether the box goes on', async () => {
  await using scene = await openScene()
  await scene.announce('a', 'host')
  scene.pass(16)
  assert.deepEqual(await scene.takeover('b', 'elsewhere'), { is: 'held', until: '2026-01-01T00:01:15.000Z' })
  scene.pass(60)
  assert.equal((await scene.takeover('b', 'elsewhere')).is, 'held', 'it is watched first')
  scene.pass(10)
  assert.equal((await scene.takeover('b', 'elsewhere')).is, 'lost')
})

test('after an outage a holder that renews a little late keeps its job', async () => {
  await using scene = await openScene()
  await scene.announce('a', 'host')
  scene.pass(60)
  assert.equal((await scene.takeover('b', 'host')).is, 'held')
  scene.pass(5)
  await using hold = keepHold(scene.parts('a'), { job: 'j1', attempt: 1 })
  while ((await scene.current()).lease === undefined) await new Promise(setImmediate)
  scene.pass(6)
  assert.equal((await scene.takeover('b', 'host')).is, 'held')
  assert.equal(hold.lost.aborted, false)
  assert.deepEqual(scene.closed, [])
})

test('a runner that comes back takes up its own box at once', async () => {
  await using scene = await openScene()
  assert.equal((await scene.takeover('a', 'host')).is, 'alive')
  assert.deepEqual(scene.closed, [])
})

test('of many runners that find a lapsed job, one takes it', async () => {
  await using scene = await openScene()
  scene.pass(100)
  const job = await scene.current()
  const took = await Promise.all(['b', 'c', 'd', 'e'].map(runner => takeHold(scene.parts(runner), job)))
  assert.equal(took.filter(Boolean).length, 1)
})

test('a lease of an earlier attempt does not hold a later one', async () => {
  await using scene = await openScene()
  await using first = keepHold(scene.parts('a'), { job: 'j1', attempt: 1 })
  await first.leave()
  assert.equal(holdOf(await scene.current())?.until, '2026-01-01T00:01:00.000Z')
  scene.pass(1)
  await scene.start('b', 2)
  assert.deepEqual(holdOf(await scene.current()), { runner: 'b', until: '2026-01-01T00:00:16.000Z' })
})

test('a runner that was stalled learns that its job was taken over, and does not take it back', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  await using scene = await openScene()
  await using hold = keepHold(scene.parts('a'), { job: 'j1', attempt: 1 })
  const lost = new Promise(resolve => hold.lost.addEventListener('abort', resolve))
  while ((await scene.store.get('jobs', 'j1'))?.state !== 'starting') await new Promise(setImmediate)
  scene.pass(20)
  assert.ok(await takeHold(scene.parts('b'), await scene.current()))
  t.mock.timers.tick(5000)
  await lost
  assert.equal(holdOf(await scene.current())?.runner, 'b')
})
