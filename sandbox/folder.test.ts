import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { access, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeFolder } from './folder.ts'

test('a folder is removed also where a job nested folders past the longest path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deep-'))
  const nest =
    'i=0; while [ $i -lt 60 ]; do mkdir -p $0 && cd -P ./$0 || exit 1; i=$((i+1)); done; pwd | wc -c'
  const name = 'n'.repeat(200)
  const { stdout, stderr, status } = spawnSync('/bin/sh', ['-c', nest, name], {
    cwd: folder,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  assert.ok(Number(stdout) > 4096)
  await removeFolder(folder)
  await assert.rejects(access(folder), { code: 'ENOENT' })
})
