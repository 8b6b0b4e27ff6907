import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { indexes } from './indexes.ts'
import { questionOf } from './question.ts'
import type { Kind } from './records.ts'
import { openSqlite } from './sqlite.ts'
import { groupWrites } from './sqlite-group.ts'
import { schema } from './sqlite-schema.ts'
import { selectOf } from './sqlite-select.ts'
import { storeContract } from './store.contract.ts'

const file = async () => join(await mkdtemp(join(tmpdir(), 'store-')), 'bellhop.db')

storeContract('SQLite', async () => openSqlite(await file()))

test('what was put and appended is there after the file was opened again', async () => {
  const path = await file()
  {
    await using store = openSqlite(path)
    await store.put('identities', { _id: 'slack:T1:U1', rev: 0, user: 'u' })
  }
  await using store = openSqlite(path)
  assert.equal((await store.get('identities', 'slack:T1:U1'))?.user, 'u')
})

test('every index is searched, in its own order, for the questions it is there for', async () => {
  const db = new DatabaseSync(await file())
  db.exec(schema)
  for (const [kind, all] of Object.entries(indexes) as [Kind, readonly (readonly string[])[]][])
    for (const fields of all) {
      const questions = [
        { where: Object.fromEntries(fields.map(field => [field, 'x'])) },
        { where: Object.fromEntries(fields.slice(0, -1).map(field => [field, 'x'])), by: fields.at(-1) },
        {
          where: Object.fromEntries(
            fields.map((field, n) => [field, n < fields.length - 1 ? 'x' : { gt: 'x' }]),
          ),
          by: fields.at(-1),
        },
      ]
      for (const question of questions) {
        const { sql, values } = selectOf(kind, questionOf(kind, question as Parameters<typeof questionOf>[1]))
        const plan = db
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .all(...values)
          .map(row => String(row.detail))
        assert.match(plan.join('; '), /USING INDEX/, `${kind} ${JSON.stringify(question)}`)
        assert.doesNotMatch(plan.join('; '), /TEMP B-TREE/, `${kind} ${JSON.stringify(question)}`)
      }
    }
  db.close()
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
