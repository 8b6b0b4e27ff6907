import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { engine, skipOf } from '../test/engines.ts'
import { until } from '../test/house.ts'
import type { TestRedis } from '../test/redis.ts'
import { openTestRedis } from '../test/redis.ts'
import { openBullmq } from './bullmq.ts'
import { queueContract } from './queue.contract.ts'
import type { Queue } from './queue.ts'

// The tests wait more than they compute, each for tickets of its own.
void describe('over Redis', { skip: skipOf(await engine('redis')), concurrency: true }, () => {
  let redis: TestRedis
  before(async () => {
    redis = await openTestRedis()
  })
  after(() => redis[Symbol.asyncDispose]())
  const now = () => new Date()
  const open = (prefix: string = randomUUID(), url = redis.url) => openBullmq({ url, prefix, now })

  queueContract('bullmq', () => open())

  /** Works until it is told to stop, and tells what was handled by whom. */
  const crew = (queues: readonly Queue[], handle: (job: string) => Promise<void> = async () => {}) => {
    const stop = new AbortController()
    const handled: string[] = []
    const by = queues.map(() => 0)
    const working = queues.map((queue, n) =>
      queue.work(
        async job => {
          await handle(job)
          handled.push(job)
          by[n]!++
        },
        { concurrency: 4, signal: stop.signal },
      ),
    )
    return {
      handled,
      by,
      [Symbol.asyncDispose]: async () => {
        stop.abort()
        await Promise.all(working)
      },
    }
  }
  const all = (count: number, handled: readonly string[]) =>
    until(`${count} jobs`, async () => new Set(handled).size >= count)

  test('two processes share the tickets, and each is handled by one of them', async () => {
    const prefix = randomUUID()
    await using one = await open(prefix)
    await using other = await open(prefix)
    let together = 0
    const inHand = new Set<string>()
    await using both = crew([one, other], async job => {
      if (inHand.has(job)) together++
      inHand.add(job)
      await new Promise(resolve => setTimeout(resolve, 5))
      inHand.delete(job)
    })
    for (let n = 0; n < 100; n++)
      await Promise.all([one, other].map(queue => queue.add({ job: `j${n}`, priority: n % 10 })))
    await all(100, both.handled)
    assert.equal(together, 0)
    assert.ok(
      both.by.every(count => count > 10),
      `one handled ${both.by[0]}, the other ${both.by[1]}`,
    )
  })

  test('what a killed process had in hand comes to another within 25 s', { timeout: 60_000 }, async () => {
    const prefix = randomUUID()
    await using queue = await open(prefix)
    await queue.add({ job: 'a', priority: 5 })
    await queue.add({ job: 'b', priority: 5 })
    await using doomed = await otherProcess(redis.url, prefix)
    await doomed.took(2)
    await using heirs = crew([queue])
    await queue.add({ job: 'c', priority: 5 })
    await all(1, heirs.handled)
    assert.deepEqual(heirs.handled, ['c'])
    doomed.kill()
    const killed = performance.now()
    await all(3, heirs.handled)
    assert.ok(performance.now() - killed < 25_000)
    assert.deepEqual(heirs.handled.toSorted(), ['a', 'b', 'c'])
  })

  test('one process fills at a time, and the others not again', async () => {
    const prefix = randomUUID()
    await using one = await open(prefix)
    await using other = await open(prefix)
    const stop = new AbortController()
    let now = 0
    let most = 0
    let filled = 0
    const fill = async () => {
      most = Math.max(most, ++now)
      await new Promise(resolve => setTimeout(resolve, 200))
      now--
      filled++
    }
    const keeping = [one, other, one, other].map(queue => queue.keepFilled(fill, stop.signal))
    await until(
      'the first look after that',
      () => new Promise<boolean>(resolve => setTimeout(resolve, 2500, true)),
    )
    stop.abort()
    await Promise.all(keeping)
    assert.deepEqual({ most, filled }, { most: 1, filled: 1 })
  })

  test('tickets that Redis lost or never got are handled in the end', { timeout: 60_000 }, async () => {
    await using server = await openTestRedis()
    await using asking = await open('p', server.url)
    await using working = await open('p', server.url)
    const stored = new Set<string>()
    const stop = new AbortController()
    const keeping = working.keepFilled(async () => {
      for (const job of stored) await working.add({ job, priority: 5 })
    }, stop.signal)
    const submit = async (job: string) => {
      stored.add(job)
      await asking.add({ job, priority: 5 })
    }
    await using worked = crew([working], async job => void stored.delete(job))

    await submit('before')
    await all(1, worked.handled)
    await server.kill()
    for (let n = 0; n < 20; n++) await submit(`away${n}`)
    await assert.rejects(asking.ping(), /does not answer/)
    await server.restart()
    await all(21, worked.handled)

    // The life of the server stays the same and the mark too: the loss must have been told.
    await until('Redis to answer', () => asking.ping().then(() => true))
    process.kill(server.pid, 'SIGSTOP')
    const hung = submit('hung')
    await server.restart()
    await hung
    await all(22, worked.handled)

    for (let n = 0; n < 20; n++) {
      stored.add(`flushed${n}`)
      await asking.add({
        job: `flushed${n}`,
        priority: 5,
        notBefore: new Date(Date.now() + 3_600_000).toISOString(),
      })
    }
    await server.flush()
    await all(42, worked.handled)
    await submit('after')
    await all(43, worked.handled)
    stop.abort()
    await keeping
  })

  for (const [trouble, signal] of [
    ['is away', 'SIGKILL'],
    ['hangs', 'SIGSTOP'],
  ] as const)
    test(`it stops in time though Redis ${trouble}, and does not come back`, {
      timeout: 30_000,
    }, async () => {
      await using server = await openTestRedis()
      const queue = await open('p', server.url)
      const inHand = Promise.withResolvers<void>()
      const gone = Promise.withResolvers<void>()
      const stop = new AbortController()
      const working = queue.work(
        async () => {
          inHand.resolve()
          await gone.promise
        },
        { concurrency: 1, signal: stop.signal },
      )
      await queue.add({ job: 'a', priority: 5 })
      await inHand.promise
      process.kill(server.pid, signal)
      stop.abort()
      gone.resolve()
      const asked = performance.now()
      await working
      await queue[Symbol.asyncDispose]()
      assert.ok(performance.now() - asked < 10_000)
      await server.restart()
      // Longer than the pause between two attempts to connect.
      await new Promise(resolve => setTimeout(resolve, 1500))
      assert.equal(await clients(server), 1)
    })

  test('it opens and works without Redis, and tells of it once', { timeout: 30_000 }, async () => {
    await using server = await openTestRedis()
    await server.kill()
    const told: object[] = []
    const log = { warn: (about: object) => void told.push(about) }
    await using queue = await openBullmq({ url: server.url, now, log })
    await using worked = crew([queue])
    await queue.add({ job: 'lost', priority: 5 })
    await queue.remove('lost')
    await server.restart()
    await until('Redis to answer', () => queue.ping().then(() => true))
    await queue.add({ job: 'a', priority: 5 })
    await all(1, worked.handled)
    assert.deepEqual(worked.handled, ['a'])
    assert.equal(told.length, 1)
  })
})

/** A worker in a process of its own, which never gets done with a ticket. */
const otherProcess = async (url: string, prefix: string) => {
  const entry = join(import.meta.dirname, '../test/bullmq-entry.ts')
  const child = spawn(process.execPath, [entry, url, prefix], { stdio: ['ignore', 'pipe', 'inherit'] })
  const over = once(child, 'exit')
  let taken = 0
  createInterface({ input: child.stdout }).on('line', line => {
    if (line.startsWith('took ')) taken++
  })
  return {
    took: (count: number) => until(`${count} tickets to be taken`, async () => taken >= count),
    kill: () => void child.kill('SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await over
    },
  }
}

/** How many connections the server has, the one that asks among them. */
const clients = async ({ port }: TestRedis): Promise<number> => {
  const socket = connect(port, '127.0.0.1').end('CLIENT LIST\r\n')
  let text = ''
  for await (const chunk of socket) text += chunk
  return [...text.matchAll(/^id=/gm)].length
}
