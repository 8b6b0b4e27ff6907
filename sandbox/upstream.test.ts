import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { openBare } from '../store/bare.ts'
import { BadUpstream } from '../store/repos.ts'
import { engine, skipOf } from '../test/engines.ts'
import { openClone } from '../test/git-client.ts'
import { openFolder } from '../test/owner.ts'
import { openUpstreamHost } from '../test/upstream.ts'
import { openUpstreams } from './upstream.ts'
import { answerUpstreams, farUpstreams, nearUpstreams } from './upstream-door.ts'

const skip = skipOf(await engine('git'))
const secret = 'ghp_aTokenThatNobodyMaySee'
const failed = (error: unknown) => assert.fail(String(error))

/** A host with the repository `shop`, the way to it with its token, and the folder of whoever clones. */
const open = async ({ hosts = [] as readonly string[], token = secret, known = secret, most = 1e9 } = {}) => {
  await using stack = new AsyncDisposableStack()
  const { repos: theirs, folder: theirFolder } = stack.use(await openFolder())
  await theirs.create('shop')
  const upstream = stack.use(await openUpstreamHost(theirs, token))
  const author = stack.use(await openClone(theirs, 'shop'))
  const { folder } = stack.use(await openFolder())
  const github = { token: known, apiUrl: `http://${upstream.host}/api/v3` }
  const upstreams = stack.use(openUpstreams({ hosts: [upstream.host, ...hosts], ...(known && { github }) }))
  const repos = openBare(folder, {
    now: () => new Date(),
    upstream: nearUpstreams(upstreams, failed),
    mostCloneBytes: most,
  })
  const held = stack.move()
  return {
    ...{ theirs, upstream, author, folder, upstreams, repos },
    /** Runs git in the repository of the host itself. */
    there: (...args: string[]) => author.git(`--git-dir=${join(theirFolder, 'shop.git')}`, ...args),
    url: `http://${upstream.host}/owner/shop.git`,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** The sentence of a clone that must fail, after which nothing is left of it. */
const failing = async ({ repos, folder }: Awaited<ReturnType<typeof open>>, url: string): Promise<string> => {
  const error = await repos.create('copy', { url }).then(
    () => assert.fail('it was cloned'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof BadUpstream)
  assert.deepEqual(await readdir(folder), [])
  assert.ok(!error.message.includes(secret))
  return error.message
}

suite('an upstream', { skip }, () => {
  test('is cloned with all its branches and tags, by a token that stays in the gateway', async () => {
    await using house = await open()
    const { author, repos, upstream, url, folder } = house
    const one = await author.commit({ 'a.txt': 'one' })
    await author.git('tag', '-a', '-m', 'One', 'v1')
    await author.push('main')
    const two = await author.commit({ 'b.txt': 'two' })
    await author.git('push', '-q', 'origin', 'HEAD:refs/heads/feature/two', 'v1')
    await repos.create('copy', { url })
    assert.deepEqual(await repos.branches('copy'), [
      { name: 'feature/two', commit: two },
      { name: 'main', commit: one },
    ])
    assert.equal(await repos.resolve('copy', 'v1'), one)
    assert.ok(upstream.seen.length > 0)
    for (const headers of upstream.seen) assert.match(headers.authorization ?? '', /^Basic /)
    const files = await readdir(folder, { recursive: true, withFileTypes: true })
    const texts = files.filter(file => file.isFile()).map(file => readFile(join(file.parentPath, file.name)))
    for (const text of await Promise.all(texts)) assert.ok(!/ghp_|Bearer|Basic/.test(text.toString('latin1')))
  })

  test('is cloned once, however often it is asked for, and not again from elsewhere', async () => {
    await using house = await open()
    const { author, repos, url } = house
    const commit = await author.commit({ 'a.txt': 'a' })
    await author.push('main')
    await Promise.all([repos.create('copy', { url }), repos.create('copy', { url })])
    await author.commit({ 'a.txt': 'b' })
    await author.push('main')
    await repos.create('copy', { url })
    assert.equal(await repos.resolve('copy', 'main'), commit)
    await assert.rejects(repos.create('copy', { url: `${url}x` }), /already, from elsewhere/)
    await repos.create('own')
    await assert.rejects(repos.create('own', { url }), /already, from elsewhere/)
  })

  test('has its default branch as main, and what is called as ours is told apart', async () => {
    await using house = await open()
    const { author, repos, theirs, there, url } = house
    const trunk = await author.commit({ 'a.txt': 'a' })
    await author.push('trunk', 'jobs/j1', 'snapshots', 'mainly')
    await there('symbolic-ref', 'HEAD', 'refs/heads/trunk')
    await repos.create('copy', { url })
    assert.deepEqual(await repos.branches('copy'), [
      { name: 'main', commit: trunk },
      { name: 'mainly', commit: trunk },
      { name: 'upstream-jobs/j1', commit: trunk },
      { name: 'upstream-main', commit: await theirs.resolve('shop', 'main') },
      { name: 'upstream-snapshots', commit: trunk },
    ])
  })

  test('whose default branch is detached, or nowhere, is cloned from its likeliest branch', async () => {
    await using house = await open()
    const { author, repos, there, url } = house
    const other = await author.commit({ 'a.txt': 'a' })
    await author.push('other')
    await there('update-ref', '--no-deref', 'HEAD', other)
    await repos.create('detached', { url })
    assert.equal(await repos.resolve('detached', 'main'), other)
    await there('symbolic-ref', 'HEAD', 'refs/heads/nowhere')
    await repos.create('nowhere', { url })
    assert.equal((await repos.branches('nowhere')).length, 2)
    assert.notEqual(await repos.resolve('nowhere', 'main'), other)
  })

  test('that is empty begins like any workspace', async () => {
    await using house = await open()
    const { repos, there, url } = house
    await there('update-ref', '-d', 'refs/heads/main')
    await repos.create('copy', { url })
    assert.equal((await repos.history('copy', 'main', { limit: 9 })).length, 1)
  })

  test('that needs another token, or is not there, leaves nothing and says so', async () => {
    await using wrong = await open({ known: 'ghp_another' })
    assert.match(
      await failing(wrong, wrong.url),
      /^http:\/\/127\.0\.0\.1:\d+\/owner\/shop\.git could not be cloned: 127\.0\.0\.1:\d+ has no repository owner\/shop\.git, or none that our token may read\.$/,
    )
    await using none = await open({ known: '' })
    assert.match(await failing(none, none.url), /or none that is open to all\.$/)
    await using house = await open()
    assert.match(
      await failing(house, house.url.replace('shop', 'gone')),
      /has no repository owner\/gone\.git/,
    )
  })

  test('of a host that is not named is not asked at all', async () => {
    await using house = await open()
    await using other = await openUpstreamHost(house.theirs)
    assert.match(
      await failing(house, `http://${other.host}/owner/shop.git`),
      /Nothing is cloned from 127\.0\.0\.1:\d+ here; whoever runs Bellhop can name it in UPSTREAM_HOSTS\.$/,
    )
    assert.deepEqual(other.seen, [])
    assert.match(await failing(house, 'ext::sh -c x'), /^The address of the upstream cannot be used/)
  })

  test('of a host that is not the API’s gets no token', async () => {
    await using house = await open()
    await using other = await openUpstreamHost(house.theirs)
    await using upstreams = openUpstreams({
      hosts: [other.host],
      github: { token: secret, apiUrl: 'https://api.github.com' },
    })
    await using folder = await openFolder()
    const upstream = nearUpstreams(upstreams, failed)
    const repos = openBare(folder.folder, { now: () => new Date(), upstream })
    await repos.create('copy', { url: `http://${other.host}/owner/shop.git` })
    assert.ok(other.seen.length > 0)
    for (const headers of other.seen) assert.equal(headers.authorization, undefined)
  })

  test('that has moved is not followed, and its new address told', async () => {
    await using house = await open()
    const moved = await failing(house, house.url.replace('owner', 'moved'))
    assert.ok(moved.endsWith(`The repository is at ${house.url} now; use that address.`), moved)
    assert.match(
      await failing(house, house.url.replace('owner', 'away')),
      /The repository is at http:\/\/127\.0\.0\.1:9\/owner\/shop\.git now/,
    )
    assert.match(await failing(house, house.url.replace('owner', 'odd')), /sends it elsewhere, where nobody/)
  })

  test('with objects that are broken on purpose is refused', async () => {
    await using house = await open()
    const { author, there, url } = house
    const blob = await author.git('rev-parse', `${await author.commit({ a: 'a' })}:a`)
    await author.push('main')
    const entry = Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')])
    await author.write({ '../tree': entry })
    const file = join(author.folder, '..', 'tree')
    const tree = await there('hash-object', '-t', 'tree', '--literally', '-w', file)
    const commit = await there('commit-tree', tree, '-m', 'Bad')
    await there('update-ref', 'refs/heads/bad', commit)
    assert.match(await failing(house, url), /hasDotgit/)
  })

  test('that is too large is given up', async () => {
    await using house = await open({ most: 2 * 1024 * 1024 })
    const { author, url } = house
    await author.commit({ 'a.bin': randomBytes(4_000_000) })
    await author.push('main')
    assert.match(await failing(house, url), /It is larger than the 2 MB that a clone may have\.$/)
  })

  test('that does not answer is told', async () => {
    await using house = await open({ hosts: ['127.0.0.1:9'] })
    assert.match(
      await failing(house, 'http://127.0.0.1:9/owner/shop.git'),
      /127\.0\.0\.1:9 cannot be reached from where Bellhop runs: ECONNREFUSED\.$/,
    )
  })
})

suite('the gateway as the way to an upstream', { skip }, () => {
  /** The way of a gateway that is a process of its own. */
  const serve = async (house: Awaited<ReturnType<typeof open>>, token: string) => {
    const server = createServer(answerUpstreams(house.upstreams, token, failed))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      [Symbol.asyncDispose]: async () => void server.close().closeAllConnections(),
    }
  }
  const token = 'what the roles know each other by'

  test('lets in who knows its token', async () => {
    await using house = await open()
    await using gateway = await serve(house, token)
    const repos = (known: string) =>
      openBare(house.folder, {
        now: () => new Date(),
        upstream: farUpstreams({ url: gateway.url, token: known }),
      })
    await assert.rejects(repos('another').create('copy', { url: house.url }), {
      name: 'BadUpstream',
      message: `${house.url} could not be cloned: The gateway does not know this process: BELLHOP_SECRET_KEY has to be the same.`,
    })
    await repos(token).create('copy', { url: house.url })
    assert.ok(await repos(token).resolve('copy', 'main'))
  })

  test('passes fetches and nothing else, and no credentials of who asks', async () => {
    await using house = await open()
    const { upstream } = house
    await using gateway = await serve(house, token)
    const base = `${gateway.url}/internal/upstream/${upstream.host}/owner/shop.git`
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(base + path, {
        ...init,
        headers: { authorization: `Bearer ${token}`, cookie: 'a=b', ...init.headers },
      })
    const before = upstream.seen.length
    for (const path of [
      '',
      '/HEAD',
      '/info/refs',
      '/info/refs?service=git-receive-pack',
      '/git-receive-pack',
      '/git-upload-pack',
      '/../../127.0.0.1:1/owner/shop.git/info/refs?service=git-upload-pack',
      '/%61/info/refs?service=git-upload-pack',
      '/a@b/info/refs?service=git-upload-pack',
    ])
      assert.equal((await ask(path)).status, 403, path)
    for (const path of ['/git-receive-pack', '/info/refs?service=git-upload-pack'])
      assert.equal((await ask(path, { method: 'POST', body: 'x' })).status, 403, path)
    assert.equal(
      (await ask('/info/refs?service=git-upload-pack', { headers: { authorization: 'Bearer x' } })).status,
      403,
    )
    assert.equal(upstream.seen.length, before)
    const answer = await ask('/info/refs?service=git-upload-pack&x=y', { headers: { 'x-odd': '1' } })
    assert.match(await answer.text(), /refs\/heads\/main/)
    const { authorization, cookie, 'x-odd': odd } = upstream.seen.at(-1)!
    assert.match(authorization ?? '', /^Basic /)
    assert.deepEqual([cookie, odd], [undefined, undefined])
    assert.equal((await fetch(`${gateway.url}/else`)).status, 404)
  })
})
