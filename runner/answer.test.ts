import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../store/events.ts'
import type { Job } from '../store/records.ts'
import type { Entry } from '../store/store.ts'
import { answerOf } from './answer.ts'

const said = (text: string): Entry<Event> => ({
  type: 'said',
  text,
  seq: 1,
  attempt: 1,
  key: 'k',
  at: '',
  digest: '',
})
const job = (agent: string) => ({ agent, summary: 'Done.' }) as Job

test('of a command the end of what it printed is remembered', () => {
  assert.equal(answerOf(job('command'), [said('one\n'), said('two\n')]), 'Done.\nIt printed:\none\ntwo')
  const long = answerOf(job('command'), [said('x'.repeat(5000)), said(' the end')])
  assert.ok(long.length < 1600 && long.endsWith(' the end'))
})

test('of an agent, and of a command that printed nothing, the summary is', () => {
  assert.equal(answerOf(job('claude'), [said('working on it')]), 'Done.')
  assert.equal(answerOf(job('command'), [said('\n')]), 'Done.')
})
