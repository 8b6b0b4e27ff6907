import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { unfolded } from '../store/lifecycle.ts'
import { openLocalBell } from '../store/local-bell.ts'
import { openSqlite } from '../store/sqlite.ts'
import { openEmbedded } from './embedded.ts'
import { openLogbook } from './logbook.ts'
import { withPatience } from './patience.ts'
import { openSettle } from './settle.ts'

/** A job j1 in a house of its own, and what carries it by `work`. */
const openHouse = async (work: () => Promise<void>) => {
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
  const logged: string[] = []
  const carry = withPatience({
    work,
    logbook,
    gateway: {
      admit: async () => ({ folder }),
      release: async () => {},
      [Symbol.asyncDispose]: async () => {},
    },
    settle: openSettle({ store, bell, logbook, queue: openEmbedded({ now }) }),
    log: { error: (_, text) => void logged.push(text) },
    signal: new AbortController().signal,
  })
  return {
    store,
    logged,
    carry,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

test('a job at which the runner always fails is logged each time and ended in the end', async () => {
  await using house = await openHouse(async () => {
    throw new Error('The repository is gone.')
  })
  for (let n = 0; n < 8; n++) await assert.rejects(house.carry('j1'), /The repository is gone/)
  await house.carry('j1')
  assert.equal(house.logged.length, 9)
  const job = await house.store.get('jobs', 'j1')
  assert.equal(job?.state, 'failed')
  assert.match(job?.summary ?? '', /given up; an admin finds the cause/)
})

for (const name of ['Unreachable', 'OwnerAway', 'NoGateway'])
  test(`a part that does not answer, ${name}, is waited for however long, and costs the job no try`, async () => {
    let away = true
    await using house = await openHouse(async () => {
      if (!away) throw new Error('The repository is gone.')
      const cause = Object.assign(new Error('Nobody there.'), { name })
      throw new Error('The job could not be carried.', { cause })
    })
    for (let n = 0; n < 8; n++) await assert.rejects(house.carry('j1'), /could not be carried/)
    away = false
    for (let n = 0; n < 8; n++) await assert.rejects(house.carry('j1'), /The repository is gone/)
    away = true
    for (let n = 0; n < 20; n++) await assert.rejects(house.carry('j1'), /could not be carried/)
    assert.equal((await house.store.get('jobs', 'j1'))?.state, 'queued')
    assert.equal(house.logged.filter(text => /waits for a part/.test(text)).length, 28)
  })
