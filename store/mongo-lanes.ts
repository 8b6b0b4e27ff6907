import type { Collection, OptionalUnlessRequiredId } from 'mongodb'
import { MongoBulkWriteError } from 'mongodb'
import { isTaken, takenCode } from './mongo-calls.ts'
import type { Doc } from './mongo-select.ts'
import { Unreachable } from './store.ts'

/** At most so many go together. */
const mostTogether = 50
/** A document with more text than this goes alone: it would hold up the others, and may be more than MongoDB takes. */
const mostText = 64 * 1024

interface Asked<Q, A> {
  readonly question: Q
  readonly resolve: (answer: A) => void
  readonly reject: (error: unknown) => void
}

/**
 * Asks alone when nobody else does. What is asked while an answer is on its way waits for that, and goes in one command
 * together, since a command costs the driver far more than a document in it: `carry` answers each question, in their order.
 */
const openLane = <Q, A>(
  carry: (questions: readonly Q[]) => Promise<readonly Answer<A>[]>,
): ((question: Q) => Promise<A>) => {
  const waiting: Asked<Q, A>[] = []
  let busy = false

  const go = async () => {
    busy = true
    while (waiting.length > 0) {
      const group = waiting.splice(0, mostTogether)
      try {
        const answers = await carry(group.map(({ question }) => question))
        for (const [n, answer] of answers.entries())
          if (answer.ok) group[n]?.resolve(answer.value)
          else group[n]?.reject(answer.error)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    busy = false
  }
  return question =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject })
      if (!busy) void go()
    })
}

type Answer<A> = { readonly ok: true; readonly value: A } | { readonly ok: false; readonly error: Error }
const ok = <A>(value: A): Answer<A> => ({ ok: true, value })

/** Reads the JSON of records by id, of those that many ask for at once in one command; undefined where there is none. */
export const openReads = (collection: Collection<Doc>): ((id: string) => Promise<string | undefined>) =>
  openLane(async ids => {
    const found = await collection
      .find({ _id: { $in: [...new Set(ids)] } }, { projection: { json: 1 } })
      .toArray()
    const byId = new Map(found.map(({ _id, json }) => [_id, json]))
    return ids.map(id => ok(byId.get(id)))
  })

/**
 * Inserts documents, those of many who insert at once in one command, in which each is there or not by itself. False where
 * an id, or another unique value, is taken. `text` is how much of the document is text.
 */
export const openInserts = <D extends { readonly _id: string }>(
  collection: Collection<D>,
): ((doc: D, text: number) => Promise<boolean>) => {
  const one = async (doc: D): Promise<boolean> => {
    try {
      await collection.insertOne(doc as OptionalUnlessRequiredId<D>)
      return true
    } catch (error) {
      if (isTaken(error)) return false
      throw error
    }
  }
  const all = async (docs: readonly D[]): Promise<readonly Answer<boolean>[]> => {
    try {
      await collection.insertMany(docs as readonly OptionalUnlessRequiredId<D>[], { ordered: false })
      return docs.map(() => ok(true))
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error
      const lack = error.result.getWriteConcernError()
      if (lack) throw new Unreachable(`The database keeps nothing for good: ${lack.errmsg}`, { cause: error })
      const codes = new Map([error.writeErrors].flat().map(({ index, code }) => [index, code]))
      return docs.map((_, n) =>
        codes.has(n) && codes.get(n) !== takenCode ? { ok: false, error } : ok(!codes.has(n)),
      )
    }
  }
  const together = openLane(async (docs: readonly D[]) =>
    docs.length === 1 ? [ok(await one(docs[0] as D))] : await all(docs),
  )
  return (doc, text) => (text > mostText ? one(doc) : together(doc))
}
