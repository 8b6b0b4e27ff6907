import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageData, Stored } from './envelope.ts'
import { incomingOf, isSpoken } from './envelope.ts'
import type { Place } from './places.ts'

const self = { user: '9', role: '8' }
const ada = { id: '3', username: 'ada_l', global_name: 'Ada' }
const said = (content: string, more: Partial<MessageData> = {}): MessageData => ({
  id: '1000',
  channel_id: '20',
  type: 0,
  content,
  author: ada,
  mentions: content.includes('<@9>') ? [{ id: '9', username: 'bellhop' }] : [],
  ...more,
})
const hear = (message: MessageData, place: Place, guild = '1') => {
  const stored: Stored = { type: 'message', place, self, message, ...(guild && { guild }) }
  return incomingOf(stored, { key: 'k', at: '2026-01-01T00:00:00.000Z', team: 'discord:1' })
}
const plain = { kind: 'channel' } as const
const thread = { kind: 'thread', parent: '20', owner: '9' } as const

test('a mention in a channel is addressed to the thread that it will open, its words without Discord’s signs', () => {
  const bob = { id: '4', username: 'bob', global_name: null }
  const mention = said('<@9>, ask <@4> and <@5> about <:tada:123>', {
    mentions: [{ id: '9', username: 'b' }, bob],
  })
  assert.deepEqual(hear(mention, plain), {
    type: 'said',
    how: 'mention',
    text: 'ask @bob and <@5> about :tada:',
    files: [],
    address: 'discord:1:1000',
    channel: 'discord:1:20',
    platform: 'discord',
    key: 'k',
    at: '2026-01-01T00:00:00.000Z',
    team: 'discord:1',
    person: 'discord:3',
    personName: 'Ada',
  })
})

test('the role that Discord made for the bot mentions it too', () => {
  const heard = hear(said('<@&8> look', { mention_roles: ['8'] }), plain)
  assert.equal(heard?.type === 'said' && heard.text, 'look')
  assert.equal(hear(said('<@&7> look', { mention_roles: ['7'] }), plain), undefined)
})

test('in a thread every word is a reply, of the channel that it belongs to; where the bot began it, that is told', () => {
  const heard = hear(said('and this', { channel_id: '30' }), thread)
  assert.ok(heard?.type === 'said')
  assert.deepEqual(
    [heard.how, heard.address, heard.channel, heard.underBot],
    ['reply', 'discord:1:30', 'discord:1:20', true],
  )
  const foreign = hear(said('and this'), { ...thread, owner: '3' })
  assert.ok(foreign?.type === 'said' && foreign.underBot === undefined)
})

test('plain talk in a channel, and a message without words, is none of its business', () => {
  assert.equal(hear(said('hello all'), plain), undefined)
  assert.equal(hear(said('hello all'), { kind: 'flat' }), undefined)
  assert.equal(hear(said(''), thread), undefined)
  assert.equal(hear(said(''), { kind: 'direct' }, ''), undefined)
})

test('files are named, also where nothing else is said', () => {
  const heard = hear(said('', { attachments: [{ filename: 'a.png' }] }), thread)
  assert.equal(heard?.type === 'said' && heard.text, '(Attached in Discord: a.png)')
})

test('in a direct message all is said to the bot, and /hop is a command there', () => {
  const direct = { kind: 'direct' } as const
  const heard = hear(said('hi', { channel_id: '50' }), direct, '')
  const command = hear(said('/hop  jobs', { channel_id: '50' }), direct, '')
  assert.ok(heard?.type === 'said' && command?.type === 'said')
  assert.deepEqual([heard.how, heard.address, heard.channel], ['direct', 'discord:@me:50', 'discord:@me:50'])
  assert.deepEqual([command.how, command.text, command.direct], ['command', 'jobs', true])
})

test('bots, webhooks and what Discord itself says are not people’s words', () => {
  assert.equal(isSpoken(said('x')), true)
  assert.equal(isSpoken(said('x', { type: 19 })), true)
  assert.equal(isSpoken(said('x', { type: 7 })), false)
  assert.equal(isSpoken(said('x', { author: { ...ada, bot: true } })), false)
  assert.equal(isSpoken(said('x', { webhook_id: '1' })), false)
})

test('a button of the channel’s message is of the thread below it; one of another making is nobody’s', () => {
  const press = (customId: string, place: Place) => {
    const data = { custom_id: customId }
    const interaction = {
      id: '1',
      token: 't',
      type: 3,
      guild_id: '1',
      channel_id: '20',
      user: ada,
      data,
      message: { id: '77' },
    }
    return incomingOf({ type: 'interaction', place, interaction }, { key: 'k', at: 'now', team: 'discord:1' })
  }
  assert.equal(press('hop:cancel:j1', plain)?.address, 'discord:1:77')
  assert.equal(press('hop:retry:j1', thread)?.address, 'discord:1:20')
  assert.equal(press('other:1', plain), undefined)
  assert.equal(press('hop:drop:j1', plain), undefined)
})
