import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkAsk } from './ask.ts'
import type { Ask } from './intake.ts'

const check = (ask: Partial<Ask>) => checkAsk({ prompt: 'fix it', ...ask }, ['claude', 'command'], 'claude')

const bad: readonly [string, Partial<Ask>, string, RegExp][] = [
  ['a missing prompt', { prompt: ' \n' }, 'prompt', /prompt is missing/],
  [
    'a prompt past 50,000 characters',
    { prompt: 'x'.repeat(50_001) },
    'prompt',
    /50,001 characters.*50,000.*file/,
  ],
  ['an unknown agent', { agent: 'gpt' }, 'agent', /no agent "gpt".*claude, command/],
  ['priority 99', { priority: 99 }, 'priority', /99.*0 .*9/],
  ['a priority between two', { priority: 1.5 }, 'priority', /whole number/],
  ['a negative budget', { budgetUsd: -1 }, 'budgetUsd', /-1.*above 0/],
  ['a budget that is no number', { budgetUsd: Number.NaN }, 'budgetUsd', /dollars/],
  ['a timeout of none', { timeoutSeconds: 0 }, 'timeoutSeconds', /1 to 86400/],
  ['a model that is a flag', { model: '--dangerous x' }, 'model', /no model name/],
  ['too many files', { files: Array(21).fill('f') }, 'files', /21 files.*20/],
]
for (const [what, ask, field, sentence] of bad)
  test(`${what} is refused by a sentence that names the field`, () => {
    const checked = check(ask)
    assert.ok(!checked.ok)
    assert.equal(checked.refusal.field, field)
    assert.match(checked.refusal.detail, sentence)
  })

test('a prompt of exactly 50,000 characters is taken, counted as people count them', () => {
  assert.ok(check({ prompt: '🛎'.repeat(50_000) }).ok)
})

test('dollars become micro-dollars, and what was not said gets its default', () => {
  const checked = check({ budgetUsd: 2.5 })
  assert.deepEqual(checked.ok && checked.value, {
    prompt: 'fix it',
    agent: 'claude',
    priority: 5,
    timeoutSeconds: 1800,
    files: [],
    budget: 2_500_000,
  })
})
