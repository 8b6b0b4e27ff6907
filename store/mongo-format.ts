import type { Db } from 'mongodb'
import type { Asked } from './mongo-calls.ts'
import { isTaken } from './mongo-calls.ts'
import { Unusable } from './store.ts'

/** What this program reads and writes in MongoDB. A change that an older program could not read makes it one more. */
const ours = 1

/** Notes the format in a new database; throws `Unusable` where a newer Bellhop has written. */
export const holdToFormat = async (db: Db, asked: Asked): Promise<void> => {
  const about = db.collection<{ readonly _id: string; readonly number: number }>('about')
  try {
    await asked(() => about.insertOne({ _id: 'format', number: ours }))
  } catch (error) {
    if (!isTaken(error)) throw error
  }
  const found = await asked(() => about.findOne({ _id: 'format' }))
  if (found && found.number > ours)
    throw new Unusable(
      `The database ${db.databaseName} has format ${found.number}, and this Bellhop knows ${ours} at most. Start the newer Bellhop that wrote it, or set MONGODB_URL to another database.`,
    )
}
