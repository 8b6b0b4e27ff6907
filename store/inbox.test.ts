import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { after, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { drain } from './drain.ts'
import { receive, sweepInbox } from './inbox.ts'
import { openLocalBell } from './local-bell.ts'
import type { Inbox } from './records.ts'
import { openSqlite } from './sqlite.ts'

const home = await mkdtemp(join(tmpdir(), 'bellhop-inbox-'))
after(() => rm(home, { recursive: true }))
let made = 0
const open = () => ({ store: openSqlite(join(home, `${++made}.db`)), bell: openLocalBell() })

const noon = Date.parse('2026-01-01T12:00:00.000Z')
const envelope = (key: string, ms = 0, platform = 'slack') => ({
  key,
  platform,
  at: new Date(noon + ms).toISOString(),
  body: { key },
})

/** Things that happen one after another, each of which can be waited for. */
const journal = () => {
  const lines: string[] = []
  let written = Promise.withResolvers<void>()
  return {
    lines,
    write: (line: string) => {
      lines.push(line)
      written.resolve()
      written = Promise.withResolvers()
    },
    has: async (count: number) => {
      while (lines.length < count) await written.promise
    },
  }
}

/** Lets a time pass on a clock that stands still otherwise, a bit at a time so that what falls due in it is done in it. */
const pass = async ({ mock }: TestContext, ms: number) => {
  const settle = async () => {
    for (let turn = 0; turn < 12; turn++) await nextTurn()
  }
  await settle()
  for (let passed = 0; passed < ms; passed += 500) {
    mock.timers.tick(500)
    await settle()
  }
}

test('an envelope received many times at once is stored once, and its body stays the first', async () => {
  const { store, bell } = open()
  await using _store = store
  const results = await Promise.all(
    Array.from({ length: 5 }, (_, n) => receive(store, bell, { ...envelope('k'), body: { n } })),
  )
  assert.deepEqual(results.toSorted(), ['new', 'repeat', 'repeat', 'repeat', 'repeat'])
  assert.deepEqual((await store.get('inbox', 'k'))?.body, { n: results.indexOf('new') })
  assert.equal(await store.count('inbox', {}), 1)
})

test('envelopes are handed over in order of arrival, before and after draining began, each once', async () => {
  const { store, bell } = open()
  await using _store = store
  await receive(store, bell, envelope('second', 1))
  await receive(store, bell, envelope('first', 0))
  await receive(store, bell, envelope('other', 0, 'web'))
  const { lines, write, has } = journal()
  const stop = new AbortController()
  const handle = async ({ _id, body }: Inbox) => write(`${_id} ${JSON.stringify(body)}`)
  const draining = drain({
    store,
    bell,
    platform: 'slack',
    handle,
    now: () => new Date(),
    signal: stop.signal,
  })
  await has(2)
  await receive(store, bell, envelope('third', 2))
  await receive(store, bell, envelope('first', 3))
  await has(3)
  await receive(store, bell, envelope('fourth', 4))
  await has(4)
  stop.abort()
  await draining
  assert.deepEqual(
    lines,
    ['first', 'second', 'third', 'fourth'].map(key => `${key} {"key":"${key}"}`),
  )
  assert.equal((await store.get('inbox', 'fourth'))?.state, 'done')
  assert.equal((await store.get('inbox', 'other'))?.state, 'new')
})

test('a handler that throws is tried five times with growing pauses, and holds up nobody meanwhile', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: noon })
  const { store, bell } = open()
  await using _store = store
  const { lines, write, has } = journal()
  const stop = new AbortController()
  await receive(store, bell, envelope('bad', 0))
  await receive(store, bell, envelope('good', 1))
  const draining = drain({
    store,
    bell,
    platform: 'slack',
    handle: async ({ _id }) => {
      write(`${_id} ${(Date.now() - noon) / 1000} s`)
      if (_id === 'bad') throw new Error('no')
    },
    onDead: async ({ _id, tries }, error) => write(`${_id} is dead after ${tries + 1}: ${error}`),
    now: () => new Date(),
    signal: stop.signal,
  })
  await has(2)
  await pass(t, 30_000)
  await receive(store, bell, envelope('late', 2))
  await has(6)
  await pass(t, 120_000)
  await has(8)
  stop.abort()
  await draining
  assert.deepEqual(lines, [
    'bad 0 s',
    'good 0 s',
    'bad 1 s',
    'bad 6 s',
    'bad 26 s',
    'late 30 s',
    'bad 86 s',
    'bad is dead after 5: Error: no',
  ])
  assert.equal((await store.get('inbox', 'bad'))?.state, 'dead')
  assert.equal((await store.get('inbox', 'late'))?.state, 'done')
})

test('a ring that got lost costs five seconds and no envelope', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: noon })
  const { store, bell } = open()
  await using _store = store
  await using deaf = openLocalBell()
  const { lines, write, has } = journal()
  const stop = new AbortController()
  const draining = drain({
    store,
    bell: deaf,
    platform: 'slack',
    handle: async ({ _id }) => write(`${_id} ${(Date.now() - noon) / 1000} s`),
    now: () => new Date(),
    signal: stop.signal,
  })
  await pass(t, 500)
  await receive(store, bell, envelope('a'))
  await pass(t, 5000)
  await has(1)
  stop.abort()
  await draining
  assert.deepEqual(lines, ['a 5 s'])
})

test('draining ends after the one in hand settled, and what was not begun stays for the next start', async () => {
  const { store, bell } = open()
  await using _store = store
  for (const n of [1, 2]) await receive(store, bell, envelope(`${n}`, n))
  const stop = new AbortController()
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  let over = false
  const draining = drain({
    store,
    bell,
    platform: 'slack',
    handle: async () => {
      begun.resolve()
      await finish.promise
    },
    now: () => new Date(),
    signal: stop.signal,
  }).then(() => {
    over = true
  })
  await begun.promise
  stop.abort()
  await nextTurn()
  assert.equal(over, false)
  finish.resolve()
  await draining
  assert.equal((await store.get('inbox', '1'))?.state, 'done')
  assert.equal((await store.get('inbox', '2'))?.state, 'new')
})

test('a handler that an abort broke off is no try', async () => {
  const { store, bell } = open()
  await using _store = store
  await receive(store, bell, envelope('a'))
  const stop = new AbortController()
  const handle = async () => {
    stop.abort()
    throw stop.signal.reason
  }
  await drain({ store, bell, platform: 'slack', handle, now: () => new Date(), signal: stop.signal })
  const { state, tries } = (await store.get('inbox', 'a')) ?? {}
  assert.deepEqual({ state, tries }, { state: 'new', tries: 0 })
})

test('sweeping drops what was done before a time, and nothing else', async () => {
  const { store, bell } = open()
  await using _store = store
  const states = ['done', 'done', 'new', 'dead'] as const
  for (const [n, state] of states.entries()) {
    await receive(store, bell, envelope(`${n}`, n === 1 ? 1000 : 0))
    const stored = await store.get('inbox', `${n}`)
    if (stored) await store.put('inbox', { ...stored, state })
  }
  assert.equal(await sweepInbox(store, new Date(noon + 1000).toISOString()), 1)
  const left = await store.find('inbox', {})
  assert.deepEqual(
    left.map(({ _id }) => _id),
    ['1', '2', '3'],
  )
})
