import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { engine, skipOf } from './engines.ts'
import type { Count, Scene } from './outage.ts'
import { openScene } from './outage.ts'

const engines = ['bubblewrap', 'redis', 'mongo-java-server'] as const
const [missing] = (await Promise.all(engines.map(engine))).flatMap(found => skipOf(found) || [])

/** How long Redis is away. */
const awayMs = process.env.SOAK ? 60_000 : 5000

interface Outage {
  begin(scene: Scene): Promise<void> | void
  end(scene: Scene): Promise<void> | void
}

const outages: Readonly<Record<string, Outage>> = {
  'is killed': {
    begin: ({ parts }) => parts.redis.kill(),
    end: ({ parts }) => parts.redis.restart(),
  },
  'refuses its connections': {
    begin: ({ toRedis }) => toRedis.refuse(),
    end: ({ toRedis }) => toRedis.restore(),
  },
  'says nothing more on them': {
    begin: ({ toRedis }) => toRedis.stall(),
    end: ({ toRedis }) => toRedis.restore(),
  },
}

/** Jobs go on without Redis, and their threads with them; what is asked for meanwhile is taken, and carried after. */
const carriesOn = async (scene: Scene, hows: readonly string[]): Promise<void> => {
  const { parts } = scene
  const counts: Count[] = []
  for (const [n, how] of hows.entries()) {
    const running = await scene.ask(`running${n}`, Math.ceil((awayMs + 10_000) / 150))
    counts.push(running)
    await scene.printed(running, 5)
    const { begin, end } = outages[how]!
    await begin(scene)
    const over = pause(awayMs)
    const asked = await scene.ask(`asked${n}`, 5)
    assert.equal(asked.tries, 1)
    counts.push(asked)
    await Promise.all([
      scene.untilAway('redis'),
      scene.announced(asked),
      scene.printed(running, 30),
      scene.shows(running, 30),
    ])
    assert.equal((await parts.web.api('/jobs')).status, 200)
    await over
    await end(scene)
    await scene.untilReady()
  }

  for (let n = 0; n < 4; n++) counts.push(await scene.ask(`flushed${n}`, 5))
  await Promise.all(counts.slice(-4).map(scene.announced))
  await parts.redis.flush()
  counts.push(await scene.ask('after', 5))
  await scene.allWell(counts, new Map())
}

const hows = process.env.SOAK ? Object.keys(outages) : ['is killed']

void describe('Redis is away', { skip: missing ?? false }, () => {
  test(`it ${hows.join(', then ')}, and is flushed in the end`, async () => {
    await using scene = await openScene('http')
    try {
      await carriesOn(scene, hows)
    } catch (error) {
      console.log(scene.parts.printed())
      throw error
    }
  })
})
