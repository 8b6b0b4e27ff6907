import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { openWeb } from '../test/web.ts'
import { openApp } from './app.ts'

const asJson = { 'content-type': 'application/json' }
const event = JSON.stringify({
  api_app_id: 'A1',
  team_id: 'T1',
  event_id: 'Ev1',
  event: { type: 'app_mention', channel: 'C1', ts: '171.3', text: 'hällo' },
})

/** A request as Slack signs it. */
const signed = (body: string, headers: Record<string, string> = asJson, ageSeconds = 0, secret = 'shh') => {
  const timestamp = String(Math.floor(Date.now() / 1000) - ageSeconds)
  const digest = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')
  const signature = { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': `v0=${digest}` }
  return { method: 'POST', body, headers: { ...headers, ...signature } }
}

test('an envelope is stored before it is acknowledged, and its repeats are acknowledged and dropped', async () => {
  await using web = await openWeb()
  const send = (n: number) => {
    const { headers, ...rest } = signed(event)
    return web.app.request('/slack/events', {
      ...rest,
      headers: { ...headers, 'x-slack-retry-num': String(n) },
    })
  }
  const answers = await Promise.all([1, 2, 3, 4, 5].map(send))
  for (const answer of answers) assert.deepEqual([answer.status, await answer.text()], [200, ''])
  const stored = await web.store.find('inbox', {
    where: { platform: 'slack', state: 'new' },
    by: 'receivedAt',
  })
  assert.equal(stored.length, 1)
  assert.deepEqual(stored[0]?.body, { body: JSON.parse(event), retryNum: 1 })
})

test('a command and a press come as forms', async () => {
  await using web = await openWeb()
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const command = new URLSearchParams({
    api_app_id: 'A1',
    team_id: 'T1',
    trigger_id: 't1',
    command: '/hop',
    text: 'help',
  })
  const press = new URLSearchParams({ payload: '{"api_app_id":"A1","team":{"id":"T1"},"trigger_id":"t2"}' })
  for (const body of [command, press])
    assert.equal((await web.app.request('/slack/events', signed(String(body), form))).status, 200)
  assert.equal(await web.store.count('inbox', { platform: 'slack', state: 'new' }), 2)
})

test('the challenge is answered and the certificate check too, with nothing stored', async () => {
  await using web = await openWeb()
  const challenge = await web.app.request(
    '/slack/events',
    signed('{"type":"url_verification","challenge":"c"}'),
  )
  assert.deepEqual(await challenge.json(), { challenge: 'c' })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal((await web.app.request('/slack/events', signed('ssl_check=1', form))).status, 200)
  assert.equal(await web.store.count('inbox', {}), 0)
})

test('a forged and a stale signature are refused with a sentence, and nothing is stored', async () => {
  await using web = await openWeb()
  const unsigned = { method: 'POST', body: event, headers: asJson }
  const changed = { ...signed(event), body: event.replace('171.3', '171.4') }
  for (const request of [
    signed(event, asJson, 0, 'guess'),
    signed(event, asJson, 301),
    signed(event, asJson, -301),
    unsigned,
    changed,
  ]) {
    const refused = await web.app.request('/slack/events', request)
    assert.equal(refused.status, 401)
    assert.match(
      ((await refused.json()) as { detail: string }).detail,
      /^The signature .*five minutes off\.$/,
    )
  }
  assert.equal(await web.store.count('inbox', {}), 0)
})

void describe('while the database is away', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = {
    response_type: 'ephemeral',
    text: 'Bellhop cannot reach its database right now, so this was not taken. Try again in a minute.',
  }
  const command = String(
    new URLSearchParams({ api_app_id: 'A1', team_id: 'T1', trigger_id: 't1', command: '/hop', text: 'help' }),
  )
  const press = (more: object) =>
    String(
      new URLSearchParams({
        payload: JSON.stringify({
          type: 'block_actions',
          api_app_id: 'A1',
          team: { id: 'T1' },
          trigger_id: 't2',
          ...more,
        }),
      }),
    )
  const away = {
    'fails at once': () => Promise.reject(new Error('The disk is full.')),
    'never answers': () => new Promise<never>(() => {}),
  }
  for (const [how, put] of Object.entries(away)) {
    const open = async () => {
      await using opening = new AsyncDisposableStack()
      const web = opening.use(await openWeb())
      const broken = opening.use(await openWeb({ store: { ...web.store, put } }))
      const opened = opening.move()
      return { app: broken.app, [Symbol.asyncDispose]: () => opened.disposeAsync() }
    }

    test(`it ${how}: an event is not acknowledged in time for Slack to come again`, async () => {
      await using web = await open()
      const started = Date.now()
      assert.equal((await web.app.request('/slack/events', signed(event))).status, 503)
      assert.ok(Date.now() - started < 3000)
    })

    test(`it ${how}: a command is answered with a sentence for its person alone`, async () => {
      await using web = await open()
      const response = await web.app.request('/slack/events', signed(command, form))
      assert.equal(response.status, 200)
      assert.deepEqual(await response.json(), answer)
    })

    test(`it ${how}: who pressed a button is told by its response address, or by Slack's own warning`, async () => {
      await using web = await open()
      const told: unknown[] = []
      const hooks = createServer(async (request, response) => {
        told.push(await json(request))
        response.writeHead(told.length === 1 ? 200 : 404).end('ok')
      })
      hooks.listen(0, '127.0.0.1')
      await once(hooks, 'listening')
      const response_url = `http://127.0.0.1:${(hooks.address() as AddressInfo).port}/actions/1`
      const send = async (more: object) =>
        (await web.app.request('/slack/events', signed(press(more), form))).status
      try {
        assert.equal(await send({ response_url }), 200)
        assert.deepEqual(told, [{ ...answer, replace_original: false }])
        const [refused, without] = await Promise.all([send({ response_url }), send({})])
        assert.deepEqual([refused, without, told.length], [503, 503, 2])
      } finally {
        hooks.closeAllConnections()
        hooks.close()
      }
    })
  }
})

test('a body past 1 MB is refused before it is looked at', async () => {
  await using web = await openWeb()
  const large = await web.app.request('/slack/events', signed('a'.repeat(1_100_000)))
  assert.equal(large.status, 413)
})

test('without a signing secret there is no door for Slack', async () => {
  await using web = await openWeb()
  const { slack: _slack, ...parts } = web
  assert.equal((await openApp(parts).request('/slack/events', signed(event))).status, 401)
})
