import type { Db } from 'mongodb'
import { indexes } from './indexes.ts'
import type { Asked } from './mongo-calls.ts'
import { answersWithinMs, isTaken, openClient } from './mongo-calls.ts'
import { holdToFormat } from './mongo-format.ts'
import { openMongoLogs } from './mongo-logs.ts'
import type { Doc } from './mongo-select.ts'
import { filterOf, indexedFields, indexSpecs, sortOf } from './mongo-select.ts'
import { countOf, questionOf } from './question.ts'
import type { Kind, Records } from './records.ts'
import type { Store } from './store.ts'

/**
 * The store in a MongoDB database that any number of processes share: a collection for each kind, one for all logs. Each
 * write is one write of one document, so that a standalone server is enough. A call whose answer is not there within
 * `timeoutMs` throws `Unreachable`, and so do broken connections and a server that is not the primary; what was asked may
 * still be done then, and asking again is safe. Makes the indexes; throws `Unreachable` where the database is away, `Unusable`
 * where a newer Bellhop has written.
 */
export const openMongo = async ({
  url,
  timeoutMs = answersWithinMs,
}: {
  readonly url: string
  readonly timeoutMs?: number
}): Promise<Store> => {
  const { client, db, asked } = openClient(url, timeoutMs)
  const logs = openMongoLogs(db, asked)
  try {
    await holdToFormat(db, asked)
    await makeIndexes(db, asked)
    await logs.makeIndexes()
  } catch (error) {
    await client.close()
    throw error
  }
  const of = (kind: Kind) => db.collection<Doc>(kind)
  const recordOf = <K extends Kind>(doc: Pick<Doc, 'json'>) => JSON.parse(doc.json) as Records[K]
  const { append, after, erase } = logs

  return {
    get: async <K extends Kind>(kind: K, id: string) => {
      const doc = await asked(() => of(kind).findOne({ _id: id }, { projection: { json: 1 } }))
      return doc ? recordOf<K>(doc) : undefined
    },
    put: async <K extends Kind>(kind: K, record: Records[K]) => {
      const doc = docOf(kind, record)
      const { _id, ...rest } = doc
      if (record.rev !== 0) {
        const replaced = await asked(() => of(kind).replaceOne({ _id, rev: record.rev }, rest))
        return replaced.matchedCount === 1 ? recordOf<K>(doc) : undefined
      }
      try {
        await asked(() => of(kind).insertOne(doc))
        return recordOf<K>(doc)
      } catch (error) {
        if (isTaken(error)) return undefined
        throw error
      }
    },
    find: async <K extends Kind>(kind: K, query = {}) => {
      const question = questionOf(kind, query)
      // To the driver, a limit of 0 is none.
      if (question.limit === 0) return []
      const { filter, hint } = filterOf(question)
      const docs = await asked(() =>
        of(kind)
          .find(filter, { hint, sort: sortOf(question), limit: question.limit, projection: { json: 1 } })
          .toArray(),
      )
      return docs.map(doc => recordOf<K>(doc))
    },
    count: async (kind, where) => {
      const { filter, hint } = filterOf(countOf(kind, where))
      return await asked(() => of(kind).countDocuments(filter, { hint }))
    },
    drop: async (kind, id, rev) => {
      const filter = rev === undefined ? { _id: id } : { _id: id, rev }
      return (await asked(() => of(kind).deleteOne(filter))).deletedCount === 1
    },
    append,
    after,
    erase,
    [Symbol.asyncDispose]: () => client.close(),
  }
}

const makeIndexes = async (db: Db, asked: Asked): Promise<void> => {
  for (const kind of Object.keys(indexes) as Kind[]) {
    const specs = indexSpecs(kind)
    if (specs.length > 0) await asked(() => db.collection(kind).createIndexes(specs))
  }
}

/** JSON is kept as text: as document, MongoDB would not take every name of a field and keep no `undefined` apart from null. */
const docOf = <K extends Kind>(kind: K, record: Records[K]): Doc => {
  const stored = { ...record, rev: record.rev + 1 }
  const fields = Object.entries(stored).filter(
    ([field, value]) => value !== undefined && indexedFields(kind).includes(field),
  )
  return { ...Object.fromEntries(fields), _id: stored._id, rev: stored.rev, json: JSON.stringify(stored) }
}
