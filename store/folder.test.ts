import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openBlobs } from './blobs.ts'
import { openFolder } from './folder.ts'
import { bringToFormat } from './format.ts'
import { openSqlite } from './sqlite.ts'
import { Unusable } from './store.ts'

const home = await mkdtemp(join(tmpdir(), 'bellhop-folder-'))
after(() => rm(home, { recursive: true }))
let made = 0
const fresh = () => join(home, `${++made}`, 'data')

/** Another process that holds the folder until it is killed. */
const holder = async (root: string) => {
  const program = `
    const { openFolder } = await import(${JSON.stringify(new URL('./folder.ts', import.meta.url).href)})
    await openFolder(${JSON.stringify(root)})
    console.log('held')
    setInterval(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return {
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      const exit = once(child, 'exit')
      if (child.kill('SIGKILL')) await exit
    },
  }
}

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

test('makes the folder so that boxes can be passed through and nothing else be read by others', async () => {
  const root = fresh()
  const wide = process.umask(0)
  try {
    await using folder = await openFolder(root)
    await using store = openSqlite(folder.database)
    await store.put('identities', { _id: 'a', rev: 0, user: 'u' })
    await openBlobs(folder.files).write('a', 'text', 10)
    assert.equal(await modeOf(root), '711')
    assert.equal(await modeOf(folder.boxes), '711')
    assert.equal(await modeOf(folder.repos), '700')
    assert.equal(await modeOf(folder.files), '700')
    const files = (await readdir(root, { withFileTypes: true })).filter(entry => entry.isFile())
    assert.ok(files.some(({ name }) => name === 'bellhop.db-wal'))
    for (const { name } of files) assert.equal(await modeOf(join(root, name)), '600', name)
    assert.equal(await modeOf(join(folder.files, 'a')), '600')
  } finally {
    process.umask(wide)
  }
})

test('refuses a second process, and names the one that has the folder', async () => {
  const root = fresh()
  await using first = await holder(root)
  await assert.rejects(openFolder(root), (error: Error) => {
    assert.ok(error instanceof Unusable)
    assert.ok(
      error.message.startsWith(`The data folder ${root} is in use by another Bellhop, process ${first.pid}.`),
    )
    return true
  })
})

test('refuses itself a second time, and keeps the lock against others then', async () => {
  const root = fresh()
  await using _first = await openFolder(root)
  await assert.rejects(openFolder(root), /in use by another Bellhop/)
  const program = `await (await import(${JSON.stringify(new URL('./folder.ts', import.meta.url).href)})).openFolder(${JSON.stringify(root)})`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const closed = once(child, 'close')
  const said = Buffer.concat(await child.stderr.toArray()).toString()
  assert.deepEqual(await closed, [1, null])
  assert.match(said, new RegExp(`in use by another Bellhop, process ${process.pid}\\.`))
})

test('opens a folder whose process was killed', async () => {
  const root = fresh()
  {
    await using _killed = await holder(root)
  }
  await using _folder = await openFolder(root)
  assert.equal(await readFile(join(root, 'pid'), 'utf8'), `${process.pid}\n`)
})

test('opens again what was disposed, and takes away what was left half written', async () => {
  const root = fresh()
  {
    await using folder = await openFolder(root)
    await writeFile(join(folder.files, 'a.x.part'), 'half')
    await writeFile(join(folder.files, 'b'), 'whole')
  }
  await using folder = await openFolder(root)
  assert.deepEqual(await readdir(folder.files), ['b'])
})

test('refuses a newer format and what is no format, and leaves the folder unlocked', async () => {
  const root = fresh()
  await mkdir(root, { recursive: true })
  await writeFile(join(root, 'format'), '99\n')
  await assert.rejects(
    openFolder(root),
    /has format 99, and this Bellhop knows \d+ at most\. Start the newer Bellhop/,
  )
  await writeFile(join(root, 'format'), 'soup')
  await assert.rejects(openFolder(root), /holds "soup", and must hold a number/)
  await writeFile(join(root, 'format'), '1\n')
  await using _folder = await openFolder(root)
})

test('migrates an older format step by step, and goes on behind the last step that was noted', async () => {
  const root = fresh()
  await mkdir(root, { recursive: true })
  await bringToFormat(root, [])
  assert.equal(await readFile(join(root, 'format'), 'utf8'), '1\n')
  const done: string[] = []
  const step = (name: string) => async (at: string) => void done.push(`${name} ${at === root}`)
  const failing = async () => {
    throw new Error('disk')
  }
  await assert.rejects(bringToFormat(root, [step('to 2'), failing]), /disk/)
  assert.equal(await readFile(join(root, 'format'), 'utf8'), '2\n')
  await bringToFormat(root, [step('to 2'), step('to 3'), step('to 4')])
  assert.deepEqual(done, ['to 2 true', 'to 3 true', 'to 4 true'])
  assert.equal(await readFile(join(root, 'format'), 'utf8'), '4\n')
})

test('says in a sentence that a folder cannot be made', async () => {
  const file = join(home, 'file')
  await writeFile(file, '')
  await assert.rejects(openFolder(join(file, 'data')), (error: Error) => {
    assert.ok(error instanceof Unusable)
    assert.match(error.message, /cannot be made or is not ours .*Set BELLHOP_DATA/)
    return true
  })
})
