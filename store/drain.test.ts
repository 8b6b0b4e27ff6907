import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { drain } from './drain.ts'
import { receive } from './inbox.ts'
import { openLocalBell } from './local-bell.ts'
import type { Inbox } from './records.ts'
import { openSqlite } from './sqlite.ts'

const home = await mkdtemp(join(tmpdir(), 'bellhop-drain-'))
after(() => rm(home, { recursive: true }))
let made = 0

/** Envelopes named `<lane><number>`, drained by lane through a handler that the test gives. */
const open = (handle: (id: string) => Promise<void>) => {
  const store = openSqlite(join(home, `${++made}.db`))
  const bell = openLocalBell()
  let at = Date.parse('2026-01-01T12:00:00.000Z')
  let changed = Promise.withResolvers<void>()
  const log: string[] = []
  const stop = new AbortController()
  const note = (line: string) => {
    log.push(line)
    changed.resolve()
    changed = Promise.withResolvers()
  }
  return {
    store,
    log,
    send: async (...ids: readonly string[]) => {
      for (const key of ids)
        await receive(store, bell, {
          key,
          platform: 'slack',
          at: new Date(at++).toISOString(),
          body: {},
        })
    },
    start: () =>
      drain({
        store,
        bell,
        platform: 'slack',
        handle: async ({ _id }: Inbox) => {
          note(`${_id} begins`)
          await handle(_id)
          note(`${_id} ends`)
        },
        laneOf: ({ _id }) => _id[0] ?? '',
        now: () => new Date(),
        signal: stop.signal,
      }),
    /** Resolves once all of these were noted. */
    has: async (...lines: readonly string[]) => {
      while (!lines.every(line => log.includes(line))) await changed.promise
    },
    states: async () => (await store.find('inbox', {})).map(({ _id, state, tries }) => [_id, state, tries]),
    stop: () => stop.abort(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

test('a slow handler holds up its own lane alone, in which the order of arrival is kept', async () => {
  const slow = Promise.withResolvers<void>()
  await using inbox = open(id => (id === 'a1' ? slow.promise : Promise.resolve()))
  await inbox.send('a1', 'a2', 'b1', 'a3', 'b2')
  const drained = inbox.start()
  await inbox.has('b2 ends')
  await inbox.send('b3', 'a4')
  await inbox.has('b3 ends')
  assert.deepEqual(
    inbox.log.filter(line => line.startsWith('a')),
    ['a1 begins'],
  )
  slow.resolve()
  await inbox.has('a4 ends')
  inbox.stop()
  await drained
  const ofLane = (lane: string) => inbox.log.filter(line => line[0] === lane).map(line => line.slice(0, 2))
  assert.deepEqual(ofLane('a'), ['a1', 'a1', 'a2', 'a2', 'a3', 'a3', 'a4', 'a4'])
  assert.deepEqual(ofLane('b'), ['b1', 'b1', 'b2', 'b2', 'b3', 'b3'])
})

test('no more than sixteen are in hand at once, and each is handed over once', async () => {
  let inHand = 0
  let most = 0
  await using inbox = open(async () => {
    most = Math.max(most, ++inHand)
    await new Promise(resolve => setTimeout(resolve, 5))
    inHand--
  })
  const lanes = [...'abcdefghijklmnopqrstuvwxyz']
  const ids = [1, 2, 3, 4].flatMap(n => lanes.map(lane => `${lane}${n}`))
  await inbox.send(...ids.slice(0, 60))
  const drained = inbox.start()
  await inbox.send(...ids.slice(60))
  await inbox.has(...ids.map(id => `${id} ends`))
  inbox.stop()
  await drained
  assert.equal(most, 16)
  assert.equal(inbox.log.length, 2 * ids.length)
})

test('what needs a part that is away waits with its lane for as long as it takes, and no try is counted', async () => {
  let away = true
  let asked = 0
  await using inbox = open(async id => {
    if (id !== 'a1' || !away) return
    asked++
    const error = Object.assign(new Error('The web does not answer.'), { name: 'OwnerAway' })
    // As Bolt wraps what a listener throws.
    throw Object.assign(new Error(error.message), { original: error })
  })
  await inbox.send('a1', 'a2', 'b1')
  const drained = inbox.start()
  await inbox.has('b1 ends')
  await inbox.send('b2')
  await inbox.has('b2 ends')
  while (asked < 3) await new Promise(resolve => setTimeout(resolve, 50))
  assert.deepEqual(await inbox.states(), [
    ['a1', 'new', 0],
    ['a2', 'new', 0],
    ['b1', 'done', 0],
    ['b2', 'done', 0],
  ])
  away = false
  await inbox.has('a2 ends')
  inbox.stop()
  await drained
  assert.deepEqual(
    inbox.log.filter(line => line.startsWith('a') && line !== 'a1 begins'),
    ['a1 ends', 'a2 begins', 'a2 ends'],
  )
})

test('what the store throws ends the draining, once all in hand has settled', async () => {
  const slow = Promise.withResolvers<void>()
  await using inbox = open(id => (id === 'a1' ? slow.promise : Promise.resolve()))
  await inbox.send('a1', 'b1')
  const { store } = inbox
  const failing = {
    ...store,
    put: async (...args: Parameters<typeof store.put>) => {
      if (args[1]._id === 'b1') throw new Error('the disk is full')
      return await store.put(...args)
    },
  } as typeof store
  const handed: string[] = []
  const drained = drain({
    store: failing,
    bell: openLocalBell(),
    platform: 'slack',
    handle: async ({ _id }) => {
      handed.push(_id)
      if (_id === 'a1') await slow.promise
    },
    laneOf: ({ _id }) => _id,
    now: () => new Date(),
    signal: new AbortController().signal,
  })
  let over = false
  drained.catch(() => {
    over = true
  })
  while (handed.length < 2) await new Promise(setImmediate)
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  assert.equal(over, false)
  slow.resolve()
  await assert.rejects(drained, /disk is full/)
  assert.equal((await store.get('inbox', 'a1'))?.state, 'done')
})
