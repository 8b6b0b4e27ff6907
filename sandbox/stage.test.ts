import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { barrier } from './reachable.ts'
import { openStage } from './stage.ts'

const folders = async () => {
  const base = await mkdtemp(join(tmpdir(), 'stage-'))
  await chmod(base, 0o711)
  const closed = join(base, 'closed')
  await mkdir(closed, { mode: 0o700 })
  await writeFile(join(closed, 'program'), 'runs', { mode: 0o755 })
  await mkdir(join(closed, 'parts/deep'), { recursive: true, mode: 0o700 })
  await writeFile(join(closed, 'parts/deep/one.ts'), 'one', { mode: 0o600 })
  return { base, closed, [Symbol.asyncDispose]: () => rm(base, { recursive: true }) }
}

test('the first closed folder on the way is the barrier, or the file itself', async () => {
  await using at = await folders()
  assert.equal(await barrier(join(at.closed, 'program')), at.closed)
  await chmod(at.closed, 0o711)
  assert.equal(await barrier(join(at.closed, 'program')), undefined)
  await chmod(join(at.closed, 'program'), 0o700)
  assert.equal(await barrier(join(at.closed, 'program')), join(at.closed, 'program'))
})

test('what every user can reach stays where it is', async () => {
  await using at = await folders()
  await chmod(at.closed, 0o711)
  const stage = openStage(join(at.base, 'tools'))
  assert.equal(await stage(join(at.closed, 'program')), join(at.closed, 'program'))
})

test('what lies behind a closed folder is brought to where every user can reach it, once', async () => {
  await using at = await folders()
  const stage = openStage(join(at.base, 'tools'))
  const [program, parts] = await Promise.all(['program', 'parts'].map(name => stage(join(at.closed, name))))
  assert.equal(await barrier(program!), undefined)
  assert.equal(await readFile(program!, 'utf8'), 'runs')
  assert.equal(await barrier(join(parts!, 'deep/one.ts')), undefined)
  assert.equal(await readFile(join(parts!, 'deep/one.ts'), 'utf8'), 'one')
  assert.equal(await stage(join(at.closed, 'program')), program)
})

test('a program that others may not read is copied, and the original stays closed', async () => {
  await using at = await folders()
  const source = join(at.closed, 'program')
  await chmod(at.closed, 0o711)
  await chmod(source, 0o700)
  const staged = await openStage(join(at.base, 'tools'))(source)
  assert.equal(await barrier(staged), undefined)
  assert.equal(await barrier(source), source)
})
