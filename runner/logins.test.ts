import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openSqlite } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import {
  addToken,
  endSession,
  offerLogin,
  redeemLogin,
  sessionUser,
  sweepLogins,
  tokenUser,
} from './logins.ts'

let folder: string
let store: Store
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'logins-'))
  store = openSqlite(join(folder, 'db'))
  await store.put('users', { _id: 'ann', rev: 0, name: 'Ann', roles: { web: 'member' } })
})
after(async () => {
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const start = Date.parse('2026-01-01T00:00:00.000Z')
const minutes = (n: number) => new Date(start + n * 60_000)
const days = (n: number) => minutes(n * 24 * 60)

test('a link logs in once, however often it is opened at once', async () => {
  const secret = await offerLogin(store, 'ann', minutes(0))
  const all = await Promise.all(Array.from({ length: 5 }, () => redeemLogin(store, secret, minutes(1))))
  const [login, ...more] = all.filter(one => one !== undefined)
  assert.equal(login?.user._id, 'ann')
  assert.deepEqual(more, [])
  assert.equal(await redeemLogin(store, secret, minutes(2)), undefined)
})

test('a link ends after 15 minutes, and one that was never offered opens nothing', async () => {
  const secret = await offerLogin(store, 'ann', minutes(0))
  assert.equal(await redeemLogin(store, secret, minutes(15)), undefined)
  assert.ok(await redeemLogin(store, secret, minutes(14)))
  assert.equal(await redeemLogin(store, 'made up', minutes(0)), undefined)
})

test('a session lasts 30 days, or until it is ended', async () => {
  const login = async () =>
    (await redeemLogin(store, await offerLogin(store, 'ann', minutes(0)), minutes(0)))?.session ?? ''
  const [one, other] = [await login(), await login()]
  assert.equal((await sessionUser(store, one, days(29)))?.name, 'Ann')
  assert.equal(await sessionUser(store, one, days(30)), undefined)
  await endSession(store, one)
  assert.equal(await sessionUser(store, one, days(1)), undefined)
  assert.equal((await sessionUser(store, other, days(1)))?.name, 'Ann')
})

test('a token is good until its time, and for good without one', async () => {
  await addToken(store, { user: 'ann', name: 'ci', scopes: ['*'] }, 'secret-one')
  await addToken(
    store,
    { user: 'ann', name: 'ci', scopes: ['*'], until: days(1).toISOString() },
    'secret-two',
  )
  assert.equal((await tokenUser(store, 'secret-one', days(1000)))?.name, 'Ann')
  assert.equal((await tokenUser(store, 'secret-two', minutes(1)))?.name, 'Ann')
  assert.equal(await tokenUser(store, 'secret-two', days(1)), undefined)
  assert.equal(await tokenUser(store, 'secret-three', minutes(1)), undefined)
})

test('no secret is stored', async () => {
  const secret = await offerLogin(store, 'ann', minutes(0))
  const session = (await redeemLogin(store, secret, minutes(0)))?.session ?? ''
  await addToken(store, { user: 'ann', name: 'ci', scopes: ['*'] }, 'a-token-of-mine')
  for (const name of ['db', 'db-wal']) {
    const bytes = await readFile(join(folder, name)).catch(() => Buffer.alloc(0))
    for (const kept of [secret, session, 'a-token-of-mine']) assert.equal(bytes.includes(kept), false)
  }
})

test('a sweep drops what lets nobody in any more, and nothing else', async () => {
  await sweepLogins(store, days(1000))
  const secret = await offerLogin(store, 'ann', minutes(0))
  const login = await redeemLogin(store, secret, minutes(1))
  await offerLogin(store, 'ann', minutes(10))
  await sweepLogins(store, minutes(20))
  assert.equal(await store.count('logins', {}), 1)
  assert.ok(login && (await sessionUser(store, login.session, minutes(20))))
  await sweepLogins(store, days(31))
  assert.equal(await store.count('logins', {}), 0)
  assert.equal(await store.count('sessions', {}), 0)
})
