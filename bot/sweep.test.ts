import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { receive } from '../store/inbox.ts'
import { openLocalBell } from '../store/local-bell.ts'
import { openSqlite } from '../store/sqlite.ts'
import { update } from '../store/update.ts'
import { runSweep } from './sweep.ts'

test('envelopes that were handled are dropped after two days, and the sweep ends with its signal', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sweep-'))
  const store = openSqlite(join(folder, 'bellhop.db'))
  const bell = openLocalBell()
  for (const [key, day] of Object.entries({ old: 1, waits: 1, young: 3 }))
    await receive(store, bell, { key, platform: 'slack', at: `2026-01-0${day}T00:00:00.000Z`, body: {} })
  for (const key of ['old', 'young'])
    await update(store, 'inbox', key, record => ({ ...record, state: 'done' }))
  const stop = new AbortController()
  const now = () => new Date('2026-01-04T00:00:00.000Z')
  const running = runSweep({ store, now, log: { error: assert.ifError }, signal: stop.signal })
  while (await store.get('inbox', 'old')) await new Promise(resolve => setImmediate(resolve))
  stop.abort()
  await running
  assert.ok((await store.get('inbox', 'waits')) && (await store.get('inbox', 'young')))
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})
