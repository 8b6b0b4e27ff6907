import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openBlobs } from './blobs.ts'
import { filesContract } from './files.contract.ts'

const home = await mkdtemp(join(tmpdir(), 'bellhop-blobs-'))
after(() => rm(home, { recursive: true }))
let made = 0
const fresh = () => join(home, `${++made}`)

filesContract('a folder', async () => openBlobs(fresh()))

test('an id can name no path outside the folder', async () => {
  const files = openBlobs(fresh())
  for (const id of ['../a', 'a/b', '', '.', 'A', 'a.part', 'a\u0000'])
    for (const call of [files.write(id, 'x', 1), files.read(id), files.remove(id)])
      await assert.rejects(call, /made of a-z and 0-9/, JSON.stringify(id))
})

test('a write that fails leaves no part behind', async () => {
  const folder = fresh()
  const files = openBlobs(folder)
  await assert.rejects(files.write('a', 'too much', 3))
  await files.write('b', 'fits', 4)
  assert.deepEqual(await readdir(folder), ['b'])
})
