import { createHash } from 'node:crypto'
import type { Db } from 'mongodb'
import type { Asked } from './mongo-calls.ts'
import { isTaken } from './mongo-calls.ts'
import type { Content, LogName } from './records.ts'
import type { Appended, Draft, Entry, Store } from './store.ts'

/**
 * What one append added: a document of its own, so that all of it is there or nothing. Its `_id` names the log and the
 * first entry's number, which is the whole fence: whoever saw the head `h` can only insert the batch that begins at
 * `h + 1`, and the database takes one such batch. A head never moves back, since only what is there for good is read; so
 * numbers have no gaps, and what was true of the head (its attempt, no end) and of the keys, looked up after the head, is
 * still true when the insert succeeds. One that is done late, after its caller had given up, is held by the same fence.
 */
interface Batch {
  readonly _id: string
  readonly log: string
  /** Numbers of the first and the last entry. */
  readonly first: number
  readonly last: number
  readonly attempt: number
  /** The type of the last entry. */
  readonly type: string
  readonly keys: readonly string[]
  readonly entries: readonly Row[]
}

interface Row {
  readonly key: string
  readonly at: string
  readonly type: string
  /** The content's JSON; null once it was erased. */
  readonly body: string | null
  readonly digest: string
}

type Head = Pick<Batch, 'last' | 'attempt' | 'type'>

/** The logs of the store in one collection of MongoDB. A batch is bounded by a document: 16 MB of JSON. */
export const openMongoLogs = (
  db: Db,
  asked: Asked,
): Pick<Store, 'append' | 'after' | 'erase'> & { makeIndexes(): Promise<void> } => {
  const batches = db.collection<Batch>('entries')

  const headOf = (log: string): Promise<Head | null> =>
    asked(() =>
      batches.findOne(
        { log },
        { sort: { last: -1 }, hint: byLast, projection: { _id: 0, last: 1, attempt: 1, type: 1 } },
      ),
    )

  const known = async (log: string, drafts: readonly { readonly key: string }[]) => {
    const keys = drafts.map(({ key }) => key)
    const found = await asked(() => batches.find({ log, keys: { $in: keys } }, { hint: byKey }).toArray())
    return new Map(found.flatMap(entriesOf).map(entry => [entry.key, entry]))
  }

  return {
    makeIndexes: async () => {
      await asked(() =>
        batches.createIndexes([
          { name: byLast, key: { log: 1, last: 1 }, unique: true },
          { name: byKey, key: { log: 1, keys: 1 }, unique: true },
        ]),
      )
    },
    append: async <L extends LogName>(
      log: L,
      drafts: readonly Draft<Content<L>>[],
      attempt?: number,
    ): Promise<Appended<Content<L>>> => {
      while (true) {
        const head = await headOf(log)
        const there = await known(log, drafts)
        const added = unknownOf(drafts, there)
        if (added.length > 0) {
          if (head?.type === 'ended') return { ok: false, why: 'ended' }
          if (attempt !== undefined && head && head.attempt > attempt) return { ok: false, why: 'superseded' }
          const batch = batchOf(log, (head?.last ?? 0) + 1, attempt ?? head?.attempt ?? 0, added)
          try {
            await asked(() => batches.insertOne(batch))
          } catch (error) {
            if (isTaken(error)) continue
            throw error
          }
          for (const entry of entriesOf(batch)) there.set(entry.key, entry)
        }
        return { ok: true, entries: drafts.map(({ key }) => there.get(key) as Entry<Content<L>>) }
      }
    },
    after: async <L extends LogName>(log: L, seq: number, limit = 500) => {
      const entries: Entry<Content<L>>[] = []
      if (limit === 0) return entries
      await using cursor = batches.find(
        { log, last: { $gt: seq } },
        { sort: { last: 1 }, hint: byLast, limit },
      )
      while (entries.length < limit) {
        const batch = await asked(() => cursor.next())
        if (!batch) break
        entries.push(...(entriesOf(batch).filter(entry => entry.seq > seq) as Entry<Content<L>>[]))
      }
      return entries.slice(0, limit)
    },
    erase: async (log, seqs) => {
      if (seqs.length === 0) return
      const touched = await asked(() =>
        batches
          .find(
            { log, last: { $gte: Math.min(...seqs) }, first: { $lte: Math.max(...seqs) } },
            { hint: byLast, projection: { first: 1, last: 1 } },
          )
          .toArray(),
      )
      for (const { _id, first, last } of touched) {
        const inside = seqs.filter(seq => seq >= first && seq <= last)
        const emptied = Object.fromEntries(inside.map(seq => [`entries.${seq - first}.body`, null]))
        if (inside.length > 0) await asked(() => batches.updateOne({ _id }, { $set: emptied }))
      }
    },
  }
}

const byLast = 'log_last'
const byKey = 'log_keys'

interface AnyDraft {
  readonly key: string
  readonly at: string
}

/** The drafts that are not there yet; of two with one key the first. */
const unknownOf = (drafts: readonly AnyDraft[], there: ReadonlyMap<string, unknown>): readonly AnyDraft[] => {
  const seen = new Set(there.keys())
  return drafts.filter(({ key }) => !seen.has(key) && seen.add(key))
}

const batchOf = (log: string, first: number, attempt: number, drafts: readonly AnyDraft[]): Batch => {
  const entries = drafts.map(({ key, at, ...content }): Row => {
    const body = JSON.stringify(content)
    const digest = createHash('sha256').update(body).digest('hex')
    return { key, at, type: (content as unknown as { readonly type: string }).type, body, digest }
  })
  return {
    _id: `${log}-${String(first).padStart(10, '0')}`,
    log,
    first,
    last: first + entries.length - 1,
    attempt,
    type: entries.at(-1)!.type,
    keys: entries.map(({ key }) => key),
    entries,
  }
}

const entriesOf = ({ first, attempt, entries }: Batch): readonly Entry<Content<LogName>>[] =>
  entries.map(
    ({ key, at, type, body, digest }, n) =>
      ({
        ...(body === null ? { type, erased: true } : JSON.parse(body)),
        seq: first + n,
        attempt,
        key,
        at,
        digest,
      }) as Entry<Content<LogName>>,
  )
