import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Witness } from './boxwatch.ts'
import { watchBoxes } from './boxwatch.ts'
import { engine, skipOf } from './engines.ts'
import { startHouse, until } from './house.ts'
import type { Slack } from './slack.ts'
import { openTestSlack } from './slack.ts'

const skip = skipOf(await engine('bubblewrap'))

/** Every write between a message and the end of its thread, in order. A mention meets all of them. */
const writes = [
  'inbox new',
  'turn',
  'job',
  'announced',
  'queued',
  'ticket',
  'inbox done',
  'started',
  'box',
  'opened',
  'exited',
  'push',
  'committed',
  'merge',
  'merged',
  'released',
  'ended',
  'folded',
  'outbox',
  'post',
  'shown',
  'delivery',
  'edit',
]
const randomKills = process.env.SOAK ? 60 : 4
/** A channel takes one post a second and a team 45 edits a minute: what a long run leaves to be told wants both. */
const channels = process.env.SOAK ? 40 : 3
const patienceMs = process.env.SOAK ? 600_000 : 60_000
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)

/** Numbers from 0 to 1 that the seed decides (mulberry32). */
const random = (() => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
})()

interface Job {
  readonly id: string
  readonly state: string
  readonly prompt: string
  readonly runs: number
  readonly conversation: string
  readonly summary: string
}

