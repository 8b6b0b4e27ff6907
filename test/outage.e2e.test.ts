import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { engine, skipOf } from './engines.ts'
import { until } from './house.ts'
import type { Count, Scene } from './outage.ts'
import { openScene } from './outage.ts'

const engines = ['bubblewrap', 'redis', 'mongo-java-server'] as const
const [missing] = (await Promise.all(engines.map(engine))).flatMap(found => skipOf(found) || [])
/** How long the database is away at least. */
const awayMs = process.env.SOAK ? 60_000 : 12_000

/** Nobody waits longer than this for an answer that says no. */
const patienceMs = 6500

/** What a page and the API say while the database is away, and how soon. */
const seesNoDatabase = async ({ parts }: Scene): Promise<void> => {
  const { url } = parts.web
  const cookie = { cookie: 'bellhop_session=somebody' }
  for (const look of [() => parts.web.api('/jobs'), () => fetch(`${url}/jobs`, { headers: cookie })]) {
    const asked = performance.now()
    const answer = await look()
    assert.equal(answer.status, 503)
    assert.match(await answer.text(), /cannot reach its database right now/)
    assert.ok(performance.now() - asked < patienceMs)
  }
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
}

const toldOnce = (scene: Scene, count: Count, text: RegExp) =>
  until(`${text} in the thread of ${count.name}`, async () => {
    const said = (await scene.slack.texts(count.channel, count.ts)).filter(one => text.test(one))
    assert.ok(said.length <= 1, said.join('\n'))
    return said.length === 1
  })

interface Outage {
  begin(scene: Scene): void
  end(scene: Scene): void
}

const outages: Readonly<Record<string, Outage>> = {
  'stands still': {
    begin: ({ parts }) => parts.mongo.stop(),
    end: ({ parts }) => parts.mongo.resume(),
  },
  'refuses its connections': {
    begin: ({ toMongo }) => toMongo.refuse(),
    end: ({ toMongo }) => toMongo.restore(),
  },
  'says nothing more on them': {
    begin: ({ toMongo }) => toMongo.stall(),
    end: ({ toMongo }) => toMongo.restore(),
  },
}

/** Jobs go on through one outage after another, and people go on asking. */
const carriesOn = async (scene: Scene, hows: readonly string[]): Promise<void> => {
  const { slack } = scene
  const lines = Math.ceil((hows.length * (awayMs + 3000)) / 150) + 20
  const running = await Promise.all(['one', 'two'].map(name => scene.ask(name, lines)))
  for (const count of running) await scene.printed(count, 5)
  const counts = [...running, await scene.ask('three', 5)]
  const told = new Map<Count, number>()

  for (const how of hows) {
    for (const count of counts) {
      await scene.announced(count)
      told.set(count, (told.get(count) ?? 0) + 1)
    }
    const { begin, end } = outages[how]!
    begin(scene)
    const over = pause(awayMs)
    // Slack waits for what it sends, so it is not waited for here.
    const asking = scene.ask(`asked-${counts.length}`, 5)
    const command = await slack.command({ text: 'sh echo never' })
    assert.match(command.body, /cannot reach its database right now, so this was not taken. Try again/)
    await Promise.all([
      scene.untilAway('mongodb'),
      seesNoDatabase(scene),
      ...counts.map(count => toldOnce(scene, count, /cannot reach its database/)),
    ])
    await over
    end(scene)
    await scene.untilReady()
    const asked = await asking
    assert.ok(asked.tries > 1, 'an event was acknowledged that could not be stored')
    counts.push(asked)
  }
  await scene.allWell(counts, told)
  for (const count of running)
    assert.equal(
      (await slack.texts(count.channel, count.ts)).filter(text => /could not reach its database/.test(text))
        .length,
      hows.length,
    )
}

const cases = process.env.SOAK
  ? (['http', 'sockets'] as const).map(mode => ({ mode, hows: Object.keys(outages) }))
  : ([
      { mode: 'http', hows: ['stands still'] },
      { mode: 'sockets', hows: ['refuses its connections', 'says nothing more on them'] },
    ] as const)

void describe('MongoDB is away', { skip: missing ?? false, concurrency: true }, () => {
  for (const { mode, hows } of cases)
    test(`Slack by ${mode}: it ${hows.join(', then ')}`, async () => {
      await using scene = await openScene(mode)
      try {
        await carriesOn(scene, hows)
      } catch (error) {
        console.log(scene.parts.printed())
        throw error
      }
    })
})
