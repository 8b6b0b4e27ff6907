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
      const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
      const due = Date.now() + 300
      await queue.add({ job: 'later', priority: 9, notBefore: inAnHour })
      await queue.add({ job: 'soon', priority: 9, notBefore: new Date(due).toISOString() })
      assert.deepEqual(await drain(queue, 1), ['soon'])
      assert.ok(Date.now() >= due)
      await queue.add({ job: 'now', priority: 0 })
      assert.deepEqual(await drain(queue, 1), ['now'])
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

    test('delivers once more, and later, what was added while its ticket was in hand', async () => {
      await using queue = await open()
      const stop = new AbortController()
      await queue.add({ job: 'a', priority: 5 })
      let handled = 0
      let due = 0
      await queue.work(
        async job => {
          if (++handled === 2) return stop.abort()
          due = Date.now() + 300
          await queue.add({ job, priority: 5, notBefore: new Date(due).toISOString() })
          await queue.add({ job, priority: 5, notBefore: new Date(due).toISOString() })
        },
        { concurrency: 1, signal: stop.signal },
      )
      assert.equal(handled, 2)
      assert.ok(Date.now() >= due)
    })

    test('takes back what was added while its ticket was in hand, and what waits for its time', async () => {
      await using queue = await open()
      const stop = new AbortController()
      const soon = new Date(Date.now() + 50).toISOString()
      await queue.add({ job: 'b', priority: 9, notBefore: soon })
      await queue.remove('b')
      await queue.add({ job: 'a', priority: 5 })
      const handled: string[] = []
      await queue.work(
        async job => {
          handled.push(job)
          if (job === 'end') return stop.abort()
          await queue.add({ job, priority: 9 })
          await queue.remove(job)
          await queue.add({ job: 'end', priority: 0, notBefore: new Date(Date.now() + 300).toISOString() })
        },
        { concurrency: 1, signal: stop.signal },
      )
      assert.deepEqual(handled, ['a', 'end'])
    })

    test('takes any job again once it is done, also one that is named by a number', async () => {
      await using queue = await open()
      for (const job of ['0', '17', 'a1b2']) {
        for (let n = 0; n < 2; n++) {
          await queue.add({ job, priority: 5 })
          assert.deepEqual(await drain(queue, 1), [job])
        }
      }
    })

    test('takes back nothing where nothing waits, and leaves alone what is in hand', async () => {
      await using queue = await open()
      await queue.remove('none')
      await queue.add({ job: 'a', priority: 5 })
      const stop = new AbortController()
      let handled = 0
      await queue.work(
        async job => {
          if (++handled === 2) return stop.abort()
          await queue.remove(job)
          throw new Error('once')
        },
        { concurrency: 1, signal: stop.signal },
      )
      assert.equal(handled, 2)
    })

    test('is filled once at the start of its life', async () => {
      await using queue = await open()
      const stop = new AbortController()
      let filled = 0
      const fill = async () => {
        filled++
        await queue.add({ job: 'a', priority: 5 })
      }
      const keeping = queue.keepFilled(fill, stop.signal)
      assert.deepEqual(await drain(queue, 1), ['a'])
      await queue.add({ job: 'b', priority: 5 })
      assert.deepEqual(await drain(queue, 1), ['b'])
      stop.abort()
      await keeping
      assert.equal(filled, 1)
    })

    test('is filled again when that failed, and stops in between when it is told to', async () => {
      await using queue = await open()
      const stop = new AbortController()
      let tried = 0
      await queue.keepFilled(async () => {
        if (++tried === 2) stop.abort()
        throw new Error('The store is away.')
      }, stop.signal)
      assert.equal(tried, 2)
    })

    test('answers', async () => {
      await using queue = await open()
      await queue.ping()
    })

    test('wakes for a ticket that comes while it waits', async () => {
      await using queue = await open()
      const handled = drain(queue, 1)
      setImmediate(() => void queue.add({ job: 'a', priority: 5 }))
      assert.deepEqual(await handled, ['a'])
    })
  })
}
