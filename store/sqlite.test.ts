import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { indexes } from './indexes.ts'
import { questionOf } from './question.ts'
import type { Inbox } from './records.ts'
import { openSqlite } from './sqlite.ts'
import { groupWrites } from './sqlite-group.ts'
import { schema } from './sqlite-schema.ts'
import { selectOf } from './sqlite-select.ts'
import { storeContract } from './store.contract.ts'
import type { Query } from './store.ts'

const home = await mkdtemp(join(tmpdir(), 'bellhop-sqlite-'))
after(() => rm(home, { recursive: true }))
let made = 0
const file = () => join(home, `${++made}.db`)

storeContract('SQLite', async () => openSqlite(file()))

test('what was put and appended is there after the file was opened again', async () => {
  const path = file()
  {
    await using store = openSqlite(path)
    await store.put('identities', { _id: 'slack:T1:U1', rev: 0, user: 'u' })
  }
  await using store = openSqlite(path)
  assert.equal((await store.get('identities', 'slack:T1:U1'))?.user, 'u')
})

test('every index is searched by all that is compared, in its own order, for the questions it is there for', async () => {
  const db = new DatabaseSync(file())
  db.exec(schema)
  const planOf = (kind: 'inbox', query: Query<Inbox>): string => {
    const { sql, values } = selectOf(kind, questionOf(kind, query))
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
    return rows.map(row => String(row.detail)).join('; ')
  }
  for (const [kind, all] of Object.entries(indexes) as ['inbox', readonly (readonly string[])[]][])
    for (const fields of all)
      for (const descending of [false, true]) {
        const equal = Object.fromEntries(fields.map(field => [field, 'x']))
        const { [fields.at(-1) ?? '']: _, ...leading } = equal
        const last = fields.at(-1) as 'receivedAt'
        const questions: readonly (readonly [Query<Inbox>, found: string])[] = [
          [{ where: equal }, '<expr>=?'],
          [{ where: { ...equal, _id: { gt: 'x' } } }, 'id>?'],
          [{ where: leading, by: last }, fields.length > 1 ? '<expr>=?' : ''],
          [{ where: { ...leading, [last]: { gte: 'x', lt: 'y' } }, by: last }, '<expr>>? AND <expr><?'],
        ]
        for (const [question, found] of questions) {
          const plan = planOf(kind, { ...question, descending })
          const about = `${kind} ${JSON.stringify(question)}: ${plan}`
          assert.match(plan, /USING INDEX/, about)
          assert.doesNotMatch(plan, /TEMP B-TREE/, about)
          const compared = plan.match(/<expr>=\?/g)?.length ?? 0
          const equals = Object.values(question.where ?? {}).filter(match => typeof match === 'string').length
          assert.equal(compared, equals, about)
          assert.ok(plan.includes(found), about)
          if (found !== '') assert.match(plan, /^SEARCH/, about)
        }
      }
  db.close()
})

test('every commit is brought to the disk before it is told of', async () => {
  const db = new DatabaseSync(file())
  db.exec(schema)
  assert.equal(db.prepare('PRAGMA journal_mode').get()?.journal_mode, 'wal')
  assert.equal(db.prepare('PRAGMA synchronous').get()?.synchronous, 2)
  assert.equal(db.prepare('PRAGMA fullfsync').get()?.fullfsync, 1)
  db.close()
})

test('what was acknowledged before a kill is there after it, without a gap', {
  timeout: 30_000,
}, async () => {
  const path = file()
  const program = `
    const { openSqlite } = await import(${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)})
    const store = openSqlite(${JSON.stringify(path)})
    for (let n = 1; ; n++) {
      const at = new Date().toISOString()
      const said = key => ({ type: 'said', text: 'x'.repeat(500), key, at })
      await store.append('job/a', [said(n + 'a'), said(n + 'b')])
      console.log(n)
    }`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  for await (const chunk of child.stdout) {
    said += chunk
    if (said.split('\n').length > 50) child.kill('SIGKILL')
  }
  const acknowledged = Number(said.split('\n').at(-2))
  await using store = openSqlite(path)
  const entries = await store.after('job/a', 0, 1_000_000)
  assert.ok(entries.length >= 2 * acknowledged, `${entries.length} of ${2 * acknowledged}`)
  assert.equal(entries.length % 2, 0)
  assert.deepEqual(
    entries.map(({ seq, key }) => [seq, key]),
    entries.map((_, n) => [n + 1, `${Math.floor(n / 2) + 1}${n % 2 ? 'b' : 'a'}`]),
  )
})

test('nothing of an erased text is left in the files', async () => {
  const path = file()
  const marks = ['short', 'long'.repeat(20_000)].map(text => `erased-${randomUUID()}-${text}`)
  const left = async () => {
    const bytes = Buffer.concat(
      await Promise.all([readFile(path), readFile(`${path}-wal`).catch(() => Buffer.alloc(0))]),
    )
    return marks.map(mark => bytes.includes(mark.slice(0, 43)))
  }
  await using store = openSqlite(path)
  const at = '2026-01-01T00:00:00.000Z'
  await store.append(
    'job/a',
    marks.map((text, n) => ({ type: 'said', text, key: `${n}`, at }) as const),
  )
  assert.deepEqual(await left(), [true, true])
  await store.erase('job/a', [1, 2])
  assert.deepEqual(await left(), [false, false])
})

test('closing waits for what was asked for, and a write after it fails alone', async () => {
  const path = file()
  const store = openSqlite(path)
  const writes = Array.from({ length: 120 }, (_, n) =>
    store.put('identities', { _id: `${n}`, rev: 0, user: 'u' }),
  )
  await store[Symbol.asyncDispose]()
  assert.ok((await Promise.all(writes)).every(Boolean))
  await assert.rejects(store.put('identities', { _id: 'late', rev: 0, user: 'u' }), /not open/)
  await using again = openSqlite(path)
  assert.equal(await again.count('identities', {}), 120)
})

test('a write that throws fails alone; the others of its turn are kept', async () => {
  const db = new DatabaseSync(':memory:')
  db.exec('CREATE TABLE t (n INTEGER PRIMARY KEY)')
  const { write } = groupWrites(db)
  const insert = db.prepare('INSERT INTO t VALUES (?)')
  const results = await Promise.allSettled([1, 2, 2, 3].map(n => write(() => insert.run(n).changes)))
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal(db.prepare('SELECT count(*) AS n FROM t').get()?.n, 3)
})

test('a turn of many writes is committed in groups of at most fifty', async () => {
  const db = new DatabaseSync(':memory:')
  db.exec('CREATE TABLE t (n INTEGER)')
  const { write } = groupWrites(db)
  const seen: number[] = []
  const counted = () => Number(db.prepare('SELECT count(*) AS n FROM t').get()?.n)
  const writes = Array.from({ length: 120 }, (_, n) =>
    write(() => db.prepare('INSERT INTO t VALUES (?)').run(n)),
  )
  for (const [n, one] of writes.entries()) if (n % 50 === 49) void one.then(() => seen.push(counted()))
  await Promise.all(writes)
  assert.deepEqual(seen, [50, 100])
})
