import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AgentEvent } from './agent.ts'
import { openClaudeReader } from './claude-reader.ts'

const fixture = (name: string) =>
  readFileSync(
    join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'claude-stream', `${name}.jsonl`),
    'utf8',
  )

const read = (text: string, size = text.length) => {
  const reader = openClaudeReader()
  const events: AgentEvent[] = []
  for (let at = 0; at < text.length; at += size) events.push(...reader.read('out', text.slice(at, at + size)))
  const last = reader.end()
  return {
    events: [...events, ...last.events],
    summary: last.summary,
    failed: last.failed,
    done: reader.done,
  }
}
const types = (events: readonly AgentEvent[]) => events.map(({ type }) => type)

test('a run of tools becomes what was said, used and returned, in order, with the last words as summary', () => {
  const { events, summary, failed, done } = read(fixture('sample'))
  assert.deepEqual(types(events), [
    'said',
    'used',
    'returned',
    'used',
    'returned',
    'used',
    'returned',
    'said',
  ])
  assert.deepEqual(events[2], {
    type: 'returned',
    call: 'toolu_msg_000001_1',
    ok: true,
    text: 'hello from sandbox\nagent\n0',
  })
  assert.deepEqual(events[6], {
    type: 'returned',
    call: 'toolu_msg_000003_0',
    ok: true,
    text: 'the user answered: blue',
  })
  assert.equal(summary, 'Done: I ran the command, wrote hello.txt and asked the user.')
  assert.equal(failed, undefined)
  assert.equal(done, true)
})

test('the events are the same however the output is cut', () => {
  for (const name of ['sample', 'steer', 'partial']) {
    const whole = read(fixture(name))
    for (const size of [1, 17, 4096]) assert.deepEqual(read(fixture(name), size), whole)
  }
})

test('an interrupt, used-up turns and a kill are told apart', () => {
  assert.match(read(fixture('maxturns')).failed ?? '', /turns/)
  assert.equal(read(fixture('interrupt')).done, true)
  const killed = read(fixture('sigterm'))
  assert.equal(killed.done, false)
  assert.deepEqual(types(killed.events), ['used', 'returned'])
})

test('what people said themselves is not taken for the agent', () => {
  assert.ok(!JSON.stringify(read(fixture('steer')).events).includes('do the task'))
})

test('junk and forgeries never throw, and at most twenty lines of it are noted', () => {
  const junk = [
    'plain words',
    '{',
    'null',
    '[]',
    '{"type":"assistant"}',
    '{"type":"assistant","message":{"content":[{"type":"text"}]}}',
  ]
  const { events } = read(`${Array.from({ length: 50 }, () => junk.join('\n')).join('\n')}\n`)
  assert.ok(events.length <= 20 && events.every(({ type }) => type === 'noted'))
})

test('an answer of the API that is an error is the complaint, and standard error stands in where there is no answer', () => {
  const error = {
    type: 'result',
    subtype: 'success',
    is_error: true,
    result: 'API Error: 402 The budget of this job is spent.',
  }
  assert.match(read(`${JSON.stringify(error)}\n`).failed ?? '', /402 The budget/)
  const reader = openClaudeReader()
  reader.read('err', 'No conversation found\n')
  assert.equal(reader.end().failed, 'No conversation found')
})

test('a todo list becomes the plan', () => {
  const input = { todos: [{ content: 'Look', status: 'completed', activeForm: 'Looking' }] }
  const line = {
    type: 'assistant',
    message: { content: [{ type: 'tool_use', id: 't', name: 'TodoWrite', input }] },
  }
  assert.deepEqual(read(JSON.stringify(line)).events, [
    { type: 'planned', items: [{ text: 'Look', state: 'completed' }] },
  ])
})
