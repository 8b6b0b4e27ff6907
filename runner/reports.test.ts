import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Placed } from './reports.ts'
import { reportsOf } from './reports.ts'

async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const read = async (text: string, size: number): Promise<readonly Placed[]> => {
  const all: Placed[] = []
  for await (const group of reportsOf(pieces(text, size))) all.push(...group)
  return all
}
const line = (report: object) => `${JSON.stringify(report)}\n`

test('reports keep their position, however the bytes are cut', async () => {
  const text = line({ report: 'output', stream: 'out', text: 'grüß 🛎' }) + line({ report: 'exited', code: 0 })
  const whole = await read(text, text.length * 4)
  assert.deepEqual(
    whole.map(({ report }) => report.report),
    ['output', 'exited'],
  )
  for (const size of [1, 2, 3, 7, 50]) assert.deepEqual(await read(text, size), whole)
})

test('lines that are no report of ours are passed over', async () => {
  const junk = [
    '',
    'hello',
    '{"report":"ended","outcome":"succeeded"}',
    '[1]',
    '{"report":"output","text":1}',
    'null',
  ].join('\n')
  assert.deepEqual(
    (await read(`${junk}\n${line({ report: 'pushed', commit: 'c' })}`, 64)).map(
      ({ report }) => report.report,
    ),
    ['pushed'],
  )
})

test('a line without end does not fill the memory, and what follows it is read', async () => {
  const text = `${'x'.repeat(3 * 1024 * 1024)}\n${line({ report: 'exited', code: 0 })}`
  assert.deepEqual(
    (await read(text, 65_536)).map(({ report }) => report.report),
    ['exited'],
  )
})
