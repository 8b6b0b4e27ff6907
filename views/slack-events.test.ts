import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { openWeb } from '../test/web.ts'
import { openApp } from './app.ts'

const json = { 'content-type': 'application/json' }
const event = JSON.stringify({
  api_app_id: 'A1',
  team_id: 'T1',
  event_id: 'Ev1',
  event: { type: 'app_mention', channel: 'C1', ts: '171.3', text: 'hällo' },
})

/** A request as Slack signs it. */
const signed = (body: string, headers: Record<string, string> = json, ageSeconds = 0, secret = 'shh') => {
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
  const unsigned = { method: 'POST', body: event, headers: json }
  const changed = { ...signed(event), body: event.replace('171.3', '171.4') }
  for (const request of [
    signed(event, json, 0, 'guess'),
    signed(event, json, 301),
    signed(event, json, -301),
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

test('an envelope that cannot be stored is not acknowledged, so that Slack comes again', async () => {
  await using web = await openWeb()
  const full = () => Promise.reject(new Error('The disk is full.'))
  await using broken = await openWeb({ store: { ...web.store, put: full } })
  assert.equal((await broken.app.request('/slack/events', signed(event))).status, 503)
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
