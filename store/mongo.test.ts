import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { MongoClient } from 'mongodb'
import { engine, skipOf } from '../test/engines.ts'
import { until } from '../test/house.ts'
import { openTestMongo } from '../test/mongo.ts'
import type { Event } from './events.ts'
import { indexes } from './indexes.ts'
import { openMongo } from './mongo.ts'
import type { Inbox } from './records.ts'
import { storeContract } from './store.contract.ts'
import type { Draft, Store } from './store.ts'
import { Unreachable } from './store.ts'

const skip = skipOf(await engine('mongo-java-server'))
const mongo = skip ? undefined : await openTestMongo()
after(() => mongo?.[Symbol.asyncDispose]())
const fresh = () => mongo?.fresh() ?? ''

if (mongo) storeContract('MongoDB', () => openMongo({ url: mongo.fresh() }))

const at = '2026-01-01T00:00:00.000Z'
const note = (key: string, text = key): Draft<Event> => ({ type: 'noted', level: 'info', text, key, at })
const envelope = (fields: Partial<Inbox> = {}): Inbox => ({
  ...{ _id: 'a', rev: 0, platform: 'slack', receivedAt: at, body: {}, tries: 0, state: 'new' },
  ...fields,
})
const answers = (store: Store) => until('the database', async () => (await store.count('runners', {})) === 0)
const unreachable = async (call: Promise<unknown>) => await assert.rejects(call, Unreachable)

test('many processes may open one database at once, and every index is there', { skip }, async () => {
  const url = fresh()
  const stores = await Promise.all(Array.from({ length: 4 }, () => openMongo({ url })))
  for (const store of stores) await store[Symbol.asyncDispose]()
  await using client = new MongoClient(url)
  for (const [kind, all] of Object.entries(indexes)) {
    if (all.length === 0) continue
    const keys = (await client.db().collection(kind).indexes()).map(({ key }) => Object.keys(key))
    assert.deepEqual(
      keys.map(fields => fields.join()).sort(),
      ['_id', ...all.map(fields => [...fields, '_id'].join())].sort(),
    )
  }
})

test('appends of two clients racing for one log are each there once, in whole batches', {
  skip,
}, async () => {
  const url = fresh()
  await using one = await openMongo({ url })
  await using other = await openMongo({ url })
  const racers = Array.from({ length: 32 }, (_, n) =>
    (n % 2 ? one : other).append(
      'job/a',
      Array.from({ length: 1 + (n % 3) }, (_, k) => note(`${n}.${k}`)),
      1,
    ),
  )
  const told = await Promise.all(racers)
  const log = await one.after('job/a', 0)
  assert.deepEqual(
    log.map(({ seq }) => seq),
    Array.from({ length: log.length }, (_, n) => n + 1),
  )
  assert.equal(new Set(log.map(({ key }) => key)).size, log.length)
  assert.deepEqual(
    told.flatMap(answer => (answer.ok ? answer.entries : [])).sort((a, b) => a.seq - b.seq),
    log,
  )
  for (const answer of told)
    if (answer.ok)
      assert.deepEqual(answer.entries, log.slice(answer.entries[0]!.seq - 1, answer.entries.at(-1)!.seq))
})

test('32 racers of two clients with the same key add it once, and all are given the same entry', {
  skip,
}, async () => {
  const url = fresh()
  await using one = await openMongo({ url })
  await using other = await openMongo({ url })
  const told = await Promise.all(
    Array.from({ length: 32 }, (_, n) =>
      (n % 2 ? one : other).append('job/a', [note('claim', `by ${n}`), note(`own ${n}`)], 1),
    ),
  )
  const claims = new Set(told.map(answer => answer.ok && JSON.stringify(answer.entries[0])))
  assert.equal(claims.size, 1)
  const log = await one.after('job/a', 0)
  assert.equal(log.length, 33)
  assert.deepEqual(
    JSON.parse([...claims][0] || ''),
    log.find(({ key }) => key === 'claim'),
  )
})

test('one of 32 racers of two clients inserts an id, and one replaces a revision', { skip }, async () => {
  const url = fresh()
  await using one = await openMongo({ url })
  await using other = await openMongo({ url })
  for (const rev of [0, 1, 2]) {
    const told = await Promise.all(
      Array.from({ length: 32 }, (_, tries) =>
        (tries % 2 ? one : other).put('inbox', envelope({ rev, tries })),
      ),
    )
    const winners = told.filter(stored => stored !== undefined)
    assert.equal(winners.length, 1)
    assert.deepEqual(await other.get('inbox', 'a'), winners[0])
  }
})

test('who reads while batches are appended never sees a part of one', { skip }, async () => {
  const url = fresh()
  await using writer = await openMongo({ url })
  await using reader = await openMongo({ url })
  const seen: number[] = []
  let over = false
  const reading = (async () => {
    while (!over) seen.push((await reader.after('job/a', 0)).length)
  })()
  for (let n = 0; n < 40; n++)
    await writer.append(
      'job/a',
      Array.from({ length: 10 }, (_, k) => note(`${n}.${k}`)),
    )
  over = true
  await reading
  assert.deepEqual(
    seen.filter(length => length % 10 !== 0),
    [],
  )
  assert.ok(new Set(seen).size > 2, `read only ${new Set(seen).size} states`)
})

