import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openUpstreams } from '../sandbox/upstream.ts'
import { nearUpstreams } from '../sandbox/upstream-door.ts'
import { openBare } from '../store/bare.ts'
import type { User } from '../store/records.ts'
import { openSqlite } from '../store/sqlite.ts'
import { engine, skipOf } from '../test/engines.ts'
import { openClone } from '../test/git-client.ts'
import { openFolder } from '../test/owner.ts'
import { openUpstreamHost } from '../test/upstream.ts'
import { openWorkspaces } from './workspaces.ts'

const skip = skipOf(await engine('git'))
const user: User = { _id: 'ann', rev: 0, name: 'Ann', roles: { web: 'member' } }
const who = { user, team: 'web' }

/** Workspaces over real engines, and a host with the repository `shop` that they may be cloned from. */
const open = async () => {
  await using stack = new AsyncDisposableStack()
  const { repos: theirs } = stack.use(await openFolder())
  await theirs.create('shop')
  const host = stack.use(await openUpstreamHost(theirs))
  const author = stack.use(await openClone(theirs, 'shop'))
  const { folder } = stack.use(await openFolder())
  const store = stack.use(openSqlite(join(folder, 'bellhop.db')))
  const upstreams = stack.use(openUpstreams({ hosts: [host.host] }))
  const now = () => new Date()
  const upstream = nearUpstreams(upstreams, error => assert.fail(String(error)))
  const repos = openBare(join(folder, 'repos'), { now, upstream })
  const workspaces = openWorkspaces({ store, repos, now })
  const held = stack.move()
  return {
    ...{ author, repos, store, workspaces },
    url: `http://${host.host}/owner/shop.git`,
    cause: { key: 'k1', at: now().toISOString() },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

test('a workspace of an upstream has its files, and says where it is from', { skip }, async () => {
  await using house = await open()
  const { author, repos, workspaces, url, cause } = house
  const commit = await author.commit({ 'a.txt': 'a' })
  await author.push('main')
  const order = { name: 'copy', remoteUrl: `${url}/` }
  const made = await workspaces.create(who, order, cause)
  assert.ok(made.ok)
  assert.equal(made.value.remoteUrl, url)
  assert.equal(await repos.resolve(made.value._id, 'main'), commit)
  assert.deepEqual(await workspaces.create(who, order, cause), made)
})

test('an upstream that cannot be cloned is refused in a sentence, and its name stays free', {
  skip,
}, async () => {
  await using house = await open()
  const { store, workspaces, url, cause } = house
  const gone = { name: 'copy', remoteUrl: url.replace('shop', 'gone') }
  for (const order of [gone, { ...gone, remoteUrl: 'https://me:secret@github.com/a/b' }]) {
    const refused = await workspaces.create(who, order, cause)
    assert.ok(!refused.ok)
    assert.deepEqual([refused.refusal.status, refused.refusal.field], [400, 'remoteUrl'])
    assert.match(refused.refusal.detail, /has no repository owner\/gone\.git|^The address of the upstream/)
    assert.ok(!refused.refusal.detail.includes('secret'))
  }
  assert.equal(await store.count('workspaces', {}), 0)
  assert.ok((await workspaces.create(who, { name: 'copy', remoteUrl: url }, cause)).ok)
})
