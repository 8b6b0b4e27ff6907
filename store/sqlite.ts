import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { countOf, questionOf } from './question.ts'
import type { Content, Kind, LogName, Records } from './records.ts'
import { groupWrites } from './sqlite-group.ts'
import { schema } from './sqlite-schema.ts'
import { selectOf } from './sqlite-select.ts'
import type { Appended, Draft, Entry, Store } from './store.ts'

/** A row of the table `entries`. */
interface Row {
  readonly seq: number
  readonly attempt: number
  readonly key: string
  readonly at: string
  readonly body: string | null
  readonly digest: string
  readonly type: string
}

/** The store in one SQLite file with one writing process. What a promise resolved for has been through fsync. */
export const openSqlite = (file: string): Store => {
  const db = new DatabaseSync(file)
  db.exec(schema)
  const group = groupWrites(db)
  const statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  const prepared = (sql: string) => {
    const statement = statements.get(sql) ?? db.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  const rowsAfter = (log: string, seq: number, limit: number) =>
    prepared('SELECT * FROM entries WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?').all(
      log,
      seq,
      limit,
    ) as unknown as Row[]

  const append = <L extends LogName>(
    log: L,
    drafts: readonly Draft<Content<L>>[],
    attempt: number | undefined,
  ): Appended<Content<L>> => {
    const head = prepared('SELECT * FROM entries WHERE log = ? ORDER BY seq DESC LIMIT 1').get(
      log,
    ) as unknown as Row | undefined
    const byKey = prepared('SELECT * FROM entries WHERE log = ? AND key = ?')
    const there = drafts.map(({ key }) => byKey.get(log, key) as unknown as Row | undefined)
    const adds = there.some(row => row === undefined)
    if (adds && head?.type === 'ended') return { ok: false, why: 'ended' }
    if (adds && attempt !== undefined && head && head.attempt > attempt)
      return { ok: false, why: 'superseded' }
    let seq = head?.seq ?? 0
    const inserted = new Map<string, Row>()
    const entries = drafts.map((draft, n) => {
      const known = there[n] ?? inserted.get(draft.key)
      if (known) return entryOf<Content<L>>(known)
      const { key, at, ...content } = draft
      const body = JSON.stringify(content)
      const digest = createHash('sha256').update(body).digest('hex')
      const type = (content as { readonly type: string }).type
      const row: Row = { seq: ++seq, attempt: attempt ?? head?.attempt ?? 0, key, at, body, digest, type }
      prepared(
        'INSERT INTO entries (log, seq, attempt, key, at, type, body, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ).run(log, row.seq, row.attempt, key, at, type, body, digest)
      inserted.set(key, row)
      return entryOf<Content<L>>(row)
    })
    return { ok: true, entries }
  }

  return {
    get: async <K extends Kind>(kind: K, id: string) => {
      const row = prepared(`SELECT body FROM "${kind}" WHERE id = ?`).get(id)
      return row && (JSON.parse(row.body as string) as Records[K])
    },
    put: <K extends Kind>(kind: K, record: Records[K]) =>
      group.write(() => {
        const stored = { ...record, rev: record.rev + 1 }
        const body = JSON.stringify(stored)
        const { changes } =
          record.rev === 0
            ? prepared(`INSERT INTO "${kind}" (id, rev, body) VALUES (?, 1, ?) ON CONFLICT DO NOTHING`).run(
                record._id,
                body,
              )
            : prepared(`UPDATE "${kind}" SET rev = ?, body = ? WHERE id = ? AND rev = ?`).run(
                stored.rev,
                body,
                record._id,
                record.rev,
              )
        return changes === 1 ? (JSON.parse(body) as Records[K]) : undefined
      }),
    find: async <K extends Kind>(kind: K, query = {}) => {
      const { sql, values } = selectOf(kind, questionOf(kind, query))
      return prepared(sql)
        .all(...values)
        .map(row => JSON.parse(row.body as string) as Records[K])
    },
    count: async (kind, where) => {
      const { sql, values } = selectOf(kind, countOf(kind, where), 'count(*) AS n')
      return Number(prepared(sql).get(...values)?.n)
    },
    drop: (kind, id, rev) =>
      group.write(() => {
        const fence = rev === undefined ? '' : ' AND rev = ?'
        const statement = prepared(`DELETE FROM "${kind}" WHERE id = ?${fence}`)
        return (rev === undefined ? statement.run(id) : statement.run(id, rev)).changes === 1
      }),
    append: (log, drafts, attempt) => group.write(() => append(log, drafts, attempt)),
    after: async <L extends LogName>(log: L, seq: number, limit = 500) =>
      rowsAfter(log, seq, limit).map(row => entryOf<Content<L>>(row)),
    erase: async (log, seqs) => {
      await group.write(() => {
        for (const seq of seqs)
          prepared('UPDATE entries SET body = NULL WHERE log = ? AND seq = ?').run(log, seq)
      })
      // The write-ahead log would keep the erased content until it is written over one day.
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    },
    [Symbol.asyncDispose]: async () => {
      await group.settled()
      db.close()
    },
  }
}

const entryOf = <C>({ seq, attempt, key, at, body, digest, type }: Row): Entry<C> =>
  ({
    ...(body === null ? { type, erased: true } : JSON.parse(body)),
    seq,
    attempt,
    key,
    at,
    digest,
  }) as Entry<C>
