import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { follow } from './spool.ts'

const file = async (content: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'spool-'))
  const path = join(folder, 'output')
  await writeFile(path, content)
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

test('a spool is read from a position to its end', async () => {
  await using spool = await file('0123456789')
  let text = ''
  for await (const bytes of follow(spool.path, 4, Promise.resolve())) text += Buffer.from(bytes)
  assert.equal(text, '456789')
})

test('what is added while it is read comes too, and the end of the box ends it', async () => {
  await using spool = await file('one ')
  const over = Promise.withResolvers<void>()
  const pieces: string[] = []
  for await (const bytes of follow(spool.path, 0, over.promise)) {
    pieces.push(String(Buffer.from(bytes)))
    if (pieces.length === 1) await appendFile(spool.path, 'two ')
    if (pieces.length === 2) {
      await appendFile(spool.path, 'three')
      over.resolve()
    }
  }
  assert.equal(pieces.join(''), 'one two three')
})

test('a change is seen by the watch, well before the slow timer', async () => {
  await using spool = await file('a')
  const over = Promise.withResolvers<void>()
  const reader = follow(spool.path, 0, over.promise)
  await reader.next()
  const before = performance.now()
  const next = reader.next()
  await appendFile(spool.path, 'b')
  assert.equal(String(Buffer.from((await next).value as Uint8Array)), 'b')
  assert.ok(performance.now() - before < 900)
  await reader.return()
})

test('a spool that is gone yields nothing', async () => {
  await using spool = await file('')
  await rm(spool.path)
  assert.deepEqual(await Array.fromAsync(follow(spool.path, 0, new Promise(() => {}))), [])
})
