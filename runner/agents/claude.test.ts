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

test('what the gateway refuses is told in its own words, what the API answers is named as the API’s', () => {
  const failed = (result: string) =>
    read(JSON.stringify({ type: 'result', subtype: 'success', is_error: true, result })).failed
  assert.equal(failed('API Error: 402 The budget of this job is spent.'), 'The budget of this job is spent.')
  assert.equal(failed('API Error: 529 Overloaded'), 'The model API answered 529: Overloaded')
  assert.equal(failed('Prompt is too long'), 'Prompt is too long')
})

test('what it complained of stands in where it gave no reason', () => {
  const reader = openClaudeReader()
  assert.deepEqual(reader.read('err', 'No conversation found\n'), [])
  assert.equal(reader.end().failed, 'No conversation found')
  assert.deepEqual(openClaudeReader().end(), { events: [] })
})

test('an error of the API in the middle is not said, for it comes again with the result', () => {
  const content = [{ type: 'text', text: 'API Error: 402 no' }]
  const line = { type: 'assistant', message: { content }, is_api_error_message: true }
  assert.deepEqual(read(JSON.stringify(line)).events, [])
})

test('a call that is tried again is noted', () => {
  const retry = { type: 'system', subtype: 'api_retry', attempt: 2, max_retries: 10, error_status: 529 }
  assert.deepEqual(read(JSON.stringify(retry)).events, [
    { type: 'noted', level: 'warn', text: 'The model API answered 529; it is asked again (2 of 10).' },
  ])
})

test('thoughts are told where they have words, and a helper’s words are thoughts too', () => {
  const said = (content: object[], parent_tool_use_id: string | null = null) =>
    read(JSON.stringify({ type: 'assistant', message: { content }, parent_tool_use_id })).events
  assert.deepEqual(said([{ type: 'thinking', thinking: '', signature: 'x' }]), [])
  assert.deepEqual(said([{ type: 'thinking', thinking: 'hm' }]), [{ type: 'thought', text: 'hm' }])
  assert.deepEqual(said([{ type: 'text', text: 'found it' }], 'toolu_1'), [
    { type: 'thought', text: 'found it' },
  ])
})

test('a picture in an answer is named, and not its bytes', () => {
  const content = [
    { type: 'text', text: 'Here:' },
    { type: 'image', source: { data: 'AAAA' } },
  ]
  const block = { type: 'tool_result', tool_use_id: 't', content }
  assert.deepEqual(read(JSON.stringify({ type: 'user', message: { content: [block] } })).events, [
    { type: 'returned', call: 't', ok: true, text: 'Here:\n[image]' },
  ])
})

test('a todo list becomes the plan, and its answer says nothing', () => {
  const input = { todos: [{ content: 'Look', status: 'completed', activeForm: 'Looking' }] }
  const asked = { content: [{ type: 'tool_use', id: 't', name: 'TodoWrite', input }] }
  const answered = { content: [{ type: 'tool_result', tool_use_id: 't', content: 'Todos modified' }] }
  const lines = [
    { type: 'assistant', message: asked },
    { type: 'user', message: answered },
  ]
  assert.deepEqual(read(lines.map(line => JSON.stringify(line)).join('\n')).events, [
    { type: 'planned', items: [{ text: 'Look', state: 'completed' }] },
  ])
})
