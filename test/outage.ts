import assert from 'node:assert/strict'
import { openMongo } from '../store/mongo.ts'
import { until } from './house.ts'
import type { Parts } from './parts.ts'
import { startParts } from './parts.ts'
import type { Way } from './proxy.ts'
import { openProxy } from './proxy.ts'
import type { Slack } from './slack.ts'
import { openTestSlack } from './slack.ts'
import type { SocketSlack } from './slack-socket.ts'
import { openSocketSlack } from './slack-socket.ts'

/** A job as the API tells of it. */
interface Job {
  readonly id: string
  readonly state: string
  readonly prompt: string
  readonly conversation: string
}

/** A job that counts, and the thread in which it was asked for. */
export interface Count {
  readonly channel: string
  /** The message that asked, by which the thread is known. */
  readonly ts: string
  readonly name: string
  readonly lines: number
  /** How often Slack had to send what asked for it. */
  readonly tries: number
}

/** How ready a role is: the status of its answer, and the names of the engines that do not answer it. */
export interface Readiness {
  readonly status: number
  readonly away: readonly string[]
}

/** An installation in parts, with a way of its own to each engine, used from Slack. */
export interface Scene extends AsyncDisposable {
  readonly parts: Parts
  readonly slack: Slack | SocketSlack
  readonly toMongo: Way
  readonly toRedis: Way
  /** Mentions the bot in a thread of its own, for a job that prints so many numbered lines, seven a second. */
  ask(name: string, lines: number): Promise<Count>
  /** Resolves once the bot has said something in the thread. */
  announced(count: Count): Promise<unknown>
  /** Resolves once a job has printed its line of this number, by the log, or shows it or a later one in its thread. */
  printed(count: Count, line: number): Promise<unknown>
  shows(count: Count, line: number): Promise<unknown>
  /** Of every role, by its name. */
  readiness(): Promise<Readonly<Record<string, Readiness>>>
  /** Resolves once every role is ready, or once every one says that this engine is away. */
  untilReady(): Promise<unknown>
  untilAway(engine: string): Promise<unknown>
  /**
   * Waits for every one of these jobs to be shown as done, and sees that all is as if nothing had been: one job for each that
   * was asked for, every line once and in order, each message posted once, but for `told` about the outage in each of these
   * threads; nothing dead, no process ended.
   */
  allWell(counts: readonly Count[], told: ReadonlyMap<Count, number>): Promise<void>
}

