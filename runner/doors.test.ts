import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Files } from '../store/files.ts'
import type { Repos } from '../store/repos.ts'
import { openDesk } from '../test/desk.ts'
import { openDoors } from './doors.ts'

test('an attempt is its job’s until another one has started or the job is over', async () => {
  await using desk = await openDesk()
  const user = await desk.store.put('users', { _id: 'ann', rev: 0, name: 'Ann', roles: { web: 'member' } })
  const cause = { key: 'k', at: desk.now().toISOString() }
  const asked = await desk.intake.submit({ user: user!, team: 'web' }, { prompt: 'Do it' }, cause)
  assert.ok(asked.ok)
  const job = asked.value._id
  // Neither is asked for what an attempt may.
  const doors = openDoors({ ...desk, files: {} as Files, repos: {} as Repos })
  const current = () => Promise.all([1, 2].map(attempt => doors.current({ job, attempt })))

  assert.deepEqual(await current(), [false, false])
  await desk.happen(job, { type: 'started', runner: 'r1' })
  assert.deepEqual(await current(), [true, false])
  await desk.happen(job, { type: 'started', runner: 'r2' })
  assert.deepEqual(await current(), [false, true])
  await desk.happen(job, { type: 'ended', outcome: 'failed', reason: 'lost', summary: 'Lost.' })
  assert.deepEqual(await current(), [false, false])
  assert.equal(await doors.current({ job: 'nobody', attempt: 1 }), false)
})
