import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { until } from '../test/house.ts'
import { drain } from './drain.ts'
import { receiveInTime } from './in-time.ts'
import { openLocalBell } from './local-bell.ts'
import { openSqlite } from './sqlite.ts'
import type { Store } from './store.ts'
import { Unreachable } from './store.ts'

const home = await mkdtemp(join(tmpdir(), 'bellhop-in-time-'))
after(() => rm(home, { recursive: true }))
let made = 0
const open = () => ({ store: openSqlite(join(home, `${++made}.db`)), bell: openLocalBell() })
const command = (at = new Date().toISOString()) => ({
  ...{ key: 'command', platform: 'slack', at, body: { text: 'run' }, once: true },
})

/** The store as it is over a database that hangs: what is asked of it fails, and a write is done when `go` is called. */
const hung = (store: Store) => {
  const held: (() => Promise<unknown>)[] = []
  let hangs = true
  const lost = async (): Promise<never> => {
    throw new Unreachable('The database has not answered.')
  }
  const over: Store = {
    ...store,
    put: async (kind, record) => {
      if (!hangs) return await store.put(kind, record)
      held.push(() => store.put(kind, record))
      return await lost()
    },
    get: async (kind, id) => (hangs ? await lost() : await store.get(kind, id)),
  }
  return {
    over,
    /** The database answers again; what had been asked of it is done before anything else, or after all else. */
    go: async (order: 'first' | 'last', meanwhile: () => Promise<unknown>) => {
      if (order === 'first') for (const write of held) await write()
      hangs = false
      await meanwhile()
      if (order === 'last') for (const write of held) await write()
    },
  }
}

for (const order of ['first', 'last'] as const)
  test(`a command that was refused stays undone when the database does what it was asked ${order}`, async () => {
    const { store, bell } = open()
    await using _store = store
    const { over, go } = hung(store)
    await assert.rejects(receiveInTime(over, bell, command()), /has not answered/)
    await go(order, () =>
      until(
        'the command to be taken back',
        async () => (await store.get('inbox', 'command'))?.state === 'done',
      ),
    )
    assert.equal((await store.get('inbox', 'command'))?.state, 'done')
  })

test('an event that was not stored in time comes again, so one that is kept late is handled', async () => {
  const { store, bell } = open()
  await using _store = store
  const { over, go } = hung(store)
  await assert.rejects(receiveInTime(over, bell, { ...command(), once: false }), /has not answered/)
  await go('first', async () => {})
  assert.equal((await store.get('inbox', 'command'))?.state, 'new')
})

test('a command seen late is handled after a while in which it can be taken back, any other at once', async () => {
  const { store, bell } = open()
  await using _store = store
  const longAgo = new Date(Date.now() - 60_000).toISOString()
  await receiveInTime(store, bell, { ...command(longAgo), key: 'kept' })
  await receiveInTime(store, bell, { ...command(longAgo), key: 'taken back' })
  await receiveInTime(store, bell, { ...command(longAgo), key: 'event', once: false })
  await receiveInTime(store, bell, { ...command(), key: 'fresh' })
  const handled: string[] = []
  const stop = new AbortController()
  let passed = 0
  const draining = drain({
    ...{ store, bell, platform: 'slack', signal: stop.signal, now: () => new Date(Date.now() + passed) },
    handle: async ({ _id }) => void handled.push(_id),
  })
  await until('those that are sure', async () => handled.length === 2)
  const doomed = await store.get('inbox', 'taken back')
  assert.ok(doomed)
  await store.put('inbox', { ...doomed, state: 'done' })
  bell.ring('inbox')
  await store.get('inbox', 'kept')
  assert.deepEqual(handled, ['event', 'fresh'])
  passed = 5000
  bell.ring('inbox')
  await until('the command that was kept', async () => handled.length === 3)
  stop.abort()
  await draining
  assert.deepEqual(handled, ['event', 'fresh', 'kept'])
})
