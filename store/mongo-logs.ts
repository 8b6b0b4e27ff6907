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
 * numbers have no gaps, and what was true of the head (its attempt, no end) is still true when the insert succeeds, however
 * long ago it was read. A key is in a log once by the index of keys. One that is done late, after its caller had given up,
 * is held by the same fence.
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

/** Of so many logs the head that was seen last is remembered: whoever goes on with a log need not ask for it. */
const seenHeads = 1000

/** The logs of the store in one collection of MongoDB. A batch is bounded by a document: 16 MB of JSON. */
export const openMongoLogs = (
  db: Db,
  asked: Asked,
): Pick<Store, 'append' | 'after' | 'erase'> & { makeIndexes(): Promise<void> } => {
  const batches = db.collection<Batch>('entries')
  const heads = new Map<string, Head>()

  const see = (log: string, { last, attempt, type }: Head): void => {
    if ((heads.get(log)?.last ?? 0) > last) return
    heads.delete(log)
    heads.set(log, { last, attempt, type })
    for (const oldest of heads.keys()) if (heads.size > seenHeads) heads.delete(oldest)
  }
  const headOf = async (log: string): Promise<Head | undefined> => {
    const head = await asked(() =>
      batches.findOne(
        { log },
        { sort: { last: -1 }, hint: byLast, projection: { _id: 0, last: 1, attempt: 1, type: 1 } },
      ),
    )
    if (head) see(log, head)
    return head ?? undefined
  }
  /** False where another batch has this place, or a key of this one. */
  const inserted = async (batch: Batch): Promise<boolean> => {
    try {
      await asked(() => batches.insertOne(batch))
    } catch (error) {
      if (isTaken(error)) return false
      throw error
    }
    see(batch.log, batch)
    return true
  }

  const known = async (log: string, drafts: readonly { readonly key: string }[]) => {
    const keys = drafts.map(({ key }) => key)
    const found = await asked(() => batches.find({ log, keys: { $in: keys } }, { hint: byKey }).toArray())
    return new Map(found.flatMap(keyed))
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
      let head = heads.get(log) ?? (await headOf(log))
      // That a key is there the insert finds by itself, so they are looked up only after it, or before a refusal.
      let there: ReadonlyMap<string, Entry<Content<LogName>>> | undefined
      while (true) {
        const added = unknownOf(drafts, there)
        const why = added.length > 0 ? refusalOf(head, attempt) : undefined
        if (there && why) return { ok: false, why }
        if (added.length > 0 && !why) {
          const batch = batchOf(log, (head?.last ?? 0) + 1, attempt ?? head?.attempt ?? 0, added)
          if (await inserted(batch)) there = new Map([...(there ?? []), ...keyed(batch)])
          else {
            head = await headOf(log)
            there = await known(log, drafts)
          }
        } else if (there) {
          const entries = there
          return { ok: true, entries: drafts.map(({ key }) => entries.get(key) as Entry<Content<L>>) }
        } else there = await known(log, drafts)
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
        see(log, batch)
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

/** Why nothing may be added behind this head. */
const refusalOf = (
  head: Head | undefined,
  attempt: number | undefined,
): 'ended' | 'superseded' | undefined => {
  if (head?.type === 'ended') return 'ended'
  return attempt !== undefined && head && head.attempt > attempt ? 'superseded' : undefined
}

/** The drafts that are not known to be there; of two with one key the first. */
const unknownOf = (
  drafts: readonly AnyDraft[],
  there: ReadonlyMap<string, unknown> | undefined,
): readonly AnyDraft[] => {
  const seen = new Set(there?.keys())
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

const keyed = (batch: Batch) => entriesOf(batch).map(entry => [entry.key, entry] as const)

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
