import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readConfig } from '../config.ts'
import type { Engines, House } from '../main.ts'
import { openEngines, openHouse } from '../main.ts'
import { offerLogin } from '../runner/logins.ts'
import { openBubblewrap } from '../sandbox/bubblewrap.ts'
import { until } from './house.ts'
import type { Slack } from './slack.ts'
import { openTestSlack } from './slack.ts'
import { signed } from './slack-sender.ts'

/** A house whose host has no bubblewrap, in a team whose people may only look. */
void describe('what cannot be done', () => {
  let slack: Slack
  let engines: Engines
  let house: House
  let data: string

  before(async () => {
    slack = await openTestSlack({ pausesMs: [] })
    data = await mkdtemp(join(tmpdir(), 'bellhop-refusals-'))
    const config = readConfig({
      BELLHOP_DATA: data,
      PORT: '0',
      DEFAULT_ROLE: 'viewer',
      ADMINS: `slack:${slack.team}:${slack.people.bob}`,
      AGENT: 'command',
      LOG_LEVEL: 'silent',
      SLACK_BOT_TOKEN: slack.token,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
    })
    engines = await openEngines(config)
    const nowhere = openBubblewrap({ folder: join(data, 'boxes'), bwrap: join(data, 'no', 'bwrap') })
    house = await openHouse(config, { ...engines, sandboxes: [nowhere] })
    slack.sendTo(`${house.url}/slack/events`)
    assert.equal((await house.sandbox).name, undefined)
    await until(
      'the runner to say what it can do',
      async () => (await engines.store.count('runners', {})) > 0,
    )
  })
  after(async () => {
    assert.equal(await engines.store.count('jobs', {}), 0)
    await house[Symbol.asyncDispose]()
    await engines[Symbol.asyncDispose]()
    await slack[Symbol.asyncDispose]()
    await rm(data, { recursive: true })
  })

  /** Posts to the API as the admin, and gives the problem it answers. */
  const problem = async (path: string, body: string) => {
    const headers = { authorization: `Bearer ${house.adminToken}`, 'content-type': 'application/json' }
    const response = await fetch(`${house.url}/api/v1${path}`, { method: 'POST', headers, body })
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    return (await response.json()) as { status: number; detail: string; field?: string }
  }
  const job = (fields: object) => problem('/jobs', JSON.stringify({ prompt: 'ls', ...fields }))

  test('no sandbox: each job is refused with a sentence, in the thread and by the API', async () => {
    const [channel] = slack.channels
    const { ts } = await slack.mention({ from: 'bob', channel, text: 'sh ls' })
    await until('the sentence', async () =>
      (await slack.texts(channel, ts)).some(text => /No sandbox is available/.test(text)),
    )
    const refused = await job({})
    assert.equal(refused.status, 503)
    assert.match(refused.detail, /No sandbox is available.*bubblewrap/i)
  })

  test('a viewer who runs something is told that they may only look', async () => {
    const [, channel] = slack.channels
    const { ts } = await slack.mention({ channel, text: 'sh ls' })
    await until('the sentence', async () =>
      (await slack.texts(channel, ts)).some(text => /look here but not run/.test(text)),
    )
  })

  const bad: readonly [
    string,
    () => Promise<{ status: number; detail: string; field?: string }>,
    number,
    string | undefined,
    RegExp,
  ][] = [
    ['broken JSON', () => problem('/jobs', '{"prompt": '), 400, undefined, /JSON/],
    ['a missing prompt', () => problem('/jobs', '{}'), 400, 'prompt', /prompt/],
    ['an empty prompt', () => job({ prompt: ' ' }), 400, 'prompt', /missing/],
    ['an unknown field', () => job({ promt: 'x' }), 400, 'promt', /promt/],
    ['priority 99', () => job({ priority: 99 }), 400, 'priority', /0 .*9/],
    ['a negative budget', () => job({ budgetUsd: -1 }), 400, 'budgetUsd', /above 0/],
    ['an unknown agent', () => job({ agent: 'gpt' }), 400, 'agent', /command/],
    [
      'a prompt past 50,000 characters',
      () => job({ prompt: 'x'.repeat(50_001) }),
      400,
      'prompt',
      /50,000.*file/,
    ],
    ['a body of 2 MB', () => job({ prompt: 'x'.repeat(2 * 1024 * 1024) }), 413, undefined, /1 MB.*file/],
  ]
  for (const [what, ask, status, field, sentence] of bad)
    test(`${what} is refused by a problem that names the field and the way out`, async () => {
      const refused = await ask()
      assert.equal(refused.status, status)
      assert.equal(refused.field, field)
      assert.match(refused.detail, sentence)
    })

  test('an unknown workspace is named, once there is something to run on', async () => {
    const until = new Date(Date.now() + 60_000).toISOString()
    await engines.store.put('runners', { _id: 'able', rev: 0, sandbox: 'test', agents: ['command'], until })
    const refused = await job({ workspace: 'nowhere' })
    assert.deepEqual([refused.status, refused.field], [404, 'workspace'])
    await engines.store.drop('runners', 'able')
  })

  test('an expired login link, and one that was used, are told as such', async () => {
    const old = await offerLogin(engines.store, 'admin', new Date(Date.now() - 16 * 60_000))
    const used = await offerLogin(engines.store, 'admin', new Date())
    const press = (secret: string) =>
      fetch(`${house.url}/login/${secret}`, {
        method: 'POST',
        redirect: 'manual',
        headers: { origin: house.url },
      })
    assert.equal((await press(used)).status, 303)
    for (const secret of [old, used]) {
      const answer = await press(secret)
      assert.ok(answer.status >= 400)
      assert.match(await answer.text(), /expired|used/)
    }
  })

  test('a forged and a stale signature are refused, and nothing is stored', async () => {
    const before = await engines.store.count('inbox', {})
    const body = JSON.stringify({
      type: 'event_callback',
      api_app_id: 'A',
      team_id: 'T',
      event_id: 'E',
      event: { type: 'message' },
    })
    for (const headers of [signed('another secret', body), signed(slack.signingSecret, body, 6 * 60_000)]) {
      const answer = await fetch(`${house.url}/slack/events`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', ...headers },
      })
      assert.equal(answer.status, 401)
      assert.match(await answer.text(), /signature|signed/i)
    }
    assert.equal(await engines.store.count('inbox', {}), before)
  })
})
