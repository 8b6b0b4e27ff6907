import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { openClock } from '../test/clock.ts'
import { openOutage } from './outage.ts'
import type { Platform } from './platform.ts'
import { Limited, Undeliverable } from './platform.ts'
import type { Thread } from './threads.ts'

const threadIn = (channel: string, n: number): Thread => ({
  platform: 'slack',
  team: 'slack:T1',
  channel: `slack:T1:${channel}`,
  address: `slack:T1:${channel}:${n}`,
})

/** Threads of live jobs, a platform that notes what it is asked for and when, in seconds, and a store that goes and comes. */
const open = (threads: readonly Thread[], refuse: (address: string, n: number) => Error | undefined) => {
  const clock = openClock()
  const begun = clock.now().getTime()
  const calls: string[] = []
  const warned: unknown[] = []
  let tries = 0
  const call = (kind: string, address: string) => {
    const refused = refuse(address, ++tries)
    if (refused) throw refused
    calls.push(`${(clock.now().getTime() - begun) / 1000} ${kind} ${address.slice('slack:T1:'.length)}`)
  }
  const platform: Platform = {
    name: 'slack',
    limits: { text: 4000, postEveryMs: 1000, editsPerMinute: 60 },
    post: async address => {
      call('post', address)
      return { messageId: `m ${address}`, address }
    },
    edit: async (address, messageId) => {
      assert.equal(messageId, `m ${address}`)
      call('edit', address)
    },
    receive: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
  const stop = new AbortController()
  const outage = openOutage({
    platforms: new Map([['slack', platform]]),
    threads: () => threads,
    log: { warn: (...line: unknown[]) => void warned.push(line), error: () => {}, info: () => {} },
    signal: stop.signal,
    wait: clock.wait,
  })
  return { clock, calls, warned, stop: () => stop.abort(), ...outage }
}

const never = () => undefined

suite('an outage of the store', () => {
  test('is told in each thread once, as posts may come, and changed into its end', async () => {
    const threads = [threadIn('C1', 1), threadIn('C1', 2), threadIn('C2', 3), threadIn('C1', 1)]
    await using outage = open(threads, never)
    outage.notice(true)
    await outage.clock.pass(4900)
    assert.deepEqual(outage.calls, [])
    outage.notice(true)
    await outage.clock.pass(55_100)
    assert.deepEqual(outage.calls, ['5 post C1:1', '5 post C2:3', '6 post C1:2'])
    outage.notice(false)
    await outage.clock.pass(20_000)
    assert.deepEqual(outage.calls.slice(3).toSorted(), ['60 edit C1:1', '62 edit C2:3', '64 edit C1:2'])
  })

  test('is told again when there is another', async () => {
    await using outage = open([threadIn('C1', 1)], never)
    for (const isAway of [true, false, true, false]) {
      outage.notice(isAway)
      await outage.clock.pass(10_000)
    }
    assert.deepEqual(
      outage.calls.map(call => call.split(' ')[1]),
      ['post', 'edit', 'post', 'edit'],
    )
  })

  test('of five seconds is told to nobody', async () => {
    await using outage = open([threadIn('C1', 1)], never)
    outage.notice(true)
    await outage.clock.pass(4500)
    outage.notice(false)
    await outage.clock.pass(60_000)
    assert.deepEqual(outage.calls, [])
  })

  test('is told after the pause that the platform asks for, and a thread that is gone keeps no other from it', async () => {
    const gone = threadIn('C2', 2)
    await using outage = open([threadIn('C1', 1), gone, threadIn('C2', 3)], (address, n) =>
      address === gone.address ? new Undeliverable('gone') : n === 1 ? new Limited(9000) : undefined,
    )
    outage.notice(true)
    await outage.clock.pass(30_000)
    assert.deepEqual(outage.calls, ['6 post C2:3', '14 post C1:1'])
    assert.equal(outage.warned.length, 1)
  })

  test('is not said to be over by a bot that stops', async () => {
    await using outage = open([threadIn('C1', 1)], never)
    outage.notice(true)
    await outage.clock.pass(10_000)
    outage.stop()
    outage.notice(false)
    await outage.clock.pass(10_000)
    assert.deepEqual(outage.calls, ['5 post C1:1'])
  })
})
