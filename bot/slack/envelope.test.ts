import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelIn } from './envelope.ts'

test('what is said, commanded and pressed in a channel comes from that channel', () => {
  const bodies = [
    { type: 'event_callback', team_id: 'T1', event: { type: 'message', channel: 'C1', ts: '1.1' } },
    { command: '/hop', team_id: 'T1', channel_id: 'C1' },
    { type: 'block_actions', team: { id: 'T1' }, channel: { id: 'C1' }, container: { channel_id: 'C1' } },
  ]
  assert.deepEqual(bodies.map(channelIn), ['C1', 'C1', 'C1'])
  assert.equal(channelIn({ type: 'view_submission' }), '')
})
