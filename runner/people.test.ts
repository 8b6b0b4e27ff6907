import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openSqlite } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import type { Met } from './people.ts'
import { personOf, roleIn } from './people.ts'

let folder: string
let store: Store
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'people-'))
  store = openSqlite(join(folder, 'db'))
})
after(async () => {
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const met = (identity: string, more: Partial<Met> = {}): Met => ({
  identity,
  team: 'slack:T1',
  defaultRole: 'member',
  admins: ['slack:T1:UBOSS'],
  ...more,
})

test('somebody met ten times at once is one person', async () => {
  const all = await Promise.all(
    Array.from({ length: 10 }, () => personOf(store, met('slack:T1:U1', { name: 'Ann' }))),
  )
  assert.equal(new Set(all.map(({ _id }) => _id)).size, 1)
  assert.deepEqual([all[0]?.name, all[0]?.roles], ['Ann', { 'slack:T1': 'member' }])
})

test('who is listed is an admin, also when they were met before they were listed', async () => {
  const unlisted = await personOf(store, met('slack:T1:UBOSS', { admins: [] }))
  assert.equal(roleIn(unlisted, 'slack:T1'), 'member')
  assert.equal(roleIn(await personOf(store, met('slack:T1:UBOSS')), 'slack:T1'), 'admin')
})

test('a role once given stays, and a name follows the platform', async () => {
  await personOf(store, met('slack:T1:U2', { defaultRole: 'viewer' }))
  const again = await personOf(store, met('slack:T1:U2', { name: 'New Name' }))
  assert.deepEqual([again.name, again.roles], ['New Name', { 'slack:T1': 'viewer' }])
})

test('somebody met in a further team has a role there too, and a role everywhere counts in any', async () => {
  await personOf(store, met('slack:T1:U3'))
  const both = await personOf(store, met('slack:T1:U3', { team: 'slack:T2', defaultRole: 'viewer' }))
  assert.deepEqual(both.roles, { 'slack:T1': 'member', 'slack:T2': 'viewer' })
  assert.equal(roleIn(both, 'slack:T3'), undefined)
  assert.equal(roleIn({ ...both, roles: { '*': 'admin' } }, 'slack:T3'), 'admin')
})

test('an identity that was linked leads to the person it was linked to', async () => {
  const ann = await personOf(store, met('slack:T1:U4'))
  await store.put('identities', { _id: 'discord:U9', rev: 0, user: ann._id })
  assert.equal((await personOf(store, met('discord:U9', { team: 'discord:G1' })))._id, ann._id)
})
