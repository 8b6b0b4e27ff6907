import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { engine, skipOf } from '../test/engines.ts'
import { until } from '../test/house.ts'
import { openTestMongo } from '../test/mongo.ts'
import { openProxy } from '../test/proxy.ts'
import { openMongo } from './mongo.ts'
import { told } from './mongo-calls.ts'
import { Unreachable } from './store.ts'

const skip = skipOf(await engine('mongo-java-server'))

test('whatever becomes of the way to the database, a call is answered or throws Unreachable', {
  skip,
}, async () => {
  await using mongo = await openTestMongo()
  await using way = await openProxy()
  await using store = await openMongo({ url: way.by(mongo.url), timeoutMs: 2000 })
  const ask = (n: number) => [
    store.find('jobs', { limit: 10 }),
    store.append(`job/${n}`, [{ type: 'queued', by: 'ada', key: 'queued', at: '' }]),
  ]
  const all = Array.from({ length: 20 }, (_, n) => n)
  for (const how of [way.cut, way.refuse, way.cut, way.refuse]) {
    await until('the database', () => Promise.all(all.flatMap(ask)))
    how()
    // Connections that broke this moment are written to before the driver can know.
    for (const one of await Promise.allSettled(all.flatMap(ask)))
      if (one.status === 'rejected') assert.ok(one.reason instanceof Unreachable, String(one.reason))
    way.restore()
  }
})

test('what many write at once is told as written only where it is', { skip }, async () => {
  await using mongo = await openTestMongo()
  await using way = await openProxy()
  await using store = await openMongo({ url: way.by(mongo.url), timeoutMs: 2000 })
  const write = async (_id: string) => {
    const envelope = {
      _id,
      rev: 0,
      platform: 'slack',
      receivedAt: '',
      body: {},
      tries: 0,
      state: 'new',
    } as const
    return (await store.put('inbox', envelope)) !== undefined
  }
  const claimed: string[] = []
  for (const [round, how] of [way.cut, way.refuse, way.stall, way.cut, way.refuse].entries()) {
    await until('the database', () => store.find('jobs', { limit: 1 }).then(() => true))
    const ids = Array.from({ length: 20 }, (_, n) => `r${round}n${n}`)
    const writing = ids.map(write)
    how()
    for (const [n, one] of (
      await Promise.allSettled([...writing, ...ids.map(id => write(`${id}x`))])
    ).entries())
      if (one.status === 'fulfilled' && one.value) claimed.push([...ids, ...ids.map(id => `${id}x`)][n] ?? '')
    way.restore()
  }
  await until('the database', () => store.find('jobs', { limit: 1 }).then(() => true))
  for (const id of claimed)
    assert.ok(await store.get('inbox', id), `${id} was told as written and is not there`)
})

test('what the driver gives up by itself while its pools are cleared, drained or closed is Unreachable', () => {
  // It exports none of these classes.
  const errors = createRequire(import.meta.url)('mongodb/lib/cmap/errors.js')
  const pool = { address: '127.0.0.1:27017', serverError: undefined, options: {} }
  for (const Trouble of Object.values<new (pool: object, message: string) => Error>(errors)) {
    const trouble = new Trouble(pool, 'It took too long.')
    assert.ok(told(trouble) instanceof Unreachable, trouble.name)
  }
})
