import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { engine, skipOf } from '../test/engines.ts'
import { openTestMongo } from '../test/mongo.ts'
import type { Event } from './events.ts'
import { openMongo } from './mongo.ts'
import { patient, patientFiles } from './patient.ts'
import type { Inbox } from './records.ts'
import { openSqlite } from './sqlite.ts'
import type { Draft, Store } from './store.ts'
import { Unreachable } from './store.ts'

const skip = skipOf(await engine('mongo-java-server'))
const at = '2026-01-01T00:00:00.000Z'
const note = (key: string): Draft<Event> => ({ type: 'noted', level: 'info', text: key, key, at })
const envelope = (fields: Partial<Inbox> = {}): Inbox => ({
  ...{ _id: 'a', rev: 0, platform: 'slack', receivedAt: at, body: { a: [1] }, tries: 0, state: 'new' },
  ...fields,
})

/**
 * A store whose next `fails` calls throw: before anything is done, or after all of it was. `between` runs after each of
 * those.
 */
const flaky = (
  store: Store,
  {
    fails,
    done,
    between,
  }: { fails: number; readonly done: boolean; readonly between?: () => Promise<unknown> },
): Store =>
  new Proxy(store, {
    get: (target, verb) => {
      const method = target[verb as 'get'] as (...all: unknown[]) => Promise<unknown>
      if (verb === Symbol.asyncDispose) return method
      return async (...all: unknown[]) => {
        if (fails-- <= 0) return await method(...all)
        if (done) await method(...all)
        await between?.()
        throw new Unreachable('The database does not answer.')
      }
    },
  })

const open = () => openSqlite(':memory:')
const { signal } = new AbortController()

test('a call that was left unanswered is repeated until it answers, and an outage is told of once', async () => {
  await using store = open()
  const told: string[] = []
  const waiting = patient(flaky(store, { fails: 3, done: false }), {
    signal,
    lost: () => told.push('lost'),
    found: () => told.push('found'),
  })
  const [count] = await Promise.all([waiting.count('inbox', {}), waiting.get('inbox', 'a')])
  assert.equal(count, 0)
  assert.deepEqual(told, ['lost', 'found'])
  await waiting.count('inbox', {})
  assert.deepEqual(told, ['lost', 'found'])
})

test('what throws for another reason is not repeated', async () => {
  await using store = open()
  const waiting = patient(store, { signal, lost: () => assert.fail('told as an outage') })
  await assert.rejects(waiting.find('inbox', { where: { tries: 3 } }), { name: 'NoIndex' })
})

test('a put that was done although it seemed not to be is no conflict', async () => {
  await using store = open()
  const inserted = await patient(flaky(store, { fails: 1, done: true }), { signal }).put('inbox', envelope())
  assert.deepEqual(inserted, envelope({ rev: 1 }))
  const replaced = await patient(flaky(store, { fails: 2, done: true }), { signal }).put(
    'inbox',
    envelope({ rev: 1, tries: 1 }),
  )
  assert.deepEqual(replaced, envelope({ rev: 2, tries: 1 }))
})

test('a put that somebody else was before stays a conflict, in doubt too', async () => {
  await using store = open()
  await store.put('inbox', envelope({ tries: 7 }))
  assert.equal(await patient(store, { signal }).put('inbox', envelope({ tries: 7 })), undefined)
  const between = () => store.put('inbox', envelope({ rev: 1, tries: 8 }))
  const waiting = patient(flaky(store, { fails: 1, done: false, between }), { signal })
  assert.equal(await waiting.put('inbox', envelope({ rev: 1, tries: 9 })), undefined)
  assert.equal((await store.get('inbox', 'a'))?.tries, 8)
})

test('a drop that was done although it seemed not to be is told as done', async () => {
  await using store = open()
  await store.put('inbox', envelope())
  assert.equal(await patient(flaky(store, { fails: 1, done: true }), { signal }).drop('inbox', 'a', 1), true)
  assert.equal(await patient(store, { signal }).drop('inbox', 'a'), false)
})

test('an append that was done although it seemed not to be adds nothing twice', async () => {
  await using store = open()
  const waiting = patient(flaky(store, { fails: 2, done: true }), { signal })
  const told = await waiting.append('job/a', [note('1'), note('2')], 1)
  assert.deepEqual(told, { ok: true, entries: await store.after('job/a', 0) })
  assert.equal(told.ok && told.entries.length, 2)
})

test('it gives up when its signal aborts, and says that the database is away', async () => {
  await using store = open()
  const stopping = new AbortController()
  const waiting = patient(flaky(store, { fails: Number.POSITIVE_INFINITY, done: false }), {
    signal: stopping.signal,
  })
  const call = assert.rejects(waiting.get('inbox', 'a'), Unreachable)
  stopping.abort()
  await call
  await assert.rejects(waiting.get('inbox', 'a'), Unreachable)
})

test('calls wait out a database that hangs, and each is done once', { skip, timeout: 40_000 }, async () => {
  await using mongo = await openTestMongo()
  // A server that has just begun takes longer over its first calls.
  await (await openMongo({ url: mongo.url }))[Symbol.asyncDispose]()
  const lost = Promise.withResolvers<void>()
  await using store = patient(await openMongo({ url: mongo.url, timeoutMs: 1000 }), {
    signal,
    lost: lost.resolve,
  })
  await store.put('inbox', envelope())
  mongo.stop()
  const calls = Promise.all([
    store.put('inbox', envelope({ rev: 1, tries: 1 })),
    store.put('inbox', envelope({ _id: 'b' })),
    store.append('job/a', [note('1'), note('2')], 1),
    store.get('inbox', 'a'),
  ])
  await lost.promise
  mongo.resume()
  const [replaced, inserted, appended] = await calls
  assert.deepEqual(replaced, envelope({ rev: 2, tries: 1 }))
  assert.deepEqual(inserted, envelope({ _id: 'b', rev: 1 }))
  assert.deepEqual(appended, { ok: true, entries: await store.after('job/a', 0) })
  assert.equal(appended.ok && appended.entries.length, 2)
})

test('a text is written again while the database is away, and a stream is not', async () => {
  let tries = 0
  const files = patientFiles(
    {
      write: async () => {
        if (++tries < 3) throw new Unreachable('The database does not answer.')
        return { bytes: 1 }
      },
      read: async () => undefined,
      remove: async () => {},
    },
    { signal },
  )
  assert.deepEqual(await files.write('a', 'x', 1), { bytes: 1 })
  assert.equal(tries, 3)
  tries = 0
  await assert.rejects(files.write('b', Readable.from(['x']), 1), Unreachable)
})
