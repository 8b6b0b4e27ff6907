import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Move, Pace } from './pace.ts'
import { backoffMs, editFrom, pick } from './pace.ts'

const limits = { text: 4000, postEveryMs: 1000, editsPerMinute: 45 }
const idle: Pace = { busy: [], posted: new Map(), edited: new Map(), turn: new Map(), notBefore: new Map() }
const move = (id: string, more: Partial<Move> = {}): Move => ({
  id,
  kind: 'post',
  conversation: id,
  channel: 'C1',
  team: 'T1',
  urgent: false,
  n: 1,
  since: 0,
  ...more,
})
const started = (moves: readonly Move[], pace: Partial<Pace> = {}, now = 100_000) =>
  pick(moves, { ...idle, ...pace }, limits, now).start.map(({ id }) => id)

void describe('the pace', () => {
  test('starts one post in a channel, the urgent before the older', () => {
    assert.deepEqual(started([move('old'), move('end', { urgent: true, since: 5 })]), ['end'])
    assert.deepEqual(started([move('new', { since: 5 }), move('old'), move('far', { channel: 'C2' })]), [
      'far',
      'old',
    ])
  })

  test('keeps the order of a conversation, and lets an urgent message pull the ones before it along', () => {
    const own = { conversation: 'a' }
    const moves = [move('a2', { ...own, n: 2, urgent: true, since: 9 }), move('a1', own), move('b')]
    assert.deepEqual(started(moves), ['a1'])
  })

  test('waits for a second after a post, and says until when', () => {
    const pace = { ...idle, posted: new Map([['C1', 99_600]]) }
    assert.deepEqual(pick([move('a')], pace, limits, 100_000), { start: [], next: 100_600 })
    assert.deepEqual(started([move('a')], pace, 100_600), ['a'])
  })

  test('starts nothing in a conversation that has a call in hand, and no second post in a channel', () => {
    const edit = move('a', { kind: 'edit' })
    assert.deepEqual(
      started([edit, move('b', { conversation: 'c' })], { busy: [move('x', { conversation: 'a' })] }),
      [],
    )
  })

  test('gives edits to the conversation that waited longest, and the urgent first', () => {
    const edits = ['a', 'b', 'c'].map(id => move(id, { kind: 'edit', urgent: id === 'c' }))
    const turn = new Map([
      ['a', 90_000],
      ['b', 80_000],
      ['c', 95_000],
    ])
    assert.deepEqual(started(edits, { turn }), ['c', 'b', 'a'])
  })

  test('leaves a channel in peace that asked for it, and no other', () => {
    const moves = [move('a'), move('b', { channel: 'C2' }), move('c', { kind: 'edit' })]
    assert.deepEqual(started(moves, { notBefore: new Map([['post C1', 130_000]]) }), ['b', 'c'])
    assert.deepEqual(started(moves, { notBefore: new Map([['edit C1', 130_000]]) }), ['a', 'b'])
  })

  test('lets through at most 45 edits in any minute, spread out, and nearly as many as that', () => {
    const starts: number[] = []
    const done: number[] = []
    for (let now = 0; now <= 300_000; now += 50) {
      if (editFrom(done, 0, 45, now) > now) continue
      starts.push(now)
      done.push(now)
    }
    for (const from of starts) {
      const inWindow = starts.filter(at => at >= from && at < from + 60_000).length
      assert.ok(inWindow <= 45, `${inWindow} in the minute from ${from}`)
    }
    assert.ok(starts.length >= 200, `${starts.length} in five minutes`)
    const gaps = starts.slice(1).map((at, n) => at - starts[n]!)
    assert.ok(Math.max(...gaps) <= 5000, `a pause of ${Math.max(...gaps)} ms`)
  })

  test('counts an edit until a minute after it was done, and one in hand as done now', () => {
    const done = Array.from({ length: 44 }, (_, n) => 10_000 + n)
    assert.equal(editFrom(done, 1, 45, 20_000), 70_000)
    assert.equal(editFrom([], 45, 45, 20_000), 80_000)
    assert.equal(editFrom(done, 1000, Number.POSITIVE_INFINITY, 20_000), 20_000)
  })

  test('doubles the pause after each failure, up to half a minute', () => {
    assert.deepEqual([1, 2, 3, 5, 6, 60].map(backoffMs), [1000, 2000, 4000, 16_000, 30_000, 30_000])
  })
})
