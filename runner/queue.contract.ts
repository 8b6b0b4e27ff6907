import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { ranOn } from '../test/contract.ts'
import type { Queue } from './queue.ts'

/** What every queue promises. */
export const queueContract = (name: string, open: () => Promise<Queue> | Queue): void => {
  void describe(`the ${name} queue`, () => {
    ranOn('queue', name)
    /** Works until `count` tickets were handled, and gives them in order. */
    const drain = async (queue: Queue, count: number, concurrency = 1): Promise<readonly string[]> => {
      const stop = new AbortController()
      const handled: string[] = []
      await queue.work(
        async job => {
          handled.push(job)
          if (handled.length === count) stop.abort()
        },
        { concurrency, signal: stop.signal },
      )
      return handled
    }

    test('delivers priority 9 first, 0 last, and equals in order', async () => {
      await using queue = await open()
      for (const [job, priority] of [
        ['a', 5],
        ['b', 0],
        ['c', 9],
        ['d', 5],
      ] as const)
        await queue.add({ job, priority })
      assert.deepEqual(await drain(queue, 4), ['c', 'a', 'd', 'b'])
    })

    test('keeps a job once, however often it is added while it waits', async () => {
      await using queue = await open()
      for (let n = 0; n < 5; n++) await queue.add({ job: 'a', priority: 5 })
      await queue.add({ job: 'b', priority: 1 })
      assert.deepEqual(await drain(queue, 2), ['a', 'b'])
    })

    test('does not deliver before the time of a ticket', async () => {
      await using queue = await open()
      const due = Date.now() + 300
      await queue.add({ job: 'later', priority: 9, notBefore: new Date(due).toISOString() })
      await queue.add({ job: 'now', priority: 0 })
      assert.deepEqual(await drain(queue, 2), ['now', 'later'])
      assert.ok(Date.now() >= due)
    })

    test('takes back a ticket that waits', async () => {
      await using queue = await open()
      await queue.add({ job: 'a', priority: 9 })
      await queue.add({ job: 'b', priority: 1 })
      await queue.remove('a')
      assert.deepEqual(await drain(queue, 1), ['b'])
    })

    test('delivers again what a handler threw on, and something else meanwhile', async () => {
      await using queue = await open()
      await queue.add({ job: 'bad', priority: 9 })
      await queue.add({ job: 'good', priority: 0 })
      const stop = new AbortController()
      const handled: string[] = []
      await queue.work(
        async job => {
          handled.push(job)
          if (handled.length === 1) throw new Error('once')
          if (handled.length === 3) stop.abort()
        },
        { concurrency: 1, signal: stop.signal },
      )
      assert.deepEqual(handled, ['bad', 'good', 'bad'])
    })

    test('handles no more at once than it was told', async () => {
      await using queue = await open()
      for (let n = 0; n < 20; n++) await queue.add({ job: `j${n}`, priority: 5 })
      const stop = new AbortController()
      let now = 0
      let most = 0
      let done = 0
      await queue.work(
        async () => {
          most = Math.max(most, ++now)
          await new Promise(setImmediate)
          now--
          if (++done === 20) stop.abort()
        },
        { concurrency: 3, signal: stop.signal },
      )
      assert.equal(most, 3)
    })

    test('lets what is in hand settle before it stops, and takes nothing new', async () => {
      await using queue = await open()
      await queue.add({ job: 'a', priority: 9 })
      await queue.add({ job: 'b', priority: 1 })
      const stop = new AbortController()
      const handled: string[] = []
      await queue.work(
        async job => {
          const aborted = once(stop.signal, 'abort')
          setImmediate(() => stop.abort())
          await aborted
          handled.push(job)
        },
        { concurrency: 1, signal: stop.signal },
      )
      assert.deepEqual(handled, ['a'])
    })

    test('wakes for a ticket that comes while it waits', async () => {
      await using queue = await open()
      const handled = drain(queue, 1)
      setImmediate(() => void queue.add({ job: 'a', priority: 5 }))
      assert.deepEqual(await handled, ['a'])
    })
  })
}
