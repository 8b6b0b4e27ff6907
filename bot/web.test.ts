import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Inbox } from '../store/records.ts'
import type { Incoming } from './platform.ts'
import { openWebChat } from './web.ts'

const receive = async (body: unknown) => {
  const heard: Incoming[] = []
  await using web = openWebChat({ incoming: async incoming => void heard.push(incoming) })
  const envelope: Inbox = {
    _id: 'k1',
    rev: 1,
    platform: 'web',
    receivedAt: '2026-01-01T00:00:00.000Z',
    body,
    tries: 0,
    state: 'new',
  }
  await web.receive(envelope)
  return heard[0]
}
const typed = (text: string) => ({ user: 'ann', name: 'Ann', conversation: 'c1', text })

test('what is typed on the page is said in a conversation of that person', async () => {
  assert.deepEqual(await receive(typed('fix it')), {
    platform: 'web',
    key: 'k1',
    at: '2026-01-01T00:00:00.000Z',
    team: 'web',
    channel: 'web:c1',
    person: 'web:ann',
    personName: 'Ann',
    address: 'web:c1',
    type: 'said',
    how: 'direct',
    text: 'fix it',
    files: [],
  })
})

test('a text that begins with /hop is a command, and one that begins with /hope is not', async () => {
  const how = async (text: string) => {
    const heard = await receive(typed(text))
    return heard?.type === 'said' ? [heard.how, heard.text] : undefined
  }
  assert.deepEqual(await how(' /hop run fix'), ['command', 'run fix'])
  assert.deepEqual(await how('/HOP'), ['command', ''])
  assert.deepEqual(await how('/hope for the best'), ['direct', '/hope for the best'])
})

test('a button is pressed in its conversation', async () => {
  const heard = await receive({ ...typed(''), press: { verb: 'retry', job: 'j1' } })
  assert.equal(heard?.type, 'pressed')
  assert.deepEqual(heard?.type === 'pressed' && [heard.verb, heard.job, heard.address], [
    'retry',
    'j1',
    'web:c1',
  ])
})

test('what is said in one conversation is handled in order, and holds up no other', async () => {
  await using web = openWebChat({ incoming: async () => {} })
  const laneOf = (conversation: string, text: string) =>
    web.laneOf?.({ body: { ...typed(text), conversation } } as Inbox)
  assert.equal(laneOf('c1', 'one'), laneOf('c1', 'two'))
  assert.notEqual(laneOf('c1', 'one'), laneOf('c2', 'one'))
})

test('an envelope that the page did not write is refused', async () => {
  await assert.rejects(receive({ text: 'hello' }), /none of the page/)
  await assert.rejects(receive({ ...typed(''), press: { verb: 'erase', job: 'j1' } }), /none of the page/)
})
