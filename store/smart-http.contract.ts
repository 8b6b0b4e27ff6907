import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { openClone, openServer } from '../test/git-client.ts'
import { packet } from './refusal.ts'
import type { Repos } from './repos.ts'

const run = promisify(execFile)
const sentence = 'This job pushes to jobs/j1 only.'
const jobOnly = { push: (ref: string) => (ref === 'refs/heads/jobs/j1' ? undefined : sentence) }
const anything = { push: () => undefined }
const zeros = '0'.repeat(40)

/** What git said on its way out, for a push that must fail. */
const failing = async (push: Promise<unknown>): Promise<string> =>
  await push.then(
    () => assert.fail('the push was let through'),
    (error: { stderr: string }) => error.stderr,
  )

/** A pack of no objects: enough for a ref to a commit that is there. */
const emptyPack = (() => {
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1')
  return Buffer.concat([head, createHash('sha1').update(head).digest()])
})()

const post = (url: string, service: string, body: Buffer | string, headers: Record<string, string> = {}) =>
  fetch(`${url}/git-${service}`, {
    method: 'POST',
    headers: { 'content-type': `application/x-git-${service}-request`, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  })

/** What every keeper of repositories promises of its `serve`: who may do what, and what becomes of a forged request. */
export const smartHttpContract = (
  name: string,
  openRepos: () => Promise<AsyncDisposable & { readonly repos: Repos }>,
  skip: false | string,
): void => {
  /** The repository `shop`, and a clone of it whose pushes have these rights. */
  const open = async (rights: { readonly push?: (ref: string) => string | undefined }) => {
    await using stack = new AsyncDisposableStack()
    const { repos } = stack.use(await openRepos())
    await repos.create('shop')
    const clone = stack.use(await openClone(repos, 'shop', rights))
    const held = stack.move()
    return {
      repos,
      clone,
      main: (await repos.resolve('shop', 'main'))!,
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    }
  }

  suite(`smart HTTP by ${name}`, { skip }, () => {
    test('a push to the allowed branch arrives, and a fetch brings everything', async () => {
      await using house = await open(jobOnly)
      const { repos, clone } = house
      const commit = await clone.commit({ 'a.txt': 'a' })
      await clone.push('jobs/j1')
      assert.equal(await repos.resolve('shop', 'jobs/j1'), commit)
      await repos.shelve('shop', 'refs/heads/jobs/j1', 'refs/bellhop/attempts/j1/1')
      await using reader = await openClone(repos, 'shop', {})
      await reader.git('fetch', '-q', 'origin', 'refs/*:refs/copy/*')
      assert.equal(await reader.git('rev-parse', 'refs/copy/bellhop/attempts/j1/1'), commit)
      assert.equal(await reader.git('show', `${commit}:a.txt`), 'a')
    })

    test('a push to another branch is refused with the sentence', async () => {
      await using house = await open(jobOnly)
      const { repos, clone, main } = house
      await clone.commit({ 'a.txt': 'a' })
      assert.match(
        await failing(clone.push('main')),
        /\[remote rejected\] HEAD -> main \(This job pushes to jobs\/j1 only\.\)/,
      )
      assert.equal(await repos.resolve('shop', 'main'), main)
    })

    test('when one of two refs is refused, neither moves and both are told why', async () => {
      await using house = await open(jobOnly)
      const { repos, clone, main } = house
      await clone.commit({ 'a.txt': 'a' })
      const said = await failing(clone.push('jobs/j1', 'main'))
      assert.match(said, /HEAD -> main \(This job pushes/)
      assert.match(said, /HEAD -> jobs\/j1 \(Not moved, because another ref was refused\.\)/)
      assert.deepEqual(await repos.branches('shop'), [{ name: 'main', commit: main }])
    })

    test('nothing is deleted, moved backwards or put beside branches and tags, whatever the rights', async () => {
      await using house = await open(anything)
      const { repos, clone, main } = house
      const commit = await clone.commit({ 'a.txt': 'a' })
      await clone.push('main', 'jobs/j1')
      assert.match(
        await failing(clone.git('push', 'origin', ':refs/heads/jobs/j1')),
        /A push cannot delete here\./,
      )
      assert.match(
        await failing(clone.git('push', '-f', 'origin', `${main}:refs/heads/main`)),
        /non-fast-forward/,
      )
      for (const ref of ['refs/bellhop/x', 'refs/replace/x', 'refs/x'])
        assert.match(
          await failing(clone.git('push', 'origin', `HEAD:${ref}`)),
          /Only branches and tags can be pushed\./,
        )
      assert.deepEqual(await repos.branches('shop'), [
        { name: 'jobs/j1', commit },
        { name: 'main', commit },
      ])
    })

    test('without the right to push nothing can be pushed, and the reason is told', async () => {
      await using house = await open({})
      const { repos, clone, main } = house
      await clone.commit({ 'a.txt': 'a' })
      const said = await failing(clone.push('main'))
      assert.match(said, /403/)
      assert.match(said, /You may read this repository, but not push to it\./)
      const list = packet(`${zeros} ${main} refs/heads/evil\0report-status`)
      assert.equal(
        (await post(clone.url, 'receive-pack', Buffer.concat([list, Buffer.from('0000'), emptyPack]))).status,
        403,
      )
      assert.equal((await repos.branches('shop')).length, 1)
    })

    test('large files arrive in both directions', async () => {
      await using house = await open(anything)
      const { repos, clone } = house
      const bytes = randomBytes(3_000_000)
      await clone.commit({ 'a.bin': bytes })
      await clone.push('main')
      assert.ok((await repos.blob('shop', 'main', 'a.bin'))?.content.equals(bytes))
      await using reader = await openClone(repos, 'shop', {})
      assert.equal(await reader.git('rev-parse', 'HEAD:a.bin'), await clone.git('rev-parse', 'HEAD:a.bin'))
    })

    test('shallow and partial clones can be made, and pushed from', async () => {
      await using house = await open(anything)
      const { repos, clone } = house
      for (const text of ['1', '2', '3']) await clone.commit({ 'a.txt': text })
      await clone.push('main')
      const shallow = join(clone.folder, '..', 'shallow')
      await clone.git('clone', '-q', '--depth=1', '--filter=blob:none', clone.url, shallow)
      assert.equal(await clone.git('-C', shallow, 'rev-list', '--count', 'HEAD'), '1')
      await clone.git('-C', shallow, 'commit', '-q', '--allow-empty', '-m', 'From a shallow clone')
      await clone.git('-C', shallow, 'push', '-q', 'origin', 'HEAD:refs/heads/jobs/j1')
      assert.equal((await repos.history('shop', 'jobs/j1', { limit: 9 })).length, 5)
    })

    test('broken objects are refused', async () => {
      await using house = await open(anything)
      const { repos, clone } = house
      const blob = await clone.git('rev-parse', `${await clone.commit({ a: 'a' })}:a`)
      const entry = Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')])
      await clone.write({ '../tree': entry })
      const tree = await clone.git('hash-object', '-t', 'tree', '--literally', '-w', '../tree')
      const commit = await clone.git('commit-tree', tree, '-m', 'Bad')
      assert.match(
        await failing(clone.git('push', 'origin', `${commit}:refs/heads/bad`)),
        /hasDotgit|unpack|unpacker/,
      )
      assert.equal(await repos.resolve('shop', 'bad'), undefined)
    })
  })

  suite(`a forged push to ${name}`, { skip }, () => {
    const commands = (to: string): Readonly<Record<string, readonly (string | Buffer)[]>> => {
      const evil = `${zeros} ${to} refs/heads/evil`
      const good = `${zeros} ${to} refs/heads/jobs/j1`
      const flush = '0000'
      const caps = '\0report-status side-band-64k'
      return {
        'a second command after a line break': [packet(`${good}\n${evil}${caps}`), flush],
        'a second command after the capabilities': [packet(`${good}${caps}\0${evil}`), flush],
        'a command in a certificate': [
          packet(`push-cert\0report-status`),
          packet('certificate version 0.1\n'),
          packet(evil),
          packet('push-cert-end\n'),
          flush,
        ],
        'a command behind a delimiter': [packet(`${good}${caps}`), '0001', packet(evil), flush],
        'a command behind a response end': [packet(`${good}${caps}`), '0002', packet(evil), flush],
        'a command behind an empty packet': ['0004', packet(`${evil}${caps}`), flush],
        'a length with a sign': [`+0${packet(evil).subarray(2)}`, flush],
        'a length in capitals': [`00AA${evil}\0report-status`.padEnd(0xaa), flush],
        'a length that is none': ['zzzz', packet(evil), flush],
        'a length past the largest': ['fff5', 'x'.repeat(0xfff1), flush],
        'a ref with a line break': [packet(`${zeros} ${to} refs/heads/jobs/j1\nng x${caps}`), flush],
        'a ref that is an option': [packet(`${zeros} ${to} --upload-pack=x${caps}`), flush],
        'a ref that climbs': [packet(`${zeros} ${to} refs/heads/../../config${caps}`), flush],
        'a lock': [packet(`${zeros} ${to} refs/heads/main.lock${caps}`), flush],
        'no ref': [packet(`${zeros} ${to} ${caps}`), flush],
        HEAD: [packet(`${zeros} ${to} HEAD${caps}`), flush],
        'a ref that is not UTF-8': [
          packet(Buffer.concat([Buffer.from(`${zeros} ${to} refs/heads/`), Buffer.from([0xff, 0xfe])])),
          flush,
        ],
        'an end in the middle of a length': ['00'],
        'an end in the middle of a line': [packet(evil).subarray(0, 60)],
        'no end of the list': [packet(`${evil}${caps}`)],
        'another ref in shallow': [packet(`shallow ${to} ${evil}`), packet(`${evil}${caps}`), flush],
      }
    }

    let house: Awaited<ReturnType<typeof open>>
    before(async () => {
      house = await open(jobOnly)
    })
    after(() => house[Symbol.asyncDispose]())

    for (const forgery of Object.keys(commands(zeros)))
      test(`with ${forgery} moves nothing`, async () => {
        const { repos, clone, main } = house
        const body = Buffer.concat([...commands(main)[forgery]!, emptyPack].map(part => Buffer.from(part)))
        const response = await post(clone.url, 'receive-pack', body)
        assert.equal(response.status, 400)
        assert.match(await response.text(), /^The push [^\n]+\.\n$/)
        assert.deepEqual(await repos.branches('shop'), [{ name: 'main', commit: main }])
      })

    test('that comes in small pieces is put together', async () => {
      await using house = await open(jobOnly)
      const { clone, main } = house
      const list = packet(`${zeros} ${main} refs/heads/evil\0report-status\n`)
      const upload = request(`${clone.url}/git-receive-pack`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-git-receive-pack-request' },
      })
      const answered = once(upload, 'response')
      for (const byte of Buffer.concat([list, Buffer.from('0000'), emptyPack]))
        await new Promise(resolve => upload.write(Buffer.of(byte), resolve))
      upload.end()
      const [response] = await answered
      assert.match((await response.setEncoding('utf8').toArray()).join(''), /ng refs\/heads\/evil This job/)
    })

    test('that is well made is judged like any other', async () => {
      await using house = await open(jobOnly)
      const { repos, clone, main } = house
      const push = async (ref: string, caps: string) => {
        const body = Buffer.concat([
          packet(`${zeros} ${main} ${ref}\0${caps}\n`),
          Buffer.from('0000'),
          emptyPack,
        ])
        return await (await post(clone.url, 'receive-pack', body)).text()
      }
      assert.equal(
        await push('refs/heads/evil', 'report-status'),
        `000eunpack ok\n0038ng refs/heads/evil ${sentence}\n0000`,
      )
      assert.match(
        await push('refs/heads/evil', 'side-band-64k report-status'),
        /^[0-9a-f]{4}\x01000eunpack ok\n.*\n00000000$/s,
      )
      assert.match(await push('refs/heads/jobs/j1', 'report-status'), /ok refs\/heads\/jobs\/j1/)
      assert.deepEqual(
        (await repos.branches('shop')).map(({ name }) => name),
        ['jobs/j1', 'main'],
      )
    })

    test('with a list that never ends is refused at one megabyte', async () => {
      await using house = await open(anything)
      const { clone, main } = house
      const line = (n: number) => packet(`${zeros} ${main} refs/heads/b${n}`)
      const list = Buffer.concat([
        ...Array.from({ length: 20_000 }, (_, n) => line(n)),
        Buffer.from('0000'),
        emptyPack,
      ])
      const response = await post(clone.url, 'receive-pack', list)
      assert.equal(response.status, 400)
      assert.match(await response.text(), /too many refs at once: its list is longer than 1000000 bytes/)
    })

    test('with eight hundred refused refs is answered for each of them', async () => {
      await using house = await open(jobOnly)
      const { clone } = house
      await clone.commit({ 'a.txt': 'a' })
      const names = Array.from({ length: 800 }, (_, n) => `a-rather-long-name-of-a-branch-${n}`)
      const said = await failing(clone.push(...names))
      assert.equal(said.match(/This job pushes to jobs\/j1 only\./g)?.length, 800)
    })

    test('with rubbish for a pack is answered after all of it was read', async () => {
      await using house = await open(anything)
      const { repos, clone } = house
      const list = packet(`${zeros} ${'1'.repeat(40)} refs/heads/x\0report-status`)
      const body = Buffer.concat([list, Buffer.from('0000'), randomBytes(20_000_000)])
      const response = await post(clone.url, 'receive-pack', body)
      assert.match(await response.text(), /unpack .*\n.*ng refs\/heads\/x unpacker error/)
      assert.equal(await repos.resolve('shop', 'x'), undefined)
    })
  })

  suite(`the address of a repository by ${name}`, { skip }, () => {
    test('answers nothing but smart HTTP', async () => {
      await using house = await open(anything)
      const { url } = house.clone
      const paths = [
        '/',
        '/HEAD',
        '/info/refs',
        '/info/refs?service=git-upload-archive',
        '/objects/info/packs',
        '/config',
        '/../other.git/info/refs',
      ]
      for (const path of [...paths, '/git-upload-pack', '/git-receive-pack?service=git-upload-pack'])
        assert.equal((await fetch(url + path)).status, 403, path)
      for (const path of ['/info/refs?service=git-upload-pack', '/git-upload-archive', '/x/git-upload-pack'])
        assert.equal(
          (await fetch(url + path, { method: 'POST', body: 'x'.repeat(1_000_000) })).status,
          403,
          path,
        )
      assert.match(await (await fetch(`${url}/HEAD`)).text(), /^Only smart HTTP is served here/)
    })

    test('says what it sends, in the protocol that was asked for', async () => {
      await using house = await open(anything)
      const { url } = house.clone
      const ask = async (service: string, protocol: string) => {
        const response = await fetch(`${url}/info/refs?service=git-${service}`, {
          headers: { 'git-protocol': protocol },
        })
        assert.equal(response.headers.get('content-type'), `application/x-git-${service}-advertisement`)
        assert.equal(response.headers.get('cache-control'), 'no-cache')
        return await response.text()
      }
      assert.match(await ask('upload-pack', 'version=2'), /^000eversion 2\n/)
      for (const protocol of ['version=0', 'version=2; rm', 'x'])
        assert.match(
          await ask('upload-pack', protocol),
          /^001e# service=git-upload-pack\n0000[0-9a-f]{44} HEAD\0/,
          protocol,
        )
      assert.match(await ask('receive-pack', 'version=2'), /^001f# service=git-receive-pack\n0000/)
    })

    test('serves clients of every protocol version', async () => {
      await using house = await open(anything)
      const { clone } = house
      for (const version of ['0', '1', '2'])
        await clone.git(
          '-c',
          `protocol.version=${version}`,
          'clone',
          '-q',
          clone.url,
          join(clone.folder, '..', version),
        )
    })

    test('takes zipped bodies, and says so of what it cannot read', async () => {
      await using house = await open(jobOnly)
      const { url } = house.clone
      const listing = Buffer.concat([packet('command=ls-refs\n'), Buffer.from('0000')])
      const protocol = { 'git-protocol': 'version=2' }
      const plain = await post(url, 'upload-pack', listing, protocol)
      assert.equal(plain.headers.get('content-type'), 'application/x-git-upload-pack-result')
      const zipped = await post(url, 'upload-pack', gzipSync(listing), {
        ...protocol,
        'content-encoding': 'gzip',
      })
      const text = await plain.text()
      assert.match(text, /refs\/heads\/main/)
      assert.equal(await zipped.text(), text)
      const broken = await post(url, 'receive-pack', randomBytes(2_000_000), { 'content-encoding': 'gzip' })
      assert.equal(broken.status, 400)
      assert.equal((await post(url, 'receive-pack', '0000', { 'content-encoding': 'br' })).status, 415)
      assert.equal((await post(url, 'receive-pack', '0000', { 'content-type': 'text/plain' })).status, 415)
      assert.equal((await post(url, 'receive-pack', '0000')).status, 200)
    })
  })

  suite(`a client that goes away from ${name}`, { skip }, () => {
    /** The git processes that this test process has started and that still run. */
    const children = async () => {
      const { stdout } = await run('ps', ['-A', '-o', 'ppid=,args='])
      return stdout.split('\n').filter(line => new RegExp(`^\\s*${process.pid} .*--stateless-rpc`).test(line))
        .length
    }
    const until = async (count: number) => {
      while ((await children()) !== count);
    }

    test('in the middle of a push takes its git with it', { timeout: 20_000 }, async () => {
      await using house = await open(anything)
      const { clone, main } = house
      const upload = request(`${clone.url}/git-receive-pack`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-git-receive-pack-request' },
      })
      upload.on('error', () => {})
      upload.write(
        Buffer.concat([packet(`${zeros} ${main} refs/heads/x\0report-status`), Buffer.from('0000PACK')]),
      )
      await until(1)
      upload.destroy()
      await until(0)
    })

    test('in the middle of a fetch takes its git with it', { timeout: 20_000 }, async () => {
      await using house = await open(anything)
      const { repos, clone } = house
      const commit = await clone.commit({ 'a.bin': randomBytes(12_000_000) })
      await clone.push('main')
      await using server = await openServer(repos, 'shop', {})
      const fetching = request(`${server.url}/git-upload-pack`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-git-upload-pack-request' },
      })
      fetching.end(Buffer.concat([packet(`want ${commit}\n`), Buffer.from('0000'), packet('done\n')]))
      const [response] = await once(fetching, 'response')
      await once(response, 'readable')
      await until(1)
      response.destroy()
      await until(0)
    })
  })
}
