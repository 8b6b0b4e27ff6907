import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Discord } from './discord.ts'
import { openTestDiscord } from './discord.ts'
import { engine, skipOf } from './engines.ts'
import { until } from './house.ts'
import type { Parts } from './parts.ts'
import { startParts } from './parts.ts'
import type { SocketSlack } from './slack-socket.ts'
import { openSocketSlack } from './slack-socket.ts'

const engines = ['redis', 'mongo-java-server'] as const
const [missing] = (await Promise.all(engines.map(engine))).flatMap(found => skipOf(found) || [])

interface Readyz {
  readonly engines: readonly { readonly name: string; readonly why?: string }[]
}

/** Two bots as processes of their own, on one Slack app by sockets and one Discord token. Nothing here needs a runner. */
void describe('two bots on one Slack app and one Discord token', { skip: missing ?? false }, () => {
  let slack: SocketSlack
  let discord: Discord
  let parts: Parts
  let asked = 0

  before(async () => {
    slack = await openSocketSlack()
    discord = await openTestDiscord()
    parts = await startParts(
      {
        SLACK_BOT_TOKEN: slack.token,
        SLACK_APP_TOKEN: slack.appToken,
        SLACK_API_URL: slack.apiUrl,
        DISCORD_TOKEN: discord.token,
        DISCORD_APPLICATION_ID: discord.application,
        DISCORD_API_URL: discord.apiUrl,
        DEFAULT_ROLE: 'member',
      },
      { roles: [] },
    )
    await Promise.all([parts.start('bot', 'one'), parts.start('bot', 'two')])
    await until('a socket of each bot', async () => slack.sockets === 2)
    await until('the one gateway', async () => discord.registered().length > 0)
  })
  after(async () => {
    await parts[Symbol.asyncDispose]()
    await discord[Symbol.asyncDispose]()
    await slack[Symbol.asyncDispose]()
  })

  /** Which bot does the talking, by its own word. */
  const talker = async (): Promise<string | undefined> => {
    for (const name of ['one', 'two']) {
      const house = parts.running.get(name)
      const answer = house && ((await (await fetch(`${house.url}/readyz`)).json()) as Readyz)
      const bot = answer?.engines.find(each => each.name === 'bot')
      if (bot && !bot.why) return name
    }
    return undefined
  }

  /** Asks for a job in Slack, and in a direct message of Discord, which is read forward after a cut; no runner carries it, so its one answer is that it waits. */
  const ask = async () => {
    const name = `thing ${++asked}.`
    await slack.mention({ text: name, channel: slack.channels[asked % slack.channels.length] })
    discord.say({ text: name, channel: discord.direct() })
    return name
  }
  const answersInSlack = (name: string) =>
    slack.calls.filter(call => call.method === 'chat.postMessage' && call.ok && call.text?.includes(name))
      .length
  const answersInDiscord = (name: string) =>
    discord.calls.filter(
      ({ method, status, body }) => method === 'POST' && status < 300 && String(body.content).includes(name),
    ).length
  const answered = async (names: readonly string[], withinMs: number) => {
    await until(
      'an answer to each',
      async () => names.every(name => answersInSlack(name) > 0 && answersInDiscord(name) > 0),
      withinMs,
    )
    for (const name of names)
      assert.deepEqual([name, answersInSlack(name), answersInDiscord(name)], [name, 1, 1], parts.printed())
  }

  test('each message has one answer, whichever socket brought it', async () => {
    const names: string[] = []
    for (let n = 0; n < 10; n++) names.push(await ask())
    await answered(names, 40_000)
    const connected = discord.calls.filter(({ path }) => path === '/gateway/bot')
    assert.equal(connected.length, 1, 'one process alone has the gateway')
  })

  test('when the one that talks is killed, the other answers within 15 s what was said meanwhile', async () => {
    const first = await until('a bot that talks', talker)
    const before = [await ask(), await ask()]
    await parts.end(first, 'SIGKILL')
    const begun = performance.now()
    const names = [...before, await ask(), await ask()]
    const second = await until('the other bot to talk', async () => {
      const name = await talker()
      return name !== first && name
    })
    assert.ok(performance.now() - begun < 15_000, `it took ${performance.now() - begun} ms`)
    assert.notEqual(second, first)
    await answered(names, 30_000)
  })

  test('the one that comes back waits, and takes over at once when the other stops', async () => {
    const second = await until('a bot that talks', talker)
    const first = second === 'one' ? 'two' : 'one'
    await parts.start('bot', first)
    await until('a socket of each bot', async () => slack.sockets === 2)
    assert.equal(await talker(), second)
    assert.equal(await parts.end(second, 'SIGTERM'), 0, parts.printed())
    const begun = performance.now()
    await until('the first to talk again', async () => (await talker()) === first)
    assert.ok(performance.now() - begun < 6000)
    await answered([await ask()], 30_000)
  })
})
