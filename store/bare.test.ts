import assert from 'node:assert/strict'
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { engine, skipOf } from '../test/engines.ts'
import { openClone } from '../test/git-client.ts'
import { openBare } from './bare.ts'
import { reposContract } from './repos.contract.ts'

const skip = skipOf(await engine('git'))
const now = () => new Date('2026-01-02T03:04:05Z')

const openFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-repos-'))
  return {
    folder,
    repos: openBare(folder, { now }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

reposContract('a folder', openFolder, skip)

test('drafts that a crash left behind are cleared and the repository made', { skip }, async () => {
  await using house = await openFolder()
  for (const name of ['shop', 'other']) {
    const draft = join(house.folder, `${name}.draft`)
    await mkdir(join(draft, 'refs'), { recursive: true })
    await writeFile(join(draft, 'HEAD'), 'half a li')
  }
  await house.repos.create('shop')
  assert.ok(await house.repos.resolve('shop', 'main'))
  assert.deepEqual(await readdir(house.folder), ['shop.git'])
})

test('what a killed git left behind holds up nobody after a restart', { skip }, async () => {
  await using house = await openFolder()
  await house.repos.create('shop')
  const shop = join(house.folder, 'shop.git')
  await using clone = await openClone(house.repos, 'shop')
  const commit = await clone.commit({ 'a.txt': 'a' })
  await clone.push('jobs/j1')
  const leftovers = ['refs/heads/main.lock', 'packed-refs.lock', 'objects/tmp_objdir-incoming-abc']
  for (const name of leftovers) await writeFile(join(shop, name), '')
  const order = { commit, into: 'main', message: 'Merge', at: now().toISOString() }
  const restarted = openBare(house.folder, { now: () => new Date(Date.now() + 1000) })
  assert.deepEqual(await restarted.merge('shop', order), { merged: commit })
  const left = await readdir(shop, { recursive: true })
  assert.deepEqual(
    leftovers.filter(name => left.includes(name)),
    [],
  )
})

test('a lock that was taken after the start is respected', { skip }, async () => {
  await using house = await openFolder()
  await house.repos.create('shop')
  const lock = join(house.folder, 'shop.git/refs/heads/main.lock')
  await writeFile(lock, '')
  const keeper = openBare(house.folder, { now: () => new Date(Date.now() - 60_000) })
  await keeper.branches('shop')
  await access(lock)
})

test('a repository that is made at the same time is the same', { skip }, async () => {
  await using one = await openFolder()
  await using other = await openFolder()
  for (const { repos } of [one, other]) await repos.create('shop')
  assert.equal(await one.repos.resolve('shop', 'main'), await other.repos.resolve('shop', 'main'))
})

test('merges by two keepers of one folder all land', { skip }, async () => {
  await using house = await openFolder()
  const keepers = [house.repos, openBare(house.folder, { now })]
  await house.repos.create('shop')
  await using clone = await openClone(house.repos, 'shop')
  const names = Array.from({ length: 6 }, (_, n) => `j${n}`)
  for (const name of names) {
    await clone.git('checkout', '-q', 'origin/main')
    await clone.commit({ [name]: name })
    await clone.push(name)
  }
  const merges = names.map((name, n) =>
    keepers[n % 2]!.merge('shop', { commit: name, into: 'main', message: name, at: now().toISOString() }),
  )
  for (const merge of await Promise.all(merges)) assert.ok('merged' in merge)
  assert.deepEqual(
    (await house.repos.tree('shop', 'main', ''))?.map(entry => entry.name),
    names,
  )
})

test('hooks that came into a repository do not run', {
  skip,
}, async () => {
  await using house = await openFolder()
  const { folder, repos } = house
  await repos.create('shop')
  const marker = join(folder, 'marker')
  const hooks = join(folder, 'shop.git', 'hooks')
  await mkdir(hooks)
  for (const hook of [
    'pre-receive',
    'update',
    'post-receive',
    'post-update',
    'reference-transaction',
    'proc-receive',
  ])
    await writeFile(join(hooks, hook), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 })
  await using clone = await openClone(repos, 'shop')
  const before = (await repos.resolve('shop', 'main'))!
  await clone.commit({ 'a.txt': 'a' })
  await clone.push('jobs/j1')
  await repos.merge('shop', { commit: 'jobs/j1', into: 'main', message: 'Merge', at: now().toISOString() })
  assert.match(await repos.diff('shop', before, 'main'), /\+a$/m)
  assert.ok(!(await readdir(folder)).includes('marker'))
})