/** Opens the installation, with Slack over HTTP or by sockets. An event that is not taken comes again after a second or two. */
export const openScene = async (mode: 'http' | 'sockets'): Promise<Scene> => {
  await using opening = new AsyncDisposableStack()
  const pausesMs = Array<number>(100).fill(1500)
  const toMongo = opening.use(await openProxy())
  const toRedis = opening.use(await openProxy())
  const socket = mode === 'sockets' ? opening.use(await openSocketSlack({ pausesMs })) : undefined
  const slack = socket ?? opening.use(await openTestSlack({ pausesMs }))
  const parts = opening.use(
    await startParts(
      {
        SANDBOX: 'bubblewrap',
        RUNNER_CONCURRENCY: '2',
        SLACK_API_URL: slack.apiUrl,
        SLACK_BOT_TOKEN: slack.token,
        ...(socket ? { SLACK_APP_TOKEN: socket.appToken } : { SLACK_SIGNING_SECRET: slack.signingSecret }),
      },
      { mongoUrl: url => toMongo.by(url), redisUrl: url => toRedis.by(url) },
    ),
  )
  const ends = new Map<string, unknown>()
  for (const [name, { over }] of parts.running) over.then(how => ends.set(name, how))
  if (socket) await until('a socket', async () => socket.sockets > 0)
  else slack.sendTo(`${parts.web.url}/slack/events`)
  await parts.web.api('/workspaces', { method: 'POST', body: '{"name":"counted"}' })

  const readiness = async () => {
    const found = [...parts.running].map(async ([name, { url }]): Promise<[string, Readiness]> => {
      const answer = await fetch(`${url}/readyz`)
      const { engines } = (await answer.json()) as { engines: { name: string; ok: boolean }[] }
      return [name, { status: answer.status, away: engines.flatMap(({ name, ok }) => (ok ? [] : [name])) }]
    })
    return Object.fromEntries(await Promise.all(found))
  }
  const jobs = async () =>
    ((await (await parts.web.api('/jobs?limit=200')).json()) as { items: readonly Job[] }).items
  const jobsOf = async ({ name }: Count) => (await jobs()).filter(({ prompt }) => prompt.includes(`${name}-`))
  const linesOf = async (count: Count): Promise<readonly string[]> => {
    const [job] = await jobsOf(count)
    if (!job) return []
    const answer = await parts.web.api(`/jobs/${job.id}/events`)
    const { items } = (await answer.json()) as { items: { type: string; text?: string }[] }
    const said = items.flatMap(({ type, text }) => (type === 'said' && text ? [text] : []))
    return said.join('').split('\n').filter(Boolean)
  }

  const opened = opening.move()
  return {
    ...{ parts, slack, toMongo, toRedis, readiness },
    ask: async (name, lines) => {
      const [channel] = slack.channels
      const text = `sh for n in $(seq ${lines}); do echo ${name}-$n; sleep 0.15; done`
      const { ts, sent } = await slack.mention({ channel, text })
      return { channel, ts, name, lines, tries: Math.max(...sent.map(({ tries }) => tries)) }
    },
    announced: ({ name, channel, ts }) =>
      until(`${name} to be announced`, async () => (await slack.texts(channel, ts)).length > 1),
    printed: (count, line) =>
      until(
        `${count.name} to print its line ${line}`,
        async () => (await linesOf(count)).includes(`${count.name}-${line}`),
        60_000,
      ),
    shows: ({ name, channel, ts }, line) =>
      until(`the thread of ${name} to show line ${line}`, async () => {
        const said = (await slack.texts(channel, ts)).join('\n')
        return [...said.matchAll(new RegExp(`^${name}-(\\d+)$`, 'gm'))].some(([, n]) => Number(n) >= line)
      }),
    untilReady: () =>
      until('every role to be ready', async () =>
        Object.values(await readiness()).every(({ status }) => status === 200),
      ),
    untilAway: engine =>
      until(`every role to miss ${engine}`, async () =>
        Object.values(await readiness()).every(({ status, away }) => status === 503 && away.includes(engine)),
      ),
    allWell: async (counts, told) => {
      for (const count of counts) {
        const { channel, ts, name, lines } = count
        await until(
          `${name} to be shown as done`,
          async () => (await slack.texts(channel, ts)).some(text => /Done/.test(text)),
          90_000,
        )
        const wanted = Array.from({ length: lines }, (_, n) => `${name}-${n + 1}`)
        assert.deepEqual(await linesOf(count), wanted)
        assert.deepEqual(
          (await jobsOf(count)).map(({ state }) => state),
          ['succeeded'],
        )
      }
      assert.equal((await jobs()).length, counts.length)
      await using store = await openMongo({ url: parts.mongo.url })
      const wants = await until('all to be shown', async () => {
        const rows = await store.find('outbox', { limit: 1000 })
        return rows.every(({ state }) => state === 'shown') && rows
      })
      for (const count of counts) {
        const [job] = await jobsOf(count)
        const own = wants.filter(({ conversation }) => conversation === job?.conversation)
        const posts = slack.calls.filter(
          call => call.ok && call.method === 'chat.postMessage' && call.thread === count.ts,
        )
        assert.equal(
          posts.length,
          own.length + (told.get(count) ?? 0),
          posts.map(({ text }) => text).join('\n'),
        )
      }
      assert.equal(await store.count('inbox', { platform: 'slack', state: 'dead' }), 0)
      assert.deepEqual([...ends], [])
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
