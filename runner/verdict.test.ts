import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ending } from './verdict.ts'
import { judge } from './verdict.ts'

const job = { agent: 'command', timeoutSeconds: 600 }
const judged = (ending: Partial<Ending>) => judge(job, { exit: { code: 0 }, exited: true, ...ending })

test('exit code 0 succeeds, with the last words as summary', () => {
  assert.deepEqual(judged({ summary: 'All green.' }), {
    outcome: 'succeeded',
    reason: 'done',
    summary: 'All green.',
    exitCode: 0,
  })
})

test('another exit code fails and is named', () => {
  assert.deepEqual(judged({ exit: { code: 3 } }), {
    outcome: 'failed',
    reason: 'exit',
    summary: 'The command ended with exit code 3.',
    exitCode: 3,
  })
})

test('a cancel and a time limit stand above the exit code', () => {
  const cancelled = judged({ stopped: 'cancel', exit: { code: 0 } })
  assert.equal(cancelled !== 'lost' && cancelled.outcome, 'cancelled')
  const late = judged({ stopped: 'timeout', exit: { signal: 'SIGKILL' }, exited: false })
  assert.equal(late !== 'lost' && late.outcome, 'timed_out')
  assert.match(late !== 'lost' ? late.summary : '', /10 minutes/)
})

test('a box that vanished before its agent was over is lost, whatever code it left', () => {
  assert.equal(judged({ exited: false, exit: { code: 0 } }), 'lost')
})

test('what the entry could not do while nobody followed its box is tried again', () => {
  const failed = { report: 'failed', step: 'push the work', why: 'Connection reset' } as const
  const alone = { failed, exit: { code: 125 }, alone: true }
  assert.equal(judged(alone), 'lost')
  assert.equal(judged({ ...alone, exited: false }), 'lost')
  const cancelled = judged({ ...alone, stopped: 'cancel' })
  assert.equal(cancelled !== 'lost' && cancelled.outcome, 'cancelled')
})

test('what the entry could not do is said', () => {
  const verdict = judged({
    exited: false,
    exit: { code: 125 },
    failed: { report: 'failed', step: 'clone', why: 'no such branch' },
  })
  assert.match(verdict !== 'lost' ? verdict.summary : '', /could not clone: no such branch/)
})

test('last words that claim success do not change a failing exit code', () => {
  const verdict = judged({ exit: { code: 1 }, summary: 'Success!' })
  assert.equal(verdict !== 'lost' && verdict.outcome, 'failed')
})

test('a summary has an end, whatever comes out of the box', () => {
  for (const ending of [
    { summary: 'x'.repeat(1_000_000) },
    { failed: { report: 'failed', step: 'push', why: 'x'.repeat(1_000_000) } as const },
  ]) {
    const verdict = judged(ending)
    assert.ok(verdict !== 'lost' && verdict.summary.length < 17_000)
  }
})
