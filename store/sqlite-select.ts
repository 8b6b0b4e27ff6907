import type { Question } from './question.ts'
import type { Kind } from './records.ts'
import { column, indexName } from './sqlite-schema.ts'

const operators = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

/** A question as SQL. With `what` it is counted instead of listed, without order or limit. */
export const selectOf = (
  kind: Kind,
  { equal, ranges, by, descending, limit, index }: Question,
  what?: string,
): { readonly sql: string; readonly values: (string | number)[] } => {
  const values: (string | number)[] = []
  const place = (value: unknown) => {
    values.push(typeof value === 'boolean' ? Number(value) : (value as string | number))
    return '?'
  }
  const tests = [
    ...equal.map(([field, all]) =>
      all.length === 1
        ? `${column(field)} = ${place(all[0])}`
        : `${column(field)} IN (${all.map(place).join(', ')})`,
    ),
    ...ranges.map(([field, test, value]) => `${column(field)} ${operators[test]} ${place(value)}`),
  ]
  const where = tests.length > 0 ? ` WHERE ${tests.join(' AND ')}` : ''
  // Left to itself, SQLite may take an index that narrows by fewer fields.
  const from = index.length > 0 ? `"${kind}" INDEXED BY "${indexName(kind, index)}"` : `"${kind}"`
  if (what) return { sql: `SELECT ${what} FROM ${from}${where}`, values }
  const way = descending ? ' DESC' : ''
  const order = by === '_id' ? `id${way}` : `${column(by)}${way}, id${way}`
  return { sql: `SELECT body FROM ${from}${where} ORDER BY ${order} LIMIT ?`, values: [...values, limit] }
}
