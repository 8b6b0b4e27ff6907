import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Hono } from 'hono'
import { engine, skipOf } from '../test/engines.ts'
import { openClone, openServer } from '../test/git-client.ts'
import { openOwned } from '../test/owner.ts'
import { serveApp } from '../views/serve.ts'
import type { Env } from '../views/web.ts'
import { openRemoteRepos } from './remote-repos.ts'
import { reposContract } from './repos.contract.ts'

const skip = skipOf(await engine('git'))
const run = promisify(execFile)
const away = { name: 'OwnerAway', message: 'The web, which owns the repositories, does not answer.' }
const order = (commit: string) => ({ commit, into: 'main', message: commit, at: '2026-01-02T03:04:05.000Z' })

reposContract('the door of their owner', openOwned, skip)

test('an owner that starts again meanwhile is waited for', { skip }, async () => {
  await using house = await openOwned()
  const { repos, serve, served } = house
  await repos.create('shop')
  await using clone = await openClone(repos, 'shop')
  const commit = await clone.commit({ 'a.txt': 'a' })
  await served.close()
  const merging = repos.merge('shop', order('main'))
  const pushing = clone.push('jobs/j1')
  const waiting = await Promise.race([
    merging,
    pushing,
    new Promise(resolve => setTimeout(resolve, 300, 'waits')),
  ])
  assert.equal(waiting, 'waits')
  const again = await serve(Number(new URL(served.url).port))
  await Promise.all([merging, pushing])
  assert.equal(await repos.resolve('shop', 'jobs/j1'), commit)
  await again.close()
})

test('an owner that stays away is told by name, on every verb and to git', { skip }, async () => {
  await using house = await openOwned()
  const { bare, served, token } = house
  await bare.create('shop')
  await using repos = openRemoteRepos({ url: served.url, token, patienceMs: 200 })
  await using clone = await openClone(repos, 'shop')
  await clone.commit({ 'a.txt': 'a' })
  await served.close()
  await assert.rejects(repos.resolve('shop', 'main'), away)
  await assert.rejects(repos.blob('shop', 'main', 'a.txt'), away)
  await assert.rejects(repos.merge('shop', order('main')), away)
  await assert.rejects(repos.create('shop'), away)
  const server = await openServer(repos, 'shop', {})
  await assert.rejects(clone.git('fetch', '-q', server.url), /unable to access/)
  await assert.rejects(server[Symbol.asyncDispose](), /OwnerAway/)
})

test('a merge whose answer was lost is asked for again and lands once', { skip }, async () => {
  await using house = await openOwned()
  const { repos: owner, bare, served, token } = house
  await bare.create('shop')
  await using clone = await openClone(owner, 'shop')
  const start = await clone.git('rev-parse', 'HEAD')
  for (const name of ['j1', 'j2']) {
    await clone.git('checkout', '-q', start)
    await clone.commit({ [name]: name })
    await clone.push(name)
  }
  await bare.merge('shop', order('j1'))
  let lost = 0
  const losing = new Hono<Env>().all('*', async c => {
    const { url, method } = c.req
    const passed = await fetch(served.url + new URL(url).pathname, {
      method,
      headers: c.req.header(),
      body: await c.req.text(),
    })
    if (lost++ > 0) return passed
    await passed.arrayBuffer()
    return c.body(null, 502)
  })
  const proxy = await serveApp(losing, { port: 0, host: '127.0.0.1' })
  await using repos = openRemoteRepos({ url: proxy.url, token })
  const merged = await repos.merge('shop', order('j2'))
  assert.equal(lost, 2)
  assert.deepEqual(merged, { merged: await bare.resolve('shop', 'main') })
  const commits = await bare.history('shop', 'main', { limit: 9 })
  assert.deepEqual(commits.map(({ message }) => message).toSorted(), ['Begin', 'Change', 'Change', 'j2'])
  await proxy.close()
})

test('merges by two processes at once all land', { skip }, async () => {
  await using house = await openOwned()
  const { repos, served, token } = house
  await repos.create('shop')
  await using clone = await openClone(repos, 'shop')
  const start = await clone.git('rev-parse', 'HEAD')
  const names = Array.from({ length: 8 }, (_, n) => `j${n}`)
  for (const name of names) {
    await clone.git('checkout', '-q', start)
    await clone.commit({ [name]: name })
    await clone.git('branch', name)
  }
  await clone.git('push', '-q', 'origin', ...names)
  const merger = (mine: readonly string[]) =>
    run(process.execPath, [
      '--input-type=module',
      '--eval',
      `import { openRemoteRepos } from ${JSON.stringify(import.meta.resolve('./remote-repos.ts'))}
       const [url, token, orders] = JSON.parse(process.argv[1])
       await using repos = openRemoteRepos({ url, token })
       console.log(JSON.stringify(await Promise.all(orders.map(order => repos.merge('shop', order)))))`,
      JSON.stringify([served.url, token, mine.map(order)]),
    ])
  const halves = await Promise.all([merger(names.slice(0, 5)), merger(names.slice(3))])
  for (const { stdout } of halves)
    for (const merge of JSON.parse(stdout)) assert.ok('merged' in merge, stdout)
  const files = await repos.tree('shop', 'main', '')
  assert.deepEqual(
    files?.map(entry => entry.name),
    names,
  )
})

test('a process with another key is told what to set, and gets nothing', { skip }, async () => {
  await using house = await openOwned()
  const { bare, served } = house
  await bare.create('shop')
  await using repos = openRemoteRepos({ url: served.url, token: 'another' })
  await assert.rejects(repos.resolve('shop', 'main'), /set the same BELLHOP_SECRET_KEY for both/)
  for (const authorization of ['', 'Bearer', 'Bearer ', 'Bearer another']) {
    const headers = { authorization }
    for (const path of ['/', '/resolve', '/git/shop/info/refs?service=git-upload-pack', '/x']) {
      const answer = await fetch(`${served.url}/internal/repos${path}`, { headers })
      assert.equal(answer.status, 401, path)
    }
  }
})

test('git asks in vain for a repository that is not there', { skip }, async () => {
  await using house = await openOwned()
  const { repos } = house
  const body = { method: 'POST', headers: { 'content-type': 'application/x-git-upload-pack-request' } }
  const request = {
    ...body,
    path: '/git-upload-pack',
    query: new URLSearchParams(),
    body: Readable.from(['0000']),
  }
  await assert.rejects(repos.serve('nowhere', request, {}), {
    name: 'Unknown',
    message: 'There is no repository nowhere.',
  })
  await assert.rejects(repos.create('copy', { url: 'https://github.com/a/b' }), {
    name: 'BadUpstream',
    message: 'Repositories elsewhere cannot be reached from here.',
  })
})
