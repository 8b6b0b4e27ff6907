import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { MongoClient } from 'mongodb'
import { engine, skipOf } from '../test/engines.ts'
import { until } from '../test/house.ts'
import { openTestMongo } from '../test/mongo.ts'
import { filesContract } from './files.contract.ts'
import { TooLarge } from './files.ts'
import { openGrid } from './grid.ts'
import { Unreachable } from './store.ts'

const skip = skipOf(await engine('mongo-java-server'))
const mongo = skip ? undefined : await openTestMongo()
const opened = new AsyncDisposableStack()
after(async () => {
  await opened.disposeAsync()
  await mongo?.[Symbol.asyncDispose]()
})
const fresh = () => mongo?.fresh() ?? ''

if (mongo) filesContract('GridFS', async () => opened.use(await openGrid({ url: mongo.fresh() })))

const start = new Date('2026-01-01T00:00:00.000Z')
const aDayLater = new Date('2026-01-02T00:00:01.000Z')
const mib = 1024 * 1024

/** How many documents each of the collections holds. */
const held = async (url: string) => {
  await using client = new MongoClient(url)
  const count = (name: string) => client.db().collection(name).countDocuments()
  return {
    named: await count('blobs'),
    files: await count('blobs.files'),
    chunks: await count('blobs.chunks'),
    loose: await count('blobs.loose'),
  }
}

test('a write of many pieces that ends in the middle leaves nothing to read, and a start a day later no byte', {
  skip,
}, async () => {
  const url = fresh()
  {
    await using files = await openGrid({ url, now: () => start })
    await files.write('kept', Buffer.alloc(2 * mib), 2 * mib)
    const pieces = (async function* () {
      for (let n = 0; n < 4; n++) yield Buffer.alloc(mib)
      await until('pieces in the database', async () => (await held(url)).chunks >= 4)
      await files[Symbol.asyncDispose]()
      yield Buffer.alloc(mib)
    })()
    await assert.rejects(files.write('a', Readable.from(pieces), 10 * mib))
  }
  await using files = await openGrid({ url, now: () => start })
  assert.equal(await files.read('a'), undefined)
  assert.ok((await held(url)).chunks > 2)
  await using later = await openGrid({ url, now: () => aDayLater })
  assert.equal(await later.read('a'), undefined)
  assert.deepEqual(await held(url), { named: 1, files: 1, chunks: 2, loose: 0 })
  assert.equal((await buffer((await later.read('kept'))!)).length, 2 * mib)
})

test('what was replaced or refused is gone a day later, what was removed at once', { skip }, async () => {
  const url = fresh()
  await using files = await openGrid({ url, now: () => start })
  for (const text of ['one', 'two', 'three']) await files.write('a', text, 10)
  await assert.rejects(files.write('a', 'x'.repeat(11), 10), TooLarge)
  await files.write('b', 'removed', 10)
  await files.remove('b')
  assert.deepEqual(await held(url), { named: 1, files: 3, chunks: 3, loose: 3 })
  await using later = await openGrid({ url, now: () => aDayLater })
  assert.deepEqual(await held(url), { named: 1, files: 1, chunks: 1, loose: 0 })
  assert.equal((await buffer((await later.read('a'))!)).toString(), 'three')
})

test('writers and removers of one id in many clients leave one of their files, or none', {
  skip,
}, async () => {
  const url = fresh()
  await using one = await openGrid({ url, now: () => start })
  await using other = await openGrid({ url, now: () => start })
  await Promise.all(
    Array.from({ length: 16 }, async (_, n) => {
      const files = n % 2 ? one : other
      await files.write('a', `text ${n}`, 10)
      if (n % 4 === 3) await files.remove('a')
    }),
  )
  const last = await one.read('a')
  if (last) assert.match((await buffer(last)).toString(), /^text \d+$/)
  await using _later = await openGrid({ url, now: () => aDayLater })
  const { named, files, chunks, loose } = await held(url)
  assert.deepEqual([files, chunks, loose], [named, named, 0])
})

test('a hung database is told of in time, also in the middle of a file, and a write can be repeated', {
  skip,
  timeout: 40_000,
}, async () => {
  await using own = await openTestMongo()
  await using files = await openGrid({ url: own.url })
  const large = Buffer.alloc(40 * mib, 'a')
  await files.write('a', large, large.length)
  const reading = (await files.read('a'))!
  reading.read()
  const stopped = Promise.withResolvers<void>()
  const pieces = (async function* () {
    for (let n = 0; n < 4; n++) yield Buffer.alloc(mib)
    await until('pieces in the database', async () => (await held(own.url)).chunks > 40)
    own.stop()
    stopped.resolve()
    for (let n = 0; n < 4; n++) yield Buffer.alloc(mib)
  })()
  const writing = assert.rejects(files.write('c', Readable.from(pieces), 10 * mib), Unreachable)
  await stopped.promise
  const began = performance.now()
  await Promise.all([
    assert.rejects(buffer(reading), Unreachable),
    writing,
    assert.rejects(files.write('b', 'text', 4), Unreachable),
    assert.rejects(files.read('a'), Unreachable),
    assert.rejects(files.remove('a'), Unreachable),
  ])
  const took = performance.now() - began
  assert.ok(took < 8000, `${took} ms`)
  own.resume()
  await until('the database', () => files.write('b', 'text', 4))
  assert.equal((await buffer((await files.read('b'))!)).toString(), 'text')
  assert.equal(await files.read('c'), undefined)
})
