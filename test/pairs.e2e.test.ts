import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openBrowser } from './browser.ts'
import { openTestDiscord } from './discord.ts'
import { engine, skipOf } from './engines.ts'
import type { RunningHouse } from './house.ts'
import { startHouse, until } from './house.ts'
import { startParts } from './parts.ts'
import { openTestSlack } from './slack.ts'
import { openSocketSlack } from './slack-socket.ts'

const chromium = await engine('chromium')

type Env = Readonly<Record<string, string>>
type Web = Pick<RunningHouse, 'url' | 'api' | 'printed'>

/** A chat as one person uses it. */
interface Chat extends AsyncDisposable {
  /** What the server is told of the chat. */
  readonly env: Env
  /** Types `/hop <text>` and gives what the thread has shown so far, each text that any message ever had. */
  ring(web: Web, text: string): Promise<() => Promise<readonly string[]>>
}

const slackOverHttp = async (): Promise<Chat> => {
  const slack = await openTestSlack()
  return {
    env: {
      SLACK_BOT_TOKEN: slack.token,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
    },
    ring: async (web, text) => {
      slack.sendTo(`${web.url}/slack/events`)
      assert.equal((await slack.command({ text })).status, 200)
      return async () => slack.calls.flatMap(call => (call.ok && call.text ? [call.text] : []))
    },
    [Symbol.asyncDispose]: () => slack[Symbol.asyncDispose](),
  }
}

const slackOverSockets = async (): Promise<Chat> => {
  const slack = await openSocketSlack()
  return {
    env: { SLACK_BOT_TOKEN: slack.token, SLACK_APP_TOKEN: slack.appToken, SLACK_API_URL: slack.apiUrl },
    ring: async (_, text) => {
      await until('a socket', async () => slack.sockets > 0)
      await slack.command({ text })
      return async () => slack.calls.flatMap(call => (call.ok && call.text ? [call.text] : []))
    },
    [Symbol.asyncDispose]: () => slack[Symbol.asyncDispose](),
  }
}

const browser = async (): Promise<Chat> => {
  assert.ok(chromium.ok)
  const opened = await openBrowser(chromium.path)
  return {
    env: {},
    ring: async (web, text) => {
      const page = await opened.newPage()
      await page.goto(/(http\S+\/login\/\S+)/.exec(web.printed())?.[1] ?? '')
      await page.getByRole('button', { name: /log in/i }).click()
      await page.getByRole('link', { name: 'Chat', exact: true }).click()
      await page.getByRole('textbox').fill(`/hop ${text}`)
      await page.getByRole('button', { name: 'Send' }).click()
      const seen = new Set<string>()
      return async () => [...seen.add((await page.locator('main').textContent()) ?? '')]
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

const discord = async (): Promise<Chat> => {
  const opened = await openTestDiscord()
  return {
    env: {
      DISCORD_TOKEN: opened.token,
      DISCORD_APPLICATION_ID: opened.application,
      DISCORD_API_URL: opened.apiUrl,
      DEFAULT_ROLE: 'member',
    },
    ring: async (_, text) => {
      await until('the commands', async () => opened.registered().length > 0)
      opened.command({ sub: 'sh', options: { command: text.replace(/^sh /, '') } })
      return async () => opened.calls.flatMap(({ body }) => contentOf(body))
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

const contentOf = (body: unknown): readonly string[] => {
  const { content } = (body ?? {}) as { readonly content?: unknown }
  return typeof content === 'string' ? [content] : []
}

interface Job {
  readonly id: string
  readonly state: string
  readonly prompt: string
  readonly workspace: string
}

/** Rings once and sees the job acknowledged, updated and ended in the thread, and its commit in the workspace. */
const ringOnce = async (chat: Chat, web: Web): Promise<void> => {
  const texts = await chat.ring(web, 'sh echo rung > rung.txt; sleep 3; echo all good')
  const shown = (pattern: RegExp) =>
    until(`${pattern} in the thread`, async () => (await texts()).some(text => pattern.test(text)))
  await shown(/Queued|Starting|Running/)
  await shown(/Done[\s\S]*all good/)
  const { items } = (await (await web.api('/jobs')).json()) as { items: readonly Job[] }
  assert.deepEqual(
    items.map(job => job.state),
    ['succeeded'],
  )
  const file = await web.api(`/workspaces/${items[0]?.workspace}/files/rung.txt`)
  assert.equal(await file.text(), 'rung\n')
}

const chats = [
  { name: 'Slack over HTTP', open: slackOverHttp, skip: false },
  { name: 'Slack over sockets', open: slackOverSockets, skip: false },
  { name: 'Discord', open: discord, skip: false },
  { name: 'the browser', open: browser, skip: skipOf(chromium) },
] as const

void describe('one process, its own folder, bubblewrap', {
  skip: skipOf(await engine('bubblewrap')),
}, () => {
  for (const { name, open, skip } of chats)
    test(`${name}: a command becomes a commit, and the thread tells it all`, { skip }, async () => {
      const data = await mkdtemp(join(tmpdir(), 'bellhop-pairs-'))
      await using chat = await open()
      await using house = await startHouse({ BELLHOP_DATA: data, SANDBOX: 'bubblewrap', ...chat.env })
      await ringOnce(chat, house)
      assert.equal(await house.stop(), 0, house.printed())
      await rm(data, { recursive: true })
    })
})

const engines = ['redis', 'mongo-java-server', 'docker'] as const
const [missing] = (await Promise.all(engines.map(engine))).flatMap(found => skipOf(found) || [])

void describe('web, bot, runner and gateway as processes of their own, over Redis, MongoDB and Docker', {
  skip: missing ?? false,
}, () => {
  for (const { name, open, skip } of chats)
    test(`${name}: a command becomes a commit, and the thread tells it all`, { skip }, async () => {
      await using chat = await open()
      await using parts = await startParts(chat.env)
      await ringOnce(chat, parts.web)
      for (const role of ['bot', 'runner', 'gateway', 'web'])
        assert.equal(await parts.end(role, 'SIGTERM'), 0, parts.printed())
    })
})
