import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { GridFSFile } from 'mongodb'
import { GridFSBucket, ObjectId } from 'mongodb'
import type { Files } from './files.ts'
import { TooLarge } from './files.ts'
import { answersWithinMs, isTaken, openClient, told } from './mongo-calls.ts'
import { Unreachable } from './store.ts'

/** A piece of a version as GridFS stores it. */
interface GridFSChunk {
  readonly files_id: ObjectId
  readonly n: number
  readonly data: Buffer
}

/** Names the version of a file that is read: it is set when the whole version is stored. */
interface Pointer {
  readonly _id: string
  readonly version: ObjectId
}

/** A version that no pointer may name: it is being written, or was replaced. Noted before it comes to that. */
interface Loose {
  readonly _id: ObjectId
  readonly since: Date
  /** Who noted it last takes back no note but its own. */
  readonly note: ObjectId
}

/** Who began to read a version that was replaced has this long to end; who writes one, too: a day. */
const looseMs = 24 * 60 * 60 * 1000
/** At most this many are removed at each start. */
const mostSwept = 1000
const chunkSizeBytes = 1024 * 1024

const removed = 'The file was removed while it was read.'

/**
 * The files port on GridFS, shared by any number of processes. A file is uploaded as a new version under a random id, and
 * then named by its pointer in one write, so that none is ever half there. What a crash or a replacement leaves is removed
 * at a start a day later. Throws `Unreachable`, as do the streams it gives, where the database does not answer; a `write`
 * that threw may be repeated with the same bytes.
 */
export const openGrid = async ({
  url,
  now = () => new Date(),
  timeoutMs = answersWithinMs,
}: {
  readonly url: string
  readonly now?: () => Date
  readonly timeoutMs?: number
}): Promise<Files & AsyncDisposable> => {
  const { client, db, asked } = openClient(url, timeoutMs)
  const bucket = new GridFSBucket(db, { bucketName: 'blobs', chunkSizeBytes })
  const files = db.collection<GridFSFile>('blobs.files')
  const chunks = db.collection<GridFSChunk>('blobs.chunks')
  const pointers = db.collection<Pointer>('blobs')
  const loose = db.collection<Loose>('blobs.loose')

  const loosen = async (version: ObjectId): Promise<ObjectId> => {
    const note = new ObjectId()
    try {
      await asked(() => loose.updateOne({ _id: version }, { $set: { since: now(), note } }, { upsert: true }))
    } catch (error) {
      // Of two who note it at once for the first time, one may be told so.
      if (!isTaken(error)) throw error
    }
    return note
  }

  const discard = async (version: ObjectId) => {
    await asked(() => files.deleteOne({ _id: version }))
    await asked(() => chunks.deleteMany({ files_id: version }))
  }

  /** A question for each chunk: a cursor would be closed by the server while a slow reader takes its time. */
  async function* bytesOf(version: ObjectId): AsyncGenerator<Buffer> {
    const file = await asked(() => files.findOne({ _id: version }))
    if (!file) throw new Error(removed)
    for (let n = 0; n * file.chunkSize < file.length; n++) {
      const chunk = await asked(() => chunks.findOne({ files_id: version, n }, { promoteBuffers: true }))
      if (!chunk) throw new Error(removed)
      yield chunk.data
    }
  }

  /** Has the pointer name this version, in the place of what it names then. */
  const name = async (id: string, version: ObjectId, note: ObjectId): Promise<void> => {
    while (true) {
      const old = await asked(() => pointers.findOne({ _id: id }))
      if (old?.version.equals(version)) break
      if (old) await loosen(old.version)
      if (await swap(id, version, old)) break
    }
    // One who has replaced it already has noted it anew.
    await asked(() => loose.deleteOne({ _id: version, note }))
  }

  const swap = async (id: string, version: ObjectId, old: Pointer | null): Promise<boolean> => {
    if (old) {
      const fence = { _id: id, version: old.version }
      return (await asked(() => pointers.replaceOne(fence, { version }))).matchedCount === 1
    }
    try {
      await asked(() => pointers.insertOne({ _id: id, version }))
      return true
    } catch (error) {
      if (isTaken(error)) return false
      throw error
    }
  }

  const sweep = async () => {
    const before = new Date(now().getTime() - looseMs)
    const old = await asked(() =>
      loose
        .find({ since: { $lt: before } })
        .sort({ since: 1 })
        .limit(mostSwept)
        .toArray(),
    )
    for (const { _id: version } of old) {
      if (!(await asked(() => pointers.findOne({ version })))) await discard(version)
      // Not where somebody has noted it anew meanwhile.
      await asked(() => loose.deleteOne({ _id: version, since: { $lt: before } }))
    }
  }

  try {
    await asked(() => pointers.createIndex({ version: 1 }))
    await asked(() => loose.createIndex({ since: 1 }))
    await sweep()
  } catch (error) {
    await client.close()
    throw error
  }

  return {
    write: async (id, source, limit) => {
      const version = new ObjectId()
      let bytes = 0
      const count = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          bytes += chunk.length
          done(bytes > limit ? new TooLarge(limit) : null, chunk)
        },
      })
      const stream = source instanceof Readable ? source : Readable.from([Buffer.from(source)])
      const note = await loosen(version)
      try {
        await pipeline(stream, count, bucket.openUploadStreamWithId(version, id))
      } catch (error) {
        const why = told(error)
        // A piece may still be on its way; with the note, a later start removes what this leaves behind.
        if (!(why instanceof Unreachable)) await discard(version).catch(() => {})
        throw why
      }
      await name(id, version, note)
      return { bytes }
    },
    read: async id => {
      const pointer = await asked(() => pointers.findOne({ _id: id }))
      if (!pointer) return undefined
      return Readable.from(bytesOf(pointer.version), { objectMode: false })
    },
    remove: async id => {
      const pointer = await asked(() => pointers.findOne({ _id: id }))
      if (!pointer) return
      await loosen(pointer.version)
      await asked(() => pointers.deleteOne({ _id: id, version: pointer.version }))
      await discard(pointer.version)
      await asked(() => loose.deleteOne({ _id: pointer.version }))
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}
