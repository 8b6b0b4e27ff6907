import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { engine, skipOf } from '../../test/engines.ts'
import { openStandin } from '../standin.contract.ts'
import { openFiles } from './files.ts'
import { openForward } from './forward.ts'
import { openGit } from './git.ts'

/** A folder with a gateway's socket in it that leads to a stand-in, is not there yet, or cuts the first connection that asks for `word`. */
const openWay = async () => {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'forward-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const standin = stack.use(await openStandin(join(folder, 'standin')))
  const socket = join(folder, 'gateway.sock')
  const workspace = join(folder, 'workspace')
  await mkdir(workspace)
  let cuts = 0
  const appear = async (word?: string, answer = '') => {
    const server = createServer(near => {
      const far = connect(join(standin.folder, 'gateway.sock'))
      near.on('data', bytes => {
        if (cuts > 0 || word === undefined || !bytes.includes(word)) return
        cuts++
        near.end(answer)
        far.destroy()
      })
      near.pipe(far).pipe(near)
      near.on('error', () => far.destroy()).on('close', () => far.destroy())
      far.on('error', () => near.destroy())
    })
    server.listen(socket)
    server.unref()
    await once(server, 'listening')
    opened.defer(() => void server.close())
  }
  const env = { PATH: process.env.PATH ?? '', HOME: folder }
  const gitAt = (url: string) => {
    const plan = { from: 'main', branch: 'jobs/j1', name: 'A', email: 'a@b', message: 'work' }
    return openGit({ plan, workspace, remote: `${url}/git/workspace.git`, env })
  }
  const opened = stack.move()
  return {
    standin,
    socket,
    workspace,
    env,
    appear,
    gitAt,
    cuts: () => cuts,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

describe('the way from a box to its gateway', { skip: skipOf(await engine('git')) }, () => {
  test('what asks while the gateway is away is answered once it is there', async () => {
    await using way = await openWay()
    way.standin.files.set('f1', Buffer.from('a file'))
    const { url } = await openForward(way.socket)
    const asked = openFiles(url, way.env).fetch({ id: 'f1', name: 'f.txt' }, way.workspace)
    const refused = connect(way.socket)
    await assert.rejects(once(refused, 'connect'))
    await way.appear()
    await asked
    assert.equal(await readFile(join(way.workspace, 'f.txt'), 'utf8'), 'a file')
  })

  test('a gateway that does not come is waited for no longer than told', async () => {
    await using way = await openWay()
    const { url } = await openForward(way.socket, { patienceMs: 200 })
    const began = performance.now()
    await assert.rejects(openFiles(url, way.env).fetch({ id: 'f1', name: 'f.txt' }, way.workspace))
    assert.ok(performance.now() - began >= 200)
  })

  const failed = 'HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'
  for (const [what, word, answer] of [
    ['clone that breaks off with its connection', 'POST /git/workspace.git/git-upload-pack'],
    ['push that breaks off with its connection', 'POST /git/workspace.git/git-receive-pack'],
    [
      'push that the gateway could not bring to its owner',
      'POST /git/workspace.git/git-receive-pack',
      failed,
    ],
  ] as const)
    test(`a ${what} is made again`, async () => {
      await using way = await openWay()
      await way.appear(word, answer)
      const git = way.gitAt((await openForward(way.socket)).url)
      const base = await git.clone(AbortSignal.timeout(30_000))
      await writeFile(join(way.workspace, 'new.txt'), 'new')
      const commit = await git.commit(base, assert.fail)
      await git.push()
      assert.equal(await way.standin.git('rev-parse', 'refs/heads/jobs/j1'), commit)
      assert.equal(way.cuts(), 1)
    })

  test('what the gateway refuses is not asked for again', async () => {
    await using way = await openWay()
    await way.appear()
    const { url } = await openForward(way.socket)
    const git = way.gitAt(`${url}/nowhere`)
    const began = performance.now()
    await assert.rejects(git.clone(AbortSignal.timeout(30_000)), /not found|404/)
    assert.ok(performance.now() - began < 500)
  })
})
