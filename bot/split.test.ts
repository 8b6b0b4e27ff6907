import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { split } from './split.ts'

/** Numbers from 0 to 1, the same for the same seed. */
const numbers = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** The state of fences behind a text: whether one is still open. */
const openFence = (text: string): boolean => {
  let fence: string | undefined
  for (const line of text.split('\n')) {
    const [, marks = '', info = ''] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (!marks) continue
    if (!fence) fence = marks.startsWith('`') && info.includes('`') ? undefined : marks
    else if (marks[0] === fence[0] && marks.length >= fence.length && !info.trim()) fence = undefined
  }
  return fence !== undefined
}

/** What is left when fences and all white space are taken away. */
const words = (texts: readonly string[]) =>
  texts
    .flatMap(text => text.split('\n'))
    .filter(line => !/^ {0,3}(`{3,}|~{3,})/.test(line))
    .join('')
    .replaceAll(/\s/g, '')

void describe('split', () => {
  test('leaves a text that fits as it is', () => {
    assert.deepEqual(split('a\n\nb ', 100), ['a\n\nb '])
  })

  test('cuts at line ends and keeps all lines', () => {
    const lines = Array.from({ length: 40 }, (_, n) => `line ${n}`)
    const pieces = split(lines.join('\n'), 100)
    assert.ok(pieces.length > 1)
    assert.equal(pieces.join('\n'), lines.join('\n'))
  })

  test('closes a fence at the cut and opens it again with its language', () => {
    const code = Array.from({ length: 30 }, (_, n) => `const x${n} = ${n}`)
    const pieces = split(['before', '```ts', ...code, '```', 'after'].join('\n'), 120)
    for (const piece of pieces.slice(1, -1)) assert.match(piece, /^```ts\n[^`]+\n```$/)
    assert.match(pieces[0]!, /^before\n```ts\n[^`]+\n```$/)
    assert.match(pieces.at(-1)!, /\n```\nafter$/)
  })

  test('cuts a long line of prose at a space, and never inside a pair of surrogates', () => {
    for (const piece of split('word '.repeat(200), 99)) assert.match(piece, /^(word ?)+$/)
    for (const piece of split('😀'.repeat(300), 101)) assert.match(piece, /^(😀)+$/u)
  })

  test('takes a fence inside a longer one for text', () => {
    const pieces = split(['````md', '```', 'x'.repeat(60), '```', 'y'.repeat(60), '````'].join('\n'), 100)
    for (const piece of pieces) assert.match(piece, /^````md\n.*\n````$/s)
  })

  test('keeps every piece within the limit, its fences balanced, and every word', () => {
    const rounds = process.env.SOAK ? 50_000 : 1500
    const seed = Date.now() >>> 0
    const next = numbers(seed)
    const any = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)]!
    for (let round = 0; round < rounds; round++) {
      const lines = Array.from({ length: Math.floor(next() * 40) }, () =>
        any([
          '```',
          '```ts',
          '~~~',
          '````',
          '  ```python title="x"',
          '',
          'word '.repeat(Math.floor(next() * 60)),
          'x'.repeat(Math.floor(next() * 300)),
          '😀'.repeat(Math.floor(next() * 100)),
          '- item `code`',
        ]),
      )
      const text = lines.join('\n')
      const limit = 80 + Math.floor(next() * 200)
      const pieces = split(text, limit)
      const note = `seed ${seed}, round ${round}, limit ${limit}: ${JSON.stringify(text)}`
      for (const piece of pieces) assert.ok(piece.length <= limit, `${piece.length} characters; ${note}`)
      if (pieces.length > 1) assert.ok(!pieces.some(openFence), `an open fence; ${note}`)
      assert.equal(words(pieces), words([text]), note)
    }
  })
})
