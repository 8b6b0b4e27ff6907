import { indexes } from './indexes.ts'

/** How a record's field is named in SQL; an index is used only where the words are the same. */
export const column = (field: string): string => (field === '_id' ? 'id' : `json_extract(body, '$.${field}')`)

/** How the index over these fields of a kind is named. */
export const indexName = (kind: string, fields: readonly string[]): string => `${kind}_${fields.join('_')}`

const tables = Object.entries(indexes).flatMap(([kind, all]) => [
  `CREATE TABLE IF NOT EXISTS "${kind}" (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID`,
  ...all.map(
    fields =>
      `CREATE INDEX IF NOT EXISTS "${indexName(kind, fields)}" ON "${kind}" (${fields.map(column).join(', ')}, id)`,
  ),
])

/**
 * All tables and indexes, made where they are not there yet. `synchronous = FULL` has each commit through fsync before it
 * returns; `fullfsync` makes macOS mean it. `secure_delete` overwrites what is erased or dropped.
 */
export const schema = [
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = FULL',
  'PRAGMA fullfsync = 1',
  'PRAGMA busy_timeout = 5000',
  'PRAGMA secure_delete = ON',
  ...tables,
  `CREATE TABLE IF NOT EXISTS entries (
    log TEXT NOT NULL, seq INTEGER NOT NULL, attempt INTEGER NOT NULL, key TEXT NOT NULL, at TEXT NOT NULL,
    type TEXT NOT NULL, body TEXT, digest TEXT NOT NULL, PRIMARY KEY (log, seq)) WITHOUT ROWID`,
  'CREATE UNIQUE INDEX IF NOT EXISTS entries_key ON entries (log, key)',
].join(';\n')
