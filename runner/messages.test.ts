import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Message } from '../store/records.ts'
import { openSqlite } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { announce, messagesOf } from './messages.ts'

let folder: string
let store: Store
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'messages-'))
  store = openSqlite(join(folder, 'db'))
  await store.put('users', { _id: 'ann', rev: 0, name: 'Ann', roles: {} })
})
after(async () => {
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const at = (second: number) => new Date(Date.parse('2026-01-01T00:00:00.000Z') + second * 1000).toISOString()
const say = (conversation: string, by: string, text: string, second: number) =>
  store.append(`conversation/${conversation}`, [
    { type: 'turn', key: `${second}`, at: at(second), by, text, files: [] },
  ])
const post = (conversation: string, slot: string, n: number, second: number, wanted: Message) =>
  store.put('outbox', {
    _id: `${conversation}/${slot}`,
    rev: 0,
    platform: 'web',
    conversation,
    slot,
    n,
    urgent: false,
    createdAt: at(second),
    wanted,
    state: 'shown',
  })

test('what people said and what was posted stand in order of time, each by its name', async () => {
  await say('c', 'ann', 'fix it', 1)
  await post('c', 'status/j1', 1, 1, { text: 'Queued' })
  await say('c', 'bellhop', 'Fixed.', 3)
  await post('c', 'end/j1', 2, 3, { text: 'Done: fixed.' })
  await say('c', 'gone', 'thanks', 2)
  await post('c', 'reply-x', 3, 4, { text: 'a link', onlyFor: 'slack:T1:U1' })
  const messages = await messagesOf(store, 'c')
  assert.deepEqual(
    messages.map(({ byName, message, job }) => [byName, message.text, job]),
    [
      ['Ann', 'fix it', undefined],
      ['Bellhop', 'Queued', 'j1'],
      ['Somebody', 'thanks', undefined],
      ['Bellhop', 'Done: fixed.', 'j1'],
    ],
  )
})

test('what was erased is not shown', async () => {
  await say('e', 'ann', 'a secret', 1)
  await store.erase('conversation/e', [1])
  assert.deepEqual(await messagesOf(store, 'e'), [])
})

test('a conversation is read to its end', async () => {
  for (let from = 0; from < 1500; from += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => post('l', `s${from + i}`, from + i + 1, from + i, { text: 'x' })),
    )
  assert.equal((await messagesOf(store, 'l')).length, 1500)
})

test('a job that is announced again keeps how far it was shown', async () => {
  await announce(store, { conversation: 'c', job: 'j1' })
  const delivery = await store.get('deliveries', 'c/j1')
  assert.ok(delivery)
  await store.put('deliveries', { ...delivery, seq: 7 })
  await announce(store, { conversation: 'c', job: 'j1' })
  assert.equal((await store.get('deliveries', 'c/j1'))?.seq, 7)
})
