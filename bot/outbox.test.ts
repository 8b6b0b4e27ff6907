import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openLocalBell } from '../store/local-bell.ts'
import type { Message } from '../store/records.ts'
import { openSqlite } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { openClock } from '../test/clock.ts'
import type { Order } from './outbox.ts'
import { runOutbox, want } from './outbox.ts'
import type { Platform } from './platform.ts'
import { Limited, Undeliverable } from './platform.ts'

interface Call {
  readonly at: number
  readonly kind: 'post' | 'edit'
  readonly address: string
  readonly messageId: string
  readonly message: Message
}

/** The outbox at work on a real store, a platform that notes every call, and a clock that the test moves. */
const open = async (
  given: { readonly refuse?: (call: Call, n: number) => Error | undefined; readonly text?: number } = {},
) => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-outbox-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const store = opening.use(openSqlite(join(folder, 'db')))
  const bell = opening.use(openLocalBell())
  const clock = openClock()
  const calls: Call[] = []
  let tried = 0
  const call = async (kind: Call['kind'], address: string, messageId: string, message: Message) => {
    await clock.wait(150)
    const made = { at: clock.now().getTime(), kind, address, messageId, message }
    const refused = given.refuse?.(made, ++tried)
    if (refused) throw refused
    calls.push(made)
  }
  let posts = 0
  const platform: Platform = {
    name: 'slack',
    limits: { text: given.text ?? 4000, postEveryMs: 1000, editsPerMinute: 45 },
    post: async (address, message) => {
      const messageId = `m${++posts}`
      await call('post', address, messageId, message)
      return { messageId, address: address.split(':').length > 3 ? address : `${address}:${messageId}` }
    },
    edit: (address, messageId, message) => call('edit', address, messageId, message),
    receive: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
  const warned: string[] = []
  const start = (on: Store = store) => {
    const stop = new AbortController()
    const done = runOutbox({
      store: on,
      bell,
      platforms: new Map([['slack', platform]]),
      now: clock.now,
      wait: clock.wait,
      signal: stop.signal,
      log: { warn: (_: unknown, text?: string) => void warned.push(text ?? '') },
    })
    return { done, stop: () => stop.abort() }
  }
  const conversation = async (id: string, channel: string, thread?: string) => {
    await store.put('conversations', {
      _id: id,
      rev: 0,
      platform: 'slack',
      team: 'slack:T1',
      channel: `slack:T1:${channel}`,
      ...(thread && { address: `slack:T1:${channel}:${thread}` }),
      createdAt: clock.now().toISOString(),
    })
  }
  const wants = (
    conversation: string,
    slot: string,
    text: string,
    more: Partial<Order> & Partial<Message> = {},
  ) => {
    const { urgent = false, file, buttons } = more
    const message = { text, ...(file && { file }), ...(buttons && { buttons }) }
    return want(
      store,
      bell,
      { platform: 'slack', conversation, slot, urgent, message },
      clock.now().toISOString(),
    )
  }
  const opened = opening.move()
  return {
    store,
    clock,
    calls,
    warned,
    start,
    conversation,
    wants,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const texts = (calls: readonly Call[]) => calls.map(({ kind, message }) => `${kind} ${message.text}`)

void describe('the outbox', () => {
  for (const channels of [1, 10])
    test(`keeps 50 live threads of a team in ${channels} channel(s) within all limits for three minutes`, async () => {
      await using box = await open()
      const { clock, calls } = box
      const threads = Array.from({ length: 50 }, (_, n) => ({ id: `c${n}`, channel: `C${n % channels}` }))
      for (const [n, { id, channel }] of threads.entries()) await box.conversation(id, channel, `t${n}`)
      const ends = new Map<string, number>()
      const outbox = box.start()
      await Promise.all(threads.map(({ id }) => box.wants(id, 'status', `status of ${id}, queued`)))
      await clock.pass(60_000)
      const begun = clock.now().getTime()
      for (let second = 0; second < 180; second++) {
        await Promise.all(threads.map(({ id }) => box.wants(id, 'status', `status of ${id} at ${second}`)))
        if (second % 2 === 1) {
          const text = `end ${second}`
          ends.set(text, clock.now().getTime())
          await box.wants(`c${second % 50}`, text, text, { urgent: true })
        }
        await clock.pass(1000)
      }
      await clock.pass(10_000)
      outbox.stop()
      await outbox.done

      const edits = calls.filter(({ kind }) => kind === 'edit')
      for (const { at } of edits) {
        const inWindow = edits.filter(edit => edit.at >= at && edit.at < at + 60_000).length
        assert.ok(inWindow <= 45, `${inWindow} edits in the minute from ${at - begun} ms`)
      }
      const posts = Map.groupBy(
        calls.filter(({ kind }) => kind === 'post'),
        ({ address }) => address.split(':')[2],
      )
      for (const [channel, made] of posts)
        for (const [n, { at }] of made.entries()) {
          const gap = at - (made[n - 1]?.at ?? Number.NEGATIVE_INFINITY)
          assert.ok(gap >= 1000, `two posts in ${channel} within ${gap} ms`)
        }
      assert.equal(ends.size, 90)
      for (const [text, happened] of ends) {
        const shown = calls.filter(({ message }) => message.text === text)
        assert.equal(shown.length, 1, `${text} was posted ${shown.length} times`)
        assert.ok(shown[0]!.at - happened <= 10_000, `${text} came ${shown[0]!.at - happened} ms late`)
      }
      const perThread = threads.map(
        ({ id }) => edits.filter(({ message }) => message.text.includes(` ${id} `)).length,
      )
      assert.ok(
        Math.max(...perThread) - Math.min(...perThread) <= 2,
        `edits are shared unevenly: ${perThread}`,
      )
      assert.ok(edits.length >= 100, `only ${edits.length} edits in three minutes`)
    })

  test('obeys a 429 in one channel and delays no other', async () => {
    const limited: number[] = []
    await using box = await open({
      refuse: ({ address, at }) => {
        if (!address.startsWith('slack:T1:C1:') || limited.length === 1) return undefined
        limited.push(at)
        return new Limited(20_000)
      },
    })
    for (const channel of ['C1', 'C2', 'C3']) await box.conversation(channel, channel, 't')
    const outbox = box.start()
    for (const channel of ['C1', 'C2', 'C3'])
      await box.wants(channel, 'end', `in ${channel}`, { urgent: true })
    await box.clock.pass(19_000)
    assert.deepEqual(texts(box.calls), ['post in C2', 'post in C3'])
    assert.equal(box.calls[0]?.at, limited[0])
    await box.clock.pass(5000)
    outbox.stop()
    await outbox.done
    assert.deepEqual(texts(box.calls), ['post in C2', 'post in C3', 'post in C1'])
    assert.ok(box.calls[2]!.at - limited[0]! >= 20_000)
  })

  test('holds the edits of a channel back, and those of the team when a second channel is refused', async () => {
    const refused: string[] = []
    await using box = await open({
      refuse: ({ address, kind }) => {
        if (kind === 'post' || refused.length === 2) return undefined
        refused.push(address)
        return new Limited(15_000)
      },
    })
    const outbox = box.start()
    for (const id of ['C1', 'C2', 'C3']) {
      await box.conversation(id, id, 't')
      await box.wants(id, 'status', 'first')
    }
    await box.clock.pass(2000)
    await box.wants('C1', 'status', 'second')
    await box.clock.pass(2000)
    await box.wants('C2', 'status', 'second')
    await box.clock.pass(2000)
    await box.wants('C3', 'status', 'second')
    await box.clock.pass(8000)
    assert.equal(refused.length, 2)
    assert.equal(box.calls.filter(({ kind }) => kind === 'edit').length, 0)
    await box.clock.pass(20_000)
    outbox.stop()
    await outbox.done
    assert.equal(box.calls.filter(({ kind }) => kind === 'edit').length, 3)
  })

  test('posts in order inside a conversation, and its trouble holds up no other', async () => {
    await using box = await open({
      refuse: ({ message }, n) =>
        message.text === 'a1' && n < 6 ? new Error('the network is down') : undefined,
    })
    await box.conversation('a', 'C1', 't1')
    await box.conversation('b', 'C1', 't2')
    await box.wants('a', 'one', 'a1')
    await box.wants('a', 'two', 'a2', { urgent: true })
    await box.wants('b', 'one', 'b1')
    await box.wants('b', 'two', 'b2')
    const outbox = box.start()
    await box.clock.pass(40_000)
    outbox.stop()
    await outbox.done
    const order = texts(box.calls)
    assert.deepEqual(order.toSorted(), ['post a1', 'post a2', 'post b1', 'post b2'])
    assert.ok(order.indexOf('post b2') < order.indexOf('post a1'))
    assert.ok(order.indexOf('post a1') < order.indexOf('post a2'))
    assert.ok(box.warned.length >= 1)
  })

  test('gives up what the platform refuses for good, for ever, and goes on behind it', async () => {
    let asked = 0
    await using box = await open({
      refuse: ({ message }) => {
        if (!message.text.startsWith('lost')) return undefined
        asked++
        return new Undeliverable('No such channel.')
      },
    })
    await box.conversation('a', 'C1', 't1')
    await box.wants('a', 'one', 'lost')
    await box.wants('a', 'two', 'kept')
    const outbox = box.start()
    await box.clock.pass(5000)
    await box.wants('a', 'one', 'lost again')
    await box.clock.pass(30_000)
    outbox.stop()
    await outbox.done
    assert.deepEqual(texts(box.calls), ['post kept'])
    assert.equal(asked, 1)
    assert.equal((await box.store.get('outbox', 'a/one'))?.state, 'dead')
  })

  test('coalesces edits to the newest, and calls nobody for what is shown', async () => {
    await using box = await open()
    await box.conversation('a', 'C1', 't1')
    await box.wants('a', 'status', 'one')
    const outbox = box.start()
    await box.clock.pass(2000)
    for (const text of ['two', 'three', 'four']) await box.wants('a', 'status', text)
    await box.clock.pass(100)
    await box.wants('a', 'status', 'five')
    await box.wants('a', 'status', 'four')
    await box.clock.pass(10_000)
    const before = await box.store.get('outbox', 'a/status')
    await box.wants('a', 'status', 'four')
    await box.clock.pass(10_000)
    outbox.stop()
    await outbox.done
    assert.deepEqual(texts(box.calls), ['post one', 'edit two', 'edit four'])
    assert.equal(box.calls[2]?.messageId, box.calls[0]?.messageId)
    assert.deepEqual(await box.store.get('outbox', 'a/status'), before)
    assert.equal(before?.state, 'shown')
  })

  test('completes the address of a conversation with its first post, and stays in that thread', async () => {
    await using box = await open()
    await box.conversation('a', 'C1')
    await box.wants('a', 'one', 'opens')
    await box.wants('a', 'two', 'follows')
    const outbox = box.start()
    await box.clock.pass(5000)
    outbox.stop()
    await outbox.done
    assert.deepEqual(
      box.calls.map(({ address }) => address),
      ['slack:T1:C1', 'slack:T1:C1:m1'],
    )
    assert.equal((await box.store.get('conversations', 'a'))?.address, 'slack:T1:C1:m1')
  })

  test('splits what is too long, edits only the parts that changed, and shows the file by itself', async () => {
    await using box = await open({ text: 100 })
    await box.conversation('a', 'C1', 't1')
    const lines = (last: string) => ['x'.repeat(97), 'y'.repeat(97), last].join('\n')
    const file = { id: 'f1', name: 'output.txt' }
    await box.wants('a', 'end', lines('done'), { file })
    await box.wants('a', 'next', 'behind all parts')
    const outbox = box.start()
    await box.clock.pass(10_000)
    await box.wants('a', 'end', lines('done!'), { file })
    await box.clock.pass(10_000)
    outbox.stop()
    await outbox.done
    assert.deepEqual(texts(box.calls), [
      `post ${'x'.repeat(97)}`,
      `post ${'y'.repeat(97)}`,
      'post done',
      'post ',
      'post behind all parts',
      'edit done!',
    ])
    assert.deepEqual(box.calls[3]?.message.file, file)
    assert.equal(box.calls[5]?.messageId, 'm3')
  })

  test('reads again what a call was for, and not all that waits', async () => {
    await using box = await open()
    const ids = Array.from({ length: 100 }, (_, n) => `c${n}`)
    for (const id of ids) {
      await box.conversation(id, id, 't')
      await box.wants(id, 'status', `of ${id}`)
    }
    let found = 0
    const counting: Store = {
      ...box.store,
      find: (kind, query) => {
        found++
        return box.store.find(kind, query)
      },
    }
    const outbox = box.start(counting)
    for (let step = 0; step < 40; step++) await box.clock.pass(100)
    outbox.stop()
    await outbox.done
    assert.equal(box.calls.length, 100)
    assert.ok(found <= 2, `the outbox was read ${found} times`)
  })

  test('repeats one post at most, and loses none, when it dies between the post and its note', async () => {
    await using box = await open()
    await box.conversation('a', 'C1', 't1')
    await box.wants('a', 'one', 'first')
    await box.wants('a', 'two', 'second')
    let dies = true
    const dying: Store = {
      ...box.store,
      put: (kind, record) => {
        if (kind === 'outbox' && 'shown' in record && dies) {
          dies = false
          throw new Error('killed')
        }
        return box.store.put(kind, record)
      },
    }
    const killed = box.start(dying)
    const failed = assert.rejects(killed.done, /killed/)
    await box.clock.pass(1000)
    await failed
    const outbox = box.start()
    await box.clock.pass(10_000)
    outbox.stop()
    await outbox.done
    assert.deepEqual(texts(box.calls), ['post first', 'post first', 'post second'])
  })
})
