import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { readSlack, verifySlack } from './slack-envelope.ts'

const now = () => new Date('2026-01-01T12:00:00Z')
const seconds = now().getTime() / 1000
const rawBody = '{"type":"event_callback"}'
const sign = (timestamp: string, body = rawBody, secret = 'secret') =>
  `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`
const verify = (timestamp: string | undefined, signature: string | undefined, body = rawBody) =>
  verifySlack({ signingSecret: 'secret', timestamp, signature, rawBody: body, now })

void describe("Slack's signature", () => {
  test('holds for five minutes, into the past and into the future', () => {
    for (const age of [-300, -1, 0, 1, 300])
      assert.equal(verify(`${seconds - age}`, sign(`${seconds - age}`)), true, `${age}`)
    for (const age of [-301, 301, 100_000, seconds])
      assert.equal(verify(`${seconds - age}`, sign(`${seconds - age}`)), false, `${age}`)
  })

  test('is refused when forged, missing, of another body, time or secret', () => {
    const time = `${seconds}`
    assert.equal(verify(time, sign(time, rawBody, 'other')), false)
    assert.equal(verify(time, sign(time), `${rawBody} `), false)
    assert.equal(verify(`${seconds + 1}`, sign(time)), false)
    assert.equal(verify(time, sign(time).slice(0, -1)), false)
    assert.equal(verify(time, undefined), false)
    assert.equal(verify(undefined, sign(time)), false)
    for (const odd of ['', 'NaN', '1e9', `${seconds}.5`, `-${seconds}`])
      assert.equal(verify(odd, sign(odd)), false, odd)
  })
})

const keyOf = (body: object) => {
  const read = readSlack(JSON.stringify(body), 'application/json')
  return read.kind === 'envelope' ? read.key : read.kind
}
const form = (fields: Record<string, string>) =>
  readSlack(new URLSearchParams(fields).toString(), 'application/x-www-form-urlencoded')

void describe("Slack's envelopes", () => {
  const event = (event: object) => ({ api_app_id: 'A1', team_id: 'T1', event_id: 'Ev1', event })

  test('have one key for a mention and its twin, and their own for an edit of it', () => {
    const said = { channel: 'C1', ts: '1.2' }
    assert.equal(keyOf(event({ type: 'app_mention', ...said })), 'slack:T1:C1:1.2')
    assert.equal(keyOf(event({ type: 'message', ...said })), 'slack:T1:C1:1.2')
    assert.equal(keyOf(event({ type: 'message', subtype: 'file_share', ...said })), 'slack:T1:C1:1.2')
    assert.equal(keyOf(event({ type: 'message', subtype: 'message_changed', ...said })), 'slack:A1:T1:Ev1')
    assert.equal(keyOf(event({ type: 'reaction_added' })), 'slack:A1:T1:Ev1')
  })

  test('of commands and buttons go by their trigger', () => {
    const command = form({ command: '/hop', text: 'a b', api_app_id: 'A1', team_id: 'T1', trigger_id: '7.8' })
    assert.ok(command.kind === 'envelope')
    assert.equal(command.key, 'slack:A1:T1:7.8')
    assert.equal(command.body.text, 'a b')
    for (const team of [{ team: { id: 'T1' } }, { team: null, user: { team_id: 'T1' } }]) {
      const payload = { type: 'block_actions', api_app_id: 'A1', trigger_id: '7.9', ...team }
      const press = form({ payload: JSON.stringify(payload) })
      assert.ok(press.kind === 'envelope')
      assert.equal(press.key, 'slack:A1:T1:7.9')
      assert.equal(press.body.type, 'block_actions')
    }
  })

  test('that want an answer are told apart from what is stored, and from junk', () => {
    assert.deepEqual(readSlack('{"type":"url_verification","challenge":"c"}', 'application/json'), {
      kind: 'challenge',
      challenge: 'c',
    })
    assert.deepEqual(form({ ssl_check: '1', token: 'x' }), { kind: 'ssl_check' })
    for (const junk of ['', '{', '[]', 'null', '"text"', '{}', '{"team_id":"T1","event_id":"E"}'])
      assert.equal(readSlack(junk, 'application/json; charset=utf-8').kind, 'junk', junk)
    assert.equal(form({ payload: 'not json' }).kind, 'junk')
    assert.equal(readSlack('', undefined).kind, 'junk')
  })
})