/** One data folder, one Slack, and a Bellhop that is killed and started again over and over. */
void describe(`kill -9 (seed ${seed})`, { skip }, () => {
  const entry = join(import.meta.dirname, 'chaos-entry.ts')
  let slack: Slack
  let witness: Witness
  let data: string
  let port: number
  let number = 0
  const ours = new Set<string>()

  before(async () => {
    slack = await openTestSlack({ pausesMs: [100, 200, 400, 800, 1600, 3200, 6400], channels })
    witness = watchBoxes()
    data = await mkdtemp(join(tmpdir(), 'bellhop-chaos-'))
    port = await freePort()
    slack.sendTo(`http://127.0.0.1:${port}/slack/events`)
  })
  after(async () => {
    await witness[Symbol.asyncDispose]()
    await slack[Symbol.asyncDispose]()
    await rm(data, { recursive: true })
  })

  const start = (KILL_AFTER = '') =>
    startHouse(
      {
        BELLHOP_DATA: data,
        PORT: String(port),
        SANDBOX: 'bubblewrap',
        AGENT: 'command',
        KILL_AFTER,
        SLACK_BOT_TOKEN: slack.token,
        SLACK_SIGNING_SECRET: slack.signingSecret,
        SLACK_API_URL: slack.apiUrl,
      },
      { entry },
    )
  type House = Awaited<ReturnType<typeof start>>

  /** Mentions the bot in a thread of its own, and gives what was said, where, and whether it was acknowledged. */
  const ring = async () => {
    const name = `round ${++number}`
    const channel = slack.channels[number % slack.channels.length] ?? slack.channels[0]
    const { ts, sent } = await slack.mention({
      channel,
      text: `sh echo '${name}' >> ${number}.txt; echo '${name} done'`,
    })
    return { name, ts, acknowledged: sent.some(({ status }) => status === 200) }
  }
  type Rung = Awaited<ReturnType<typeof ring>>

  /** What the bot's messages in a thread say now, by the calls that made and changed them. */
  const textsOf = (thread: string): readonly string[] => {
    const texts = new Map<string | undefined, string>()
    for (const { method, ok, ts, text, ...call } of slack.calls)
      if (ok && (texts.has(ts) || (method === 'chat.postMessage' && call.thread === thread)))
        texts.set(ts, text)
    return [...texts.values()]
  }

  /** What must hold of each message once the house has been left alone. */
  const check = async (house: House, { name, ts, acknowledged }: Rung, kills: number) => {
    assert.ok(acknowledged, `${name} was never acknowledged`)
    let seen = 'no job'
    const job = await until(
      `${name} to end`,
      async () => {
        const { items } = (await (await house.api('/jobs?limit=200')).json()) as { items: readonly Job[] }
        const found = items.filter(({ prompt }) => prompt.includes(`'${name}'`))
        assert.ok(found.length <= 1, `${name} became ${found.length} jobs`)
        seen = found.map(({ id, state, runs }) => `${id}, ${state}, run ${runs}`).join() || seen
        return found.find(({ state }) => ['succeeded', 'failed', 'cancelled', 'timed_out'].includes(state))
      },
      patienceMs,
    ).catch(cause => {
      throw new Error(`${name} did not end (${seen}).\n${house.printed()}`, { cause })
    })
    // A job whose worker was lost three times is given up, and says so; one kill never comes to that.
    const givenUp = kills >= 3 && job.state === 'failed' && /lost 3 times/.test(job.summary)
    if (!givenUp) assert.equal(job.state, 'succeeded', `${name}: ${job.summary}`)
    const last = givenUp ? /lost 3 times/ : new RegExp(`${name} done`)
    const log = (await (await house.api(`/jobs/${job.id}/events`)).json()) as {
      items: readonly { seq: number; type: string }[]
    }
    assert.deepEqual(
      log.items.map(({ seq }) => seq),
      log.items.map((_, n) => n + 1),
      `${name}: a gap in the log`,
    )
    assert.equal(log.items.filter(({ type }) => type === 'ended').length, 1)
    assert.equal(log.items.at(-1)?.type, 'ended')
    await until(
      `the thread of ${name} to tell its end`,
      async () => {
        const texts = textsOf(ts)
        const over = givenUp ? /Failed/ : /Done/
        return texts.some(text => last.test(text)) && texts.filter(text => over.test(text)).length >= 2
      },
      patienceMs,
    )
    const posts = slack.calls.filter(
      call => call.method === 'chat.postMessage' && call.ok && call.thread === ts,
    )
    const shown = (await (await house.api(`/conversations/${job.conversation}/messages`)).json()) as {
      items: readonly { by: string }[]
    }
    const slots = shown.items.filter(({ by }) => by === 'bellhop').length
    assert.ok(
      posts.length <= slots + kills,
      `${name}: ${posts.length} posts for ${slots} messages and ${kills} kills`,
    )
    ours.add(job.id)
  }

  for (const write of writes)
    test(`after the write "${write}" nothing is lost and nothing is done twice`, async () => {
      const doomed = await start(write)
      const rung = ring()
      assert.equal(await doomed.over, 'SIGKILL')
      await using house = await start()
      await check(house, await rung, 1)
      assert.deepEqual(
        witness.overlaps.filter(({ job }) => ours.has(job)),
        [],
      )
      assert.equal(await house.stop(), 0, house.printed())
    })

  test(`${randomKills} kills at random moments, with messages arriving all the while, lose nothing`, async () => {
    const rung: Promise<Rung>[] = []
    for (let kill = 0; kill < randomKills; kill++) {
      await using doomed = await start()
      rung.push(ring(), ring())
      await new Promise(resolve => setTimeout(resolve, random() * 1500))
      rung.push(ring())
      await doomed.stop('SIGKILL')
    }
    await using house = await start()
    // What was never acknowledged was never taken in: Slack would go on sending it for longer than this does.
    const taken = (await Promise.all(rung)).filter(({ acknowledged }) => acknowledged)
    assert.ok(taken.length >= rung.length * 0.9, `${taken.length} of ${rung.length} were acknowledged`)
    for (const one of taken) await check(house, one, randomKills)
    assert.deepEqual(
      witness.overlaps.filter(({ job }) => ours.has(job)),
      [],
    )
    assert.ok([...ours].every(job => witness.seen.has(job)))
    assert.equal(await house.stop(), 0, house.printed())
  })
})

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
