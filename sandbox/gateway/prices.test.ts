import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prices, usageOf } from './prices.ts'

const none = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 }
const million = 1_000_000

test('a call costs what the list says of the longest name that fits', () => {
  const cost = (model: string) => usageOf(model, { ...none, input: million }).cost
  assert.equal(cost('claude-opus-5-5'), 4 * million)
  assert.equal(cost('claude-opus-5'), 5 * million)
  assert.equal(cost('claude-opus-4-1-20250805'), 15 * million)
  assert.equal(cost('claude-sonnet-4-6'), 3 * million)
})

test('a model that is not listed costs as much as the dearest current one', () => {
  const cost = (model: string) => usageOf(model, { ...none, input: million, output: million }).cost
  assert.equal(cost('gpt-9'), 60 * million)
  assert.equal(cost('gpt-9'), cost('claude-fable-5-1'))
})

test('the cache is dearer to write the longer it lasts, and cheap to read', () => {
  const cost = (counted: Partial<typeof none>) => usageOf('claude-opus-5', { ...none, ...counted }).cost
  assert.equal(cost({ cacheWrite5m: million }), 6.25 * million)
  assert.equal(cost({ cacheWrite1h: million }), 10 * million)
  assert.equal(cost({ cacheRead: million }), 0.5 * million)
  assert.deepEqual(
    usageOf('claude-opus-5', { ...none, cacheWrite5m: 2, cacheWrite1h: 3 }).tokens.cacheWrite,
    5,
  )
})

test('a long prompt makes the whole call dearer where the list says so, what is cached counted in', () => {
  const cost = (cacheRead: number) =>
    usageOf('claude-haiku-5-5', { ...none, input: 1000, cacheRead, output: million }).cost
  assert.equal(cost(99_000), 0.5 * million + 100 + 990)
  assert.equal(cost(100_000), 2.5 * million + 500 + 5000)
})

test('a part of a micro-dollar counts as a whole one', () => {
  assert.equal(usageOf('claude-haiku-5-5', { ...none, input: 1 }).cost, 1)
  assert.equal(usageOf('claude-haiku-5-5', none).cost, 0)
})

test('a list of one’s own takes the place of the vendor’s', () => {
  const own = { claude: { ...prices['claude-opus']!, output: 7 * million } }
  assert.equal(usageOf('claude-opus-5-5', { ...none, output: million }, own).cost, 7 * million)
})
