import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MongoClient } from 'mongodb'
import { engine, skipOf } from '../test/engines.ts'
import { openTestMongo } from '../test/mongo.ts'
import { openInserts, openReads } from './mongo-lanes.ts'
import type { Doc } from './mongo-select.ts'

const skip = skipOf(await engine('mongo-java-server'))

/** An empty collection, and the commands about it in order. */
const openCollection = async () => {
  await using opening = new AsyncDisposableStack()
  const mongo = opening.use(await openTestMongo())
  const client = opening.use(new MongoClient(mongo.url, { monitorCommands: true }))
  const commands: string[] = []
  client.on('commandStarted', ({ commandName }) => void commands.push(commandName))
  const collection = client.db().collection<Doc>('things')
  const opened = opening.move()
  return { collection, commands, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const doc = (n: number, text = 'x'): Doc => ({ _id: `d${n}`, rev: 1, json: `{"n":${n},"text":"${text}"}` })
const numbers = (length: number) => Array.from({ length }, (_, n) => n)

test('what many read at once takes two commands, and each is given its own', { skip }, async () => {
  await using opened = await openCollection()
  const { collection, commands } = opened
  await collection.insertMany(numbers(10).map(n => doc(n)))
  commands.length = 0
  const read = openReads(collection)
  const found = await Promise.all(numbers(20).map(n => read(`d${n % 15}`)))
  assert.deepEqual(
    found,
    numbers(20).map(n => (n % 15 < 10 ? doc(n % 15).json : undefined)),
  )
  assert.deepEqual(commands, ['find', 'find'])
})

test('what many insert at once takes two commands, and an id that is taken fails alone', {
  skip,
}, async () => {
  await using opened = await openCollection()
  const { collection, commands } = opened
  await collection.insertOne(doc(7))
  commands.length = 0
  const insert = openInserts(collection)
  const inserted = await Promise.all(numbers(20).map(n => insert(doc(n % 15), 1)))
  assert.deepEqual(
    inserted,
    numbers(20).map(n => n !== 7 && n < 15),
  )
  assert.deepEqual(commands, ['insert', 'insert'])
  assert.equal(await collection.countDocuments(), 15)
})

test('more than fifty go in several commands', { skip }, async () => {
  await using opened = await openCollection()
  const { collection, commands } = opened
  const insert = openInserts(collection)
  assert.ok((await Promise.all(numbers(111).map(n => insert(doc(n), 1)))).every(Boolean))
  assert.equal(commands.length, 4)
})

test('a document that no command can hold takes none of the others with it', { skip }, async () => {
  await using opened = await openCollection()
  const { collection } = opened
  const insert = openInserts(collection)
  const huge = doc(3, 'x'.repeat(17 * 1024 * 1024))
  const outcomes = await Promise.allSettled(
    numbers(6).map(n => (n === 3 ? insert(huge, huge.json.length) : insert(doc(n), 1))),
  )
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    numbers(6).map(n => (n === 3 ? 'rejected' : 'fulfilled')),
  )
  assert.equal(await collection.countDocuments(), 5)
})

test('when the way to the database ends, each of those who asked is told', { skip }, async () => {
  await using opened = await openCollection()
  const { collection } = opened
  const [read, insert] = [openReads(collection), openInserts(collection)]
  await read('d1')
  await opened[Symbol.asyncDispose]()
  const outcomes = await Promise.allSettled(numbers(5).flatMap(n => [read(`d${n}`), insert(doc(n), 1)]))
  assert.ok(outcomes.every(({ status }) => status === 'rejected'))
})
