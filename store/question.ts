import { indexes } from './indexes.ts'
import type { Kind, Records } from './records.ts'
import type { Query, Range, Where } from './store.ts'
import { NoIndex } from './store.ts'

/** A `find` or `count` taken apart, once it is known that an index answers it. */
export interface Question {
  readonly equal: readonly (readonly [field: string, values: readonly unknown[]])[]
  readonly ranges: readonly (readonly [field: string, test: keyof Range<unknown>, value: unknown])[]
  readonly by: string
  readonly descending: boolean
  readonly limit: number
  /** The fields of the index that answers; none where `_id` alone does. */
  readonly index: readonly string[]
}

/** Equality takes up to this many values of a field. */
const mostValues = 100
const mostRecords = 1000
const tests = ['gt', 'gte', 'lt', 'lte'] as const

/** Takes a query apart. Throws `NoIndex` when no index in `indexes.ts` answers it, `RangeError` past a limit. */
export const questionOf = <K extends Kind>(kind: K, query: Query<Records[K]>): Question => {
  const { where = {}, by = '_id', descending = false, limit = 100 } = query
  if (!Number.isInteger(limit) || limit < 0 || limit > mostRecords)
    throw new RangeError(`find takes a limit of 0 to ${mostRecords}, and got ${limit}.`)
  const parts = { ...partsOf(where), by }
  return { ...parts, descending, limit, index: indexFor(kind, parts, true) }
}

/** The same for a count, which has no order. */
export const countOf = <K extends Kind>(kind: K, where: Where<Records[K]>): Question => {
  const parts = { ...partsOf(where), by: '_id' }
  return { ...parts, descending: false, limit: 0, index: indexFor(kind, parts, false) }
}

const partsOf = (where: object) => {
  const equal: [string, readonly unknown[]][] = []
  const ranges: [string, (typeof tests)[number], unknown][] = []
  for (const [field, match] of Object.entries(where)) {
    if (match === undefined) continue
    if (typeof match === 'object' && match !== null && !Array.isArray(match)) {
      for (const test of tests) if (match[test] !== undefined) ranges.push([field, test, match[test]])
    } else {
      const values = Array.isArray(match) ? match : [match]
      if (values.length > mostValues)
        throw new RangeError(
          `${field} is compared with ${values.length} values, and may be with ${mostValues}.`,
        )
      equal.push([field, values])
    }
  }
  return { equal, ranges }
}

/** The shortest index that answers, as what it holds besides is in no asked order; empty where the one of `_id` does. */
const indexFor = (
  kind: Kind,
  { equal, ranges, by }: Pick<Question, 'equal' | 'ranges' | 'by'>,
  ordered: boolean,
): readonly string[] => {
  const fixed = equal.map(([field]) => field).filter(field => field !== '_id')
  const next = new Set([...ranges.map(([field]) => field), ...(ordered ? [by] : [])])
  next.delete('_id')
  const [follows] = next
  const inOrder = !ordered || by === follows || equal.some(([field]) => field === '_id')
  const all: readonly (readonly string[])[] = [[], ...indexes[kind]]
  const answering = all.filter(fields => {
    const leads =
      fixed.length <= fields.length && fixed.every(field => fields.slice(0, fixed.length).includes(field))
    if (!leads) return false
    if (follows !== undefined) return fields[fixed.length] === follows
    return inOrder || fields.length === fixed.length
  })
  const [index] = answering.sort((a, b) => a.length - b.length)
  if (next.size > 1 || !index)
    throw new NoIndex(
      `No index of ${kind} answers equality on [${fixed}] with a range or order on [${[...next]}]; add one to indexes.ts.`,
    )
  return index
}