test('a batch that no document holds is refused whole', { skip }, async () => {
  await using store = await openMongo({ url: fresh() })
  const large = 'x'.repeat(9 * 1024 * 1024)
  await assert.rejects(store.append('job/a', [note('1', large), note('2', large)]))
  assert.deepEqual(await store.after('job/a', 0), [])
  assert.equal((await store.append('job/a', [note('1', large)])).ok, true)
})

test('a hung database is told of in time, and works once it goes on, whatever of it was done', {
  skip,
  timeout: 40_000,
}, async () => {
  await using own = await openTestMongo()
  await using store = await openMongo({ url: own.url })
  await store.put('inbox', envelope())
  await store.append('job/a', [note('1')], 1)
  own.stop()
  const began = performance.now()
  const batch = [note('2'), note('3'), note('4')]
  const calls = [
    store.get('inbox', 'a'),
    store.find('inbox', {}),
    store.count('runners', {}),
    store.put('inbox', envelope({ rev: 1, tries: 1 })),
    store.put('inbox', envelope({ _id: 'b' })),
    store.drop('inbox', 'c'),
    store.append('job/a', batch, 1),
    store.after('job/a', 0),
    store.erase('job/a', [1]),
  ]
  await Promise.all(calls.map(unreachable))
  const took = performance.now() - began
  assert.ok(took < 8000, `${took} ms`)
  own.resume()
  await answers(store)
  // Each write may have been done after all; a repeat is safe.
  await store.put('inbox', envelope({ rev: 1, tries: 1 }))
  await store.put('inbox', envelope({ _id: 'b' }))
  assert.deepEqual(await store.get('inbox', 'a'), envelope({ rev: 2, tries: 1 }))
  assert.deepEqual(await store.get('inbox', 'b'), envelope({ _id: 'b', rev: 1 }))
  const told = await store.append('job/a', batch, 1)
  assert.equal(told.ok, true)
  const log = await store.after('job/a', 0)
  assert.deepEqual(
    log.map(({ seq, key }) => [seq, key]),
    ['1', '2', '3', '4'].map((key, n) => [n + 1, key]),
  )
})

test('a write that comes late is held by the fence of its revision and of its log', {
  skip,
  timeout: 40_000,
}, async () => {
  await using own = await openTestMongo()
  await using store = await openMongo({ url: own.url, timeoutMs: 2000 })
  await store.put('inbox', envelope())
  await store.append('job/a', [note('1')], 1)
  for (let round = 1; round <= 3; round++) {
    const rev = (await store.get('inbox', 'a'))!.rev
    own.stop()
    await Promise.all([
      unreachable(store.put('inbox', envelope({ rev, tries: round }))),
      unreachable(store.append('job/a', [note(`late ${round}`), note(`late ${round} too`)], round)),
    ])
    own.resume()
    await answers(store)
    await store.put('inbox', envelope({ rev, tries: 100 + round }))
    await store.append('job/a', [note(`newer ${round}`)], round + 1)
    await store.append('job/a', [note(`late ${round}`), note(`late ${round} too`)], round)
  }
  assert.equal((await store.get('inbox', 'a'))?.rev, 4)
  const log = await store.after('job/a', 0)
  assert.deepEqual(
    log.map(({ seq }) => seq),
    log.map((_, n) => n + 1),
  )
  const attempts = log.map(({ attempt }) => attempt)
  assert.deepEqual(attempts, attempts.toSorted())
  for (const round of [1, 2, 3]) {
    const late = log.filter(({ key }) => key.startsWith(`late ${round}`)).map(({ seq }) => seq)
    assert.ok(late.length === 0 || (late.length === 2 && late[1] === late[0]! + 1), `${late}`)
  }
})

test('a database that a newer Bellhop wrote is refused, and stays as it is', { skip }, async () => {
  const url = fresh()
  await using client = new MongoClient(url)
  const about = client.db().collection<{ _id: string; number: number }>('about')
  await about.insertOne({ _id: 'format', number: 2 })
  await assert.rejects(openMongo({ url }), { name: 'Unusable', message: /format 2.*knows 1.*MONGODB_URL/ })
  const collections = await client.db().listCollections().toArray()
  assert.deepEqual(
    collections.map(({ name }) => name),
    ['about'],
  )
})

test('a database that is away is told of at the start, and one that was closed never as away', {
  skip,
}, async () => {
  await unreachable(openMongo({ url: 'mongodb://127.0.0.1:1/nobody', timeoutMs: 500 }))
  const store = await openMongo({ url: fresh() })
  await store[Symbol.asyncDispose]()
  await assert.rejects(store.get('inbox', 'a'), error => !(error instanceof Unreachable))
})
