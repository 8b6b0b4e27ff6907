import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { unfolded } from '../store/lifecycle.ts'
import { openLocalBell } from '../store/local-bell.ts'
import { openSqlite } from '../store/sqlite.ts'
import { openEmbedded } from './embedded.ts'
import { openFiling } from './filing.ts'
import { openLogbook } from './logbook.ts'
import { withPatience } from './patience.ts'
import { openSettle } from './settle.ts'

test('a job at which the runner always fails is logged each time and ended in the end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'patience-'))
  const now = () => new Date()
  const store = openSqlite(join(folder, 'bellhop.db'))
  const bell = openLocalBell()
  const logbook = openLogbook({ store, bell, now })
  await store.put('jobs', {
    ...{ _id: 'j1', rev: 0, agent: 'command', prompt: 'x', workspace: 'w1', requester: 'ann', team: 'web' },
    ...{ priority: 5, files: [], timeoutSeconds: 60, createdAt: now().toISOString() },
    ...unfolded,
  })
  const logged: object[] = []
  const carry = withPatience({
    work: async () => {
      throw new Error('The repository is gone.')
    },
    logbook,
    filing: openFiling({ store, bell, logbook }),
    gateway: {
      admit: async () => ({ folder }),
      release: async () => {},
      [Symbol.asyncDispose]: async () => {},
    },
    settle: openSettle({ store, bell, logbook, queue: openEmbedded({ now }) }),
    log: { error: about => void logged.push(about) },
    signal: new AbortController().signal,
  })
  for (let n = 0; n < 8; n++) await assert.rejects(carry('j1'), /The repository is gone/)
  await carry('j1')
  assert.equal(logged.length, 9)
  const job = await store.get('jobs', 'j1')
  assert.equal(job?.state, 'failed')
  assert.match(job?.summary ?? '', /given up; an admin finds the cause/)
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})
