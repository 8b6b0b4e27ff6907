import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Event, Turn } from './events.ts'
import { openLocalBell } from './local-bell.ts'
import type { LogName } from './records.ts'
import { openSqlite } from './sqlite.ts'
import type { Draft, Entry, Store } from './store.ts'
import { tail } from './tail.ts'

const home = await mkdtemp(join(tmpdir(), 'bellhop-tail-'))
after(() => rm(home, { recursive: true }))
let made = 0
const open = () => ({ store: openSqlite(join(home, `${++made}.db`)), bell: openLocalBell() })

const at = '2026-01-01T00:00:00.000Z'
const note = (key: string): Draft<Event> => ({ type: 'noted', level: 'info', text: key, key, at })
const end: Draft<Event> = {
  type: 'ended',
  key: 'ended',
  at,
  outcome: 'succeeded',
  reason: 'done',
  summary: '',
}
const keys = (entries: readonly Entry<Event>[]) => entries.map(({ key }) => key)

test('gives what is there, then what comes, and ends behind the end of a job', async () => {
  const { store, bell } = open()
  await using _store = store
  await store.append('job/a', [note('1'), note('2'), note('3')])
  const batches = tail(store, bell, 'job/a', 1, new AbortController().signal)
  assert.deepEqual(keys((await batches.next()).value ?? []), ['2', '3'])
  const next = batches.next()
  await store.append('job/a', [note('4'), end])
  bell.ring('job/a')
  assert.deepEqual(keys((await next).value ?? []), ['4', 'ended'])
  assert.deepEqual(await batches.next(), { done: true, value: undefined })
})

test('loses no entry and repeats none while many are appended, however the reader keeps up', async () => {
  const { store, bell } = open()
  await using _store = store
  const count = 700
  const writing = (async () => {
    for (let n = 0; n < count; n += 7) {
      await store.append(
        'job/a',
        Array.from({ length: 7 }, (_, more) => note(`${n + more}`)),
      )
      bell.ring('job/a')
    }
    await store.append('job/a', [end])
    bell.ring('job/a')
  })()
  const seqs: number[] = []
  for await (const entries of tail(store, bell, 'job/a', 0, new AbortController().signal)) {
    assert.notEqual(entries.length, 0)
    seqs.push(...entries.map(({ seq }) => seq))
    if (seqs.length % 3 === 0) await nextTurn()
  }
  await writing
  assert.deepEqual(
    seqs,
    Array.from({ length: count + 1 }, (_, n) => n + 1),
  )
})

test('listens before it reads, so that a ring between the two is not lost', { timeout: 10_000 }, async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { store, bell } = open()
  await using _store = store
  let meanwhile = async () => {
    await store.append('job/a', [note('between')])
    bell.ring('job/a')
    await nextTurn()
  }
  const slow: Store = {
    ...store,
    after: async <L extends LogName>(log: L, seq: number, limit?: number) => {
      const entries = await store.after(log, seq, limit)
      await meanwhile()
      meanwhile = async () => {}
      return entries
    },
  }
  const batches = tail(slow, bell, 'job/a', 0, new AbortController().signal)
  assert.deepEqual(keys((await batches.next()).value ?? []), ['between'])
  await batches.return(undefined)
})

test('finds by its slow timer what no ring told of', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { store, bell } = open()
  await using _store = store
  const batches = tail(store, bell, 'job/a', 0, new AbortController().signal)
  const next = batches.next()
  await nextTurn()
  await store.append('job/a', [note('silent')])
  t.mock.timers.tick(2000)
  assert.deepEqual(keys((await next).value ?? []), ['silent'])
  await batches.return(undefined)
})

test('returns when the signal aborts, while it waits and before it begins, and stops listening', async () => {
  const { store, bell } = open()
  await using _store = store
  let listening = 0
  const counted = {
    ...bell,
    on: (topic: string, listener: () => void) => {
      const off = bell.on(topic, listener)
      listening++
      return () => {
        listening--
        off()
      }
    },
  }
  const stop = new AbortController()
  const waiting = tail(store, counted, 'job/a', 0, stop.signal).next()
  await nextTurn()
  assert.equal(listening, 1)
  stop.abort()
  assert.equal((await waiting).done, true)
  assert.equal((await tail(store, counted, 'job/a', 0, stop.signal).next()).done, true)
  assert.equal(listening, 0)
})

test('follows a conversation, which has no end', async () => {
  const { store, bell } = open()
  await using _store = store
  const turn = (key: string): Draft<Turn> => ({ type: 'turn', by: 'u', text: key, files: [], key, at })
  const stop = new AbortController()
  const texts: string[] = []
  await store.append('conversation/c', [turn('ended')])
  for await (const entries of tail(store, bell, 'conversation/c', 0, stop.signal)) {
    texts.push(...entries.map(({ text }) => text))
    if (texts.length === 2) stop.abort()
    else {
      await store.append('conversation/c', [turn('more')])
      bell.ring('conversation/c')
    }
  }
  assert.deepEqual(texts, ['ended', 'more'])
})
