import type { Filter, Sort } from 'mongodb'
import { indexes } from './indexes.ts'
import type { Question } from './question.ts'
import type { Kind } from './records.ts'

/** A stored record: its JSON as it was put, and beside it the fields that an index holds, to be found by. */
export interface Doc {
  readonly _id: string
  readonly rev: number
  readonly json: string
  readonly [field: string]: unknown
}

/** The fields of a kind that are stored beside its JSON. */
export const indexedFields = (kind: Kind): readonly string[] => [...new Set(indexes[kind].flat())]

/** The indexes of a kind as MongoDB is told of them. */
export const indexSpecs = (kind: Kind) =>
  (indexes[kind] as readonly (readonly string[])[]).map(fields => ({
    name: indexName(fields),
    key: keyOf(fields),
  }))

/** A question as the driver takes it. `hint` holds the database to the index that answers. */
export const filterOf = ({
  equal,
  ranges,
  index,
}: Question): { readonly filter: Filter<Doc>; readonly hint: string } => {
  const tests: Record<string, Record<string, unknown>> = {}
  for (const [field, values] of equal)
    tests[field] = values.length === 1 ? { $eq: values[0] } : { $in: [...values] }
  for (const [field, test, value] of ranges) tests[field] = { ...tests[field], [`$${test}`]: value }
  return { filter: tests as Filter<Doc>, hint: indexName(index) }
}

export const sortOf = ({ by, descending }: Question): Sort => {
  const way = descending ? -1 : 1
  return by === '_id'
    ? [['_id', way]]
    : [
        [by, way],
        ['_id', way],
      ]
}

const indexName = (fields: readonly string[]): string => (fields.length === 0 ? '_id_' : fields.join('_'))

const keyOf = (fields: readonly string[]): Record<string, 1> =>
  Object.fromEntries([...fields, '_id'].map(field => [field, 1]))
