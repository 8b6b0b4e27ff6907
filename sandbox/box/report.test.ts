import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openReporter } from './report.ts'

const written = () => {
  const bytes: Buffer[] = []
  return {
    /** Takes a little at a time, as a full pipe may. */
    write: (more: Buffer) => {
      const part = more.subarray(0, 30_000)
      bytes.push(Buffer.from(part))
      return part.length
    },
    lines: () => Buffer.concat(bytes).toString().split('\n').slice(0, -1),
  }
}
const textOf = (lines: readonly string[]) => lines.map(line => JSON.parse(line).text as string)

test('text that grows most in JSON still makes lines below 16 KB, and none is lost', () => {
  const { write, lines } = written()
  const text = '\u0001'.repeat(50_000)
  openReporter(write).output('out', text)
  assert.ok(lines().every(line => Buffer.byteLength(line) < 16 * 1024))
  assert.equal(textOf(lines()).join(''), text)
})

test('no character is cut in two', () => {
  const { write, lines } = written()
  const text = `a${'😀'.repeat(20_000)}`
  openReporter(write).output('out', text)
  assert.ok(lines().length > 1)
  assert.ok(textOf(lines()).every(piece => piece.isWellFormed()))
  assert.equal(textOf(lines()).join(''), text)
})

test('output past 64 MB is left out, and that is said once', () => {
  let lines = 0
  let last = ''
  const report = openReporter(bytes => {
    lines += 1
    last = bytes.toString()
    return bytes.length
  })
  const megabyte = 'x'.repeat(1024 * 1024)
  for (let n = 0; n < 70; n++) report.output('out', megabyte)
  assert.match(last, /64 MB is left out/)
  const before = lines
  report.output('out', 'more')
  assert.equal(lines, before)
  report({ report: 'exited', code: 0 })
  assert.match(last, /exited/)
})
