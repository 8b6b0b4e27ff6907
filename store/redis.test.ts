import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { engine, skipOf } from '../test/engines.ts'
import { until } from '../test/house.ts'
import type { TestRedis } from '../test/redis.ts'
import { openTestRedis } from '../test/redis.ts'
import { bellContract } from './bell.contract.ts'
import type { RedisBell } from './redis.ts'
import { openRedisBell } from './redis.ts'

void describe('over Redis', { skip: skipOf(await engine('redis')) }, () => {
  let redis: TestRedis
  before(async () => {
    redis = await openTestRedis()
  })
  after(() => redis[Symbol.asyncDispose]())
  const open = () => openRedisBell({ url: redis.url })

  bellContract('redis', open)

  /** Counts what a bell hears of a topic, and waits for more. */
  const ear = (bell: RedisBell, topic: string) => {
    let heard = 0
    const stop = bell.on(topic, () => heard++)
    return {
      stop,
      heard: () => heard,
      more: (than: number) => until(`a ring of ${topic}`, async () => heard > than, 10_000),
    }
  }
  /** Rings until the other process's listener is made known and hears it. */
  const joined = async (bell: RedisBell, topic: string, other: { heard(): number }) => {
    await until(`${topic} to be heard`, async () => {
      bell.ring(topic)
      return other.heard() > 0
    })
  }
  /** A ring of `last` is heard after all that were sent before it. */
  const settled = async (from: RedisBell, to: RedisBell) => {
    const { heard, stop } = ear(to, 'last')
    await joined(from, 'last', { heard })
    stop()
  }

  test('a ring is heard in every process that listens, and once in its own', async () => {
    await using here = await open()
    await using there = await open()
    const own = ear(here, 'job/a')
    const other = ear(there, 'job/a')
    await joined(here, 'job/a', other)
    await settled(here, there)
    const before = { own: own.heard(), other: other.heard() }
    here.ring('job/a')
    await other.more(before.other)
    await settled(here, there)
    await settled(there, here)
    assert.equal(own.heard(), before.own + 1)
    assert.equal(other.heard(), before.other + 1)
  })

  test('a process is told of the topics alone that somebody in it listens to', async () => {
    await using here = await open()
    await using there = await open()
    const ears = Array.from({ length: 2000 }, (_, n) => ear(there, `job/${n}`))
    await joined(here, 'job/1999', ears[1999]!)
    assert.equal(await channels(redis), 2000)
    for (const { stop } of ears.slice(1)) stop()
    await until('the others to be left', async () => (await channels(redis)) === 1)
    here.ring('job/0')
    await ears[0]!.more(0)
  })

  test('many rings at once cost few messages', async () => {
    await using here = await open()
    await using there = await open()
    const { heard, more } = ear(there, 'job/a')
    await joined(here, 'job/a', { heard })
    await settled(here, there)
    const before = heard()
    for (let n = 0; n < 10_000; n++) here.ring('job/a')
    await more(before)
    await settled(here, there)
    assert.ok(heard() - before <= 2, `${heard() - before} messages`)
  })

  test('while Redis is away a process hears itself, and afterwards everybody looks again and hears all', async () => {
    await using server = await openTestRedis()
    const { url } = server
    await using here = await openRedisBell({ url })
    await using there = await openRedisBell({ url })
    const own = ear(here, 'job/a')
    const other = ear(there, 'job/a')
    const quiet = ear(there, 'job/quiet')
    await joined(here, 'job/a', other)
    await server.kill()
    const [before, meanwhile] = [own.heard(), other.heard()]
    here.ring('job/a')
    await own.more(before)
    await assert.rejects(here.ping(), /^Error: Redis at 127\.0\.0\.1:\d+ does not answer\.$/)
    assert.deepEqual([other.heard(), quiet.heard()], [meanwhile, 0])
    await server.restart()
    await Promise.all([quiet.more(0), other.more(meanwhile)])
    await until('Redis to answer', () => here.ping().then(() => true))
    const since = other.heard()
    here.ring('job/a')
    await other.more(since)
  })

  test('a ring that got lost on the way out is made up for, though the listener was never cut off', async () => {
    await using way = await wayTo(redis.port)
    await using here = await openRedisBell({ url: way.url })
    await using there = await open()
    const other = ear(there, 'job/a')
    await joined(here, 'job/a', other)
    await way.cut()
    const before = other.heard()
    here.ring('job/a')
    await assert.rejects(here.ping(), /does not answer/)
    assert.equal(other.heard(), before)
    way.mend()
    await other.more(before)
  })

  test('a server that hangs blocks nobody, and says so within two seconds', async () => {
    await using server = await openTestRedis()
    await using here = await openRedisBell({ url: server.url })
    const own = ear(here, 'job/a')
    process.kill(server.pid, 'SIGSTOP')
    here.ring('job/a')
    await own.more(0)
    const asked = performance.now()
    await assert.rejects(here.ping(), /does not answer/)
    assert.ok(performance.now() - asked < 2500)
  })

  test('it opens without Redis, tells of it once, and works when Redis comes', async () => {
    await using server = await openTestRedis()
    await server.kill()
    const told: object[] = []
    const log = { warn: (about: object) => void told.push(about) }
    await using here = await openRedisBell({ url: server.url, log })
    await using there = await openRedisBell({ url: server.url })
    const other = ear(there, 'inbox')
    here.ring('inbox')
    await server.restart()
    await other.more(0)
    await joined(here, 'inbox', ear(there, 'inbox'))
    assert.equal(told.length, 1)
  })

  test('what Redis forgets is no loss', async () => {
    await using server = await openTestRedis()
    await using here = await openRedisBell({ url: server.url })
    await using there = await openRedisBell({ url: server.url })
    const other = ear(there, 'job/a')
    await joined(here, 'job/a', other)
    await server.flush()
    await settled(here, there)
    const before = other.heard()
    here.ring('job/a')
    await other.more(before)
  })
})

/** How many channels somebody is subscribed to. */
const channels = async ({ port }: TestRedis): Promise<number> => {
  const socket = connect(port, '127.0.0.1').end('PUBSUB CHANNELS bellhop:bell:job/*\r\n')
  let text = ''
  for await (const chunk of socket) text += chunk
  return Number(/^\*(\d+)/.exec(text)?.[1])
}

/** A way to a port of this machine that can be cut and mended. */
const wayTo = async (port: number) => {
  const open = new Set<Socket>()
  let cut = false
  const server = createServer(near => {
    if (cut) return void near.destroy()
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A port was expected.')
  const close = async () => {
    cut = true
    const closed = [...open].map(socket => once(socket, 'close'))
    for (const socket of open) socket.destroy()
    await Promise.all(closed)
  }
  return {
    url: `redis://127.0.0.1:${address.port}`,
    cut: close,
    mend: () => {
      cut = false
    },
    [Symbol.asyncDispose]: async () => {
      await close()
      server.close()
    },
  }
}
