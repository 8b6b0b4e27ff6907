import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { ranOn } from '../test/contract.ts'
import { openClone } from '../test/git-client.ts'
import type { Repos } from './repos.ts'

const at = '2026-01-02T03:04:05.000Z'

/** What every keeper of repositories promises. `open` gives an empty one. */
export const reposContract = (
  name: string,
  open: () => Promise<AsyncDisposable & { readonly repos: Repos }>,
  skip: false | string,
): void => {
  suite(`repositories in ${name}`, { skip }, () => {
    ranOn('repos', name)
    const opened = async () => {
      const stack = new AsyncDisposableStack()
      const { repos } = stack.use(await open())
      await repos.create('shop')
      const clone = stack.use(await openClone(repos, 'shop'))
      return { repos, clone, [Symbol.asyncDispose]: () => stack.disposeAsync() }
    }

    test('a new repository has one empty commit on main, however often it is made', async () => {
      await using keeper = await open()
      const { repos } = keeper
      await Promise.all([repos.create('shop'), repos.create('shop')])
      const made = await repos.resolve('shop', 'main')
      await repos.create('shop')
      assert.equal(await repos.resolve('shop', 'main'), made)
      assert.deepEqual(await repos.branches('shop'), [{ name: 'main', commit: made }])
      assert.deepEqual(await repos.tree('shop', 'main', ''), [])
      const [begin, ...more] = await repos.history('shop', 'main', { limit: 9 })
      assert.deepEqual([begin?.hash, begin?.parents, begin?.author, more], [made, [], 'Bellhop', []])
    })

    test('creating again keeps what was pushed', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const commit = await clone.commit({ 'a.txt': 'a' })
      await clone.push('main')
      await repos.create('shop')
      assert.equal(await repos.resolve('shop', 'main'), commit)
    })

    test('ids that could leave the folder, and repositories that are not there, are refused', async () => {
      await using keeper = await open()
      const { repos } = keeper
      for (const id of ['', '.', '..', '../shop', 'a/b', 'A', 'a.git', '-a', 'a\n', 'a\0'])
        await assert.rejects(repos.create(id), /cannot name a repository/, JSON.stringify(id))
      await assert.rejects(repos.resolve('nowhere', 'main'), /There is no repository nowhere/)
    })

    test('a commit is found by ref, branch, tag, whole and short hash', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const commit = await clone.commit({ 'a.txt': 'a' })
      await clone.git('tag', '-a', '-m', 'One', 'v1')
      await clone.push('main', 'jobs/j1')
      await clone.git('push', '-q', 'origin', 'v1')
      for (const ref of ['main', 'HEAD', 'jobs/j1', 'refs/heads/jobs/j1', 'v1', commit, commit.slice(0, 10)])
        assert.equal(await repos.resolve('shop', ref), commit, ref)
    })

    test('what is no plain name of a commit names none', async () => {
      await using house = await opened()
      const { repos, clone } = house
      await clone.commit({ 'a.txt': 'a' })
      await clone.push('main')
      const blob = await clone.git('rev-parse', 'HEAD:a.txt')
      const none = [
        '',
        '@',
        '-x',
        '--all',
        '--upload-pack=touch x',
        'main~1',
        'main^',
        'main:a.txt',
        'main..main',
      ]
      const odd = [
        'a\nb',
        'main\n',
        'a\0b',
        'a b',
        '../main',
        'main.lock',
        ':/Begin',
        'main@{0}',
        '\ud800',
        'nowhere',
      ]
      for (const ref of [...none, ...odd, blob, '0'.repeat(40)]) {
        assert.equal(await repos.resolve('shop', ref), undefined, JSON.stringify(ref))
        assert.equal(await repos.tree('shop', ref, ''), undefined, JSON.stringify(ref))
        assert.equal(await repos.blob('shop', ref, 'a.txt'), undefined, JSON.stringify(ref))
        assert.deepEqual(await repos.history('shop', ref, { limit: 1 }), [], JSON.stringify(ref))
        await assert.rejects(repos.diff('shop', ref, 'main'), /no commit named/, JSON.stringify(ref))
      }
    })

    test('a tree lists folders first and tells files, links and repositories apart', async () => {
      await using house = await opened()
      const { repos, clone } = house
      await clone.write({ 'a.txt': 'four', 'z/deep/b.txt': 'b', 'B.txt': '' })
      await symlink('/etc/passwd', join(clone.folder, 'link'))
      await clone.git('add', '-A')
      const other = await repos.resolve('shop', 'main')
      await clone.git('update-index', '--add', '--cacheinfo', `160000,${other},sub`)
      await clone.git('commit', '-qm', 'All kinds')
      await clone.push('main')
      assert.deepEqual(await repos.tree('shop', 'main', ''), [
        { name: 'z', path: 'z', kind: 'folder' },
        { name: 'B.txt', path: 'B.txt', kind: 'file', bytes: 0 },
        { name: 'a.txt', path: 'a.txt', kind: 'file', bytes: 4 },
        { name: 'link', path: 'link', kind: 'link', bytes: 11 },
        { name: 'sub', path: 'sub', kind: 'repository' },
      ])
      assert.deepEqual(await repos.tree('shop', 'main', 'z/deep'), [
        { name: 'b.txt', path: 'z/deep/b.txt', kind: 'file', bytes: 1 },
      ])
      assert.equal((await repos.blob('shop', 'main', 'link'))?.content.toString(), '/etc/passwd')
      for (const path of [
        'a.txt',
        'link',
        'sub',
        'sub/x',
        'gone',
        '/',
        '/z',
        'z/',
        'z//deep',
        './z',
        'z/..',
        'z\0',
      ])
        assert.equal(await repos.tree('shop', 'main', path), undefined, path)
      for (const path of ['', 'z', 'sub', 'gone', '../shop', 'a.txt/', '*', 'link/x'])
        assert.equal(await repos.blob('shop', 'main', path), undefined, path)
    })

    const odd = [
      'with space',
      'new\nline',
      'tab\there',
      'Übergröße 🛎',
      'quo"te',
      "it's",
      '-rf',
      '--all',
      ':(glob)*',
      '*',
      'a\\b',
      '%00',
      '.hidden',
      '~',
    ]
    test('odd names are listed, read, changed and told as they are', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const before = (await repos.resolve('shop', 'main'))!
      const names = odd.flatMap(name => [name, `${name} folder/${name}`])
      const commit = await clone.commit(Object.fromEntries(names.map(path => [path, `in ${path}`])))
      await clone.push('main')
      const top = (await repos.tree('shop', 'main', ''))!.map(entry => entry.name)
      assert.deepEqual(top.toSorted(), odd.flatMap(name => [name, `${name} folder`]).toSorted())
      for (const path of names)
        assert.equal((await repos.blob('shop', 'main', path))?.content.toString(), `in ${path}`, path)
      for (const entry of odd)
        assert.deepEqual(
          (await repos.tree('shop', commit, `${entry} folder`))?.map(({ path }) => path),
          [`${entry} folder/${entry}`],
        )
      assert.deepEqual((await repos.changed('shop', before, commit)).toSorted(), names.toSorted())
      const patch = await repos.diff('shop', before, commit)
      for (const path of names) assert.ok(patch.includes(`+in ${path.split('\n')[0]}`), path)
      assert.ok(patch.includes('+++ b/Übergröße 🛎'))
    })

    test('a binary file comes back byte for byte', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, n) => (n * 7) % 256))
      const before = (await repos.resolve('shop', 'main'))!
      const commit = await clone.commit({ 'a.bin': bytes, empty: '' })
      await clone.push('main')
      const blob = await repos.blob('shop', 'main', 'a.bin')
      assert.equal(blob?.bytes, 70_000)
      assert.ok(blob.content.equals(bytes))
      assert.equal((await repos.blob('shop', 'main', 'empty'))?.bytes, 0)
      assert.match(await repos.diff('shop', before, commit), /Binary files \/dev\/null and b\/a\.bin differ/)
    })

    test('history comes in pages that together are the whole, merges included', async () => {
      await using house = await opened()
      const { repos, clone } = house
      for (let n = 0; n < 3; n++) await clone.commit({ 'a.txt': `${n}` }, `Commit ${n}\n\nBody ${n}`)
      await clone.git('checkout', '-qb', 'side', 'HEAD~2')
      await clone.commit({ 'b.txt': 'b' })
      await clone.git('checkout', '-q', 'main')
      await clone.git('merge', '-q', '--no-edit', 'side')
      await clone.push('main')
      const all = await repos.history('shop', 'main', { limit: 100 })
      assert.equal(all.length, 6)
      assert.equal(all[0]?.parents.length, 2)
      assert.ok(
        all.some(({ message, author }) => message === 'Commit 1\n\nBody 1' && author === 'Zoë Client'),
      )
      const paged = []
      for (let after: string | undefined; ; after = paged.at(-1)?.hash) {
        const page = await repos.history('shop', 'main', { limit: 2, ...(after && { after }) })
        if (page.length === 0) break
        paged.push(...page)
      }
      assert.deepEqual(paged, all)
      assert.deepEqual(await repos.history('shop', 'main', { limit: 2, after: '0'.repeat(40) }), [])
    })

    test('a patch follows renames, applies again, and is cut at its limit in whole lines', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const lines = Array.from({ length: 500 }, (_, n) => `line ${n} ü\n`).join('')
      const before = await clone.commit({ 'old.txt': lines })
      await clone.git('mv', 'old.txt', 'new.txt')
      const renamed = await clone.commit({ 'new.txt': `${lines}more\n` })
      await clone.push('main')
      const patch = await repos.diff('shop', before, renamed)
      assert.match(patch, /^rename from old\.txt$/m)
      assert.match(patch, /^\+more$/m)
      assert.deepEqual(await repos.changed('shop', before, renamed), ['new.txt', 'old.txt'])
      await clone.git('checkout', '-q', before)
      await writeFile(join(clone.folder, '..', 'patch'), patch)
      await clone.git('apply', '--index', '../patch')
      assert.equal(await clone.git('write-tree'), await clone.git('rev-parse', `${renamed}^{tree}`))
      const root = (await repos.history('shop', before, { limit: 9 })).at(-1)!.hash
      const whole = await repos.diff('shop', root, before)
      assert.equal(await repos.diff('shop', root, before, Buffer.byteLength(whole)), whole)
      for (const limit of [0, 1, 1000, 1001, Buffer.byteLength(whole) - 1]) {
        const cut = (await repos.diff('shop', root, before, limit)).split('\n')
        assert.equal(cut.at(-2), `[The patch is longer than ${limit} bytes and is cut here.]`)
        const kept = cut
          .slice(0, -2)
          .map(line => `${line}\n`)
          .join('')
        assert.ok(whole.startsWith(kept) && Buffer.byteLength(kept) <= limit)
      }
      assert.equal(await repos.diff('shop', before, before), '')
    })

    test('the base of two branches is where they parted', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const parted = await clone.commit({ 'a.txt': 'a' })
      const one = await clone.commit({ 'b.txt': 'b' })
      await clone.git('checkout', '-q', parted)
      const other = await clone.commit({ 'c.txt': 'c' })
      await clone.git('checkout', '-q', '--orphan', 'alone')
      const alone = await clone.commit({ 'd.txt': 'd' })
      await clone.git('push', '-q', 'origin', `${one}:refs/heads/one`, `${other}:refs/heads/other`, 'alone')
      assert.equal(await repos.base('shop', one, other), parted)
      assert.equal(await repos.base('shop', 'one', 'main'), await repos.resolve('shop', 'main'))
      assert.equal(await repos.base('shop', one, alone), undefined)
      assert.equal(await repos.base('shop', one, 'nowhere'), undefined)
    })

    const order = (commit: string) => ({ commit, into: 'main', message: 'Merge it', at })

    test('a branch that is ahead is merged by moving main to it, once', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const commit = await clone.commit({ 'a.txt': 'a' })
      await clone.push('jobs/j1')
      assert.deepEqual(await repos.merge('shop', order('jobs/j1')), { merged: commit })
      assert.equal(await repos.resolve('shop', 'main'), commit)
      assert.deepEqual(await repos.merge('shop', order(commit)), { merged: commit })
    })

    test('branches that parted are merged by a commit of the house, and merging again changes nothing', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const start = await clone.git('rev-parse', 'HEAD')
      const one = await clone.commit({ 'a.txt': 'a' })
      await clone.push('jobs/j1')
      await clone.git('checkout', '-q', start)
      const other = await clone.commit({ 'b.txt': 'b' })
      await clone.push('jobs/j2')
      await repos.merge('shop', order(one))
      const merge = await repos.merge('shop', order(other))
      assert.ok('merged' in merge)
      const [tip] = await repos.history('shop', 'main', { limit: 1 })
      assert.deepEqual(tip, {
        hash: merge.merged,
        parents: [one, other],
        author: 'Bellhop',
        at,
        message: 'Merge it',
      })
      assert.deepEqual(
        (await repos.tree('shop', 'main', ''))?.map(entry => entry.name),
        ['a.txt', 'b.txt'],
      )
      for (const commit of [one, other])
        assert.deepEqual(await repos.merge('shop', order(commit)), { merged: merge.merged })
    })

    test('a conflict names its paths and moves nothing', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const start = await clone.commit({ 'same.txt': 'x', 'new\nline.txt': 'x', 'fine.txt': 'x' })
      await clone.commit({ 'same.txt': 'one', 'new\nline.txt': 'one' })
      await clone.push('main')
      const before = await repos.resolve('shop', 'main')
      await clone.git('checkout', '-q', start)
      const other = await clone.commit({ 'same.txt': 'two', 'new\nline.txt': 'two', 'fine.txt': 'two' })
      await clone.push('jobs/j1')
      assert.deepEqual(await repos.merge('shop', order(other)), { conflicts: ['new\nline.txt', 'same.txt'] })
      assert.equal(await repos.resolve('shop', 'main'), before)
    })

    test('a history of its own is merged file by file', async () => {
      await using house = await opened()
      const { repos, clone } = house
      await clone.commit({ 'a.txt': 'a' })
      await clone.push('main')
      await clone.git('checkout', '-q', '--orphan', 'alone')
      await clone.git('rm', '-rqf', '.')
      await clone.commit({ 'b.txt': 'b' })
      await clone.push('jobs/j1')
      assert.ok('merged' in (await repos.merge('shop', order('jobs/j1'))))
      assert.deepEqual(
        (await repos.tree('shop', 'main', ''))?.map(entry => entry.name),
        ['a.txt', 'b.txt'],
      )
      await clone.commit({ 'a.txt': 'another' })
      await clone.push('jobs/j2')
      assert.deepEqual(await repos.merge('shop', order('jobs/j2')), { conflicts: ['a.txt'] })
    })

    test('a conflict that is in no single file names the whole tree', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const start = await clone.commit({ 'dir/a': `a${'a\n'.repeat(50)}`, 'dir/b': `b${'b\n'.repeat(50)}` })
      await mkdir(join(clone.folder, 'x'))
      await mkdir(join(clone.folder, 'y'))
      await clone.git('mv', 'dir/a', 'x/a')
      await clone.git('mv', 'dir/b', 'y/b')
      await clone.git('commit', '-qm', 'Split')
      await clone.push('main')
      await clone.git('checkout', '-q', start)
      await clone.commit({ 'dir/c': 'c' })
      await clone.push('jobs/j1')
      assert.deepEqual(await repos.merge('shop', order('jobs/j1')), { conflicts: ['.'] })
    })

    test('an unknown commit or branch is an error', async () => {
      await using house = await opened()
      const { repos } = house
      await assert.rejects(repos.merge('shop', order('nowhere')), /no commit named "nowhere"/)
      await assert.rejects(
        repos.merge('shop', { ...order('main'), into: '-x' }),
        /no commit named "refs\/heads\/-x"/,
      )
    })

    test('ten merges at once all land', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const jobs = Array.from({ length: 10 }, (_, n) => n)
      const start = await clone.git('rev-parse', 'HEAD')
      for (const n of jobs) {
        await clone.git('checkout', '-q', start)
        await clone.commit({ [`${n}.txt`]: `${n}` })
        await clone.git('branch', `jobs/j${n}`)
      }
      await clone.git('push', '-q', 'origin', 'refs/heads/jobs/*:refs/heads/jobs/*')
      const merges = await Promise.all(jobs.map(n => repos.merge('shop', order(`jobs/j${n}`))))
      assert.ok(merges.every(merge => 'merged' in merge))
      assert.deepEqual(
        (await repos.tree('shop', 'main', ''))?.map(entry => entry.name),
        jobs.map(n => `${n}.txt`),
      )
    })

    test('what is shelved leaves its branch free and stays reachable', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const first = await clone.commit({ 'a.txt': 'first' })
      await clone.push('jobs/j1')
      await repos.shelve('shop', 'refs/heads/jobs/j1', 'refs/bellhop/attempts/j1/1')
      await repos.shelve('shop', 'refs/heads/jobs/j1', 'refs/bellhop/attempts/j1/1')
      assert.equal(await repos.resolve('shop', 'jobs/j1'), undefined)
      assert.equal(await repos.resolve('shop', 'refs/bellhop/attempts/j1/1'), first)
      await clone.git('checkout', '-q', 'HEAD~1')
      const second = await clone.commit({ 'a.txt': 'second' })
      await clone.push('jobs/j1')
      assert.equal(await repos.resolve('shop', 'jobs/j1'), second)
    })

    test('a shelf that is taken keeps both', async () => {
      await using house = await opened()
      const { repos, clone } = house
      const shelf = 'refs/bellhop/attempts/j1/1'
      const commits: { readonly text: string; readonly commit: string }[] = []
      for (const text of ['first', 'second', 'second']) {
        if (text !== commits.at(-1)?.text)
          commits.push({ text, commit: await clone.commit({ 'a.txt': text }) })
        await clone.push('jobs/j1')
        await repos.shelve('shop', 'refs/heads/jobs/j1', shelf)
      }
      assert.equal(await repos.resolve('shop', shelf), commits[0]?.commit)
      assert.equal(await repos.resolve('shop', `${shelf}-${commits[1]?.commit}`), commits[1]?.commit)
      await assert.rejects(repos.shelve('shop', 'refs/heads/main', 'refs/heads/other'), /cannot be shelved/)
    })
  })
}
