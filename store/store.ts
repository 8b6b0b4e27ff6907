import type { Content, Kind, LogName, Records } from './records.ts'

/**
 * Documents and logs, and nothing else: the rules about them are pure functions above. What a promise resolved for is on
 * disk. There are no transactions; writes are ordered so that a crash between two leaves what the next start can finish.
 */
export interface Store extends AsyncDisposable {
  get<K extends Kind>(kind: K, id: string): Promise<Records[K] | undefined>

  /**
   * Inserts a record of `rev: 0`, replaces one whose stored `rev` is the same, and gives back what is stored now. Gives
   * `undefined` when somebody else was first: the id is taken, or the revision has moved on.
   */
  put<K extends Kind>(kind: K, record: Records[K]): Promise<Records[K] | undefined>

  /** At most `limit` records (100 unless told, 1000 at most). Throws `NoIndex` for a question that no index answers. */
  find<K extends Kind>(kind: K, query: Query<Records[K]>): Promise<readonly Records[K][]>

  /** How many there are, under the same rule. */
  count<K extends Kind>(kind: K, where: Where<Records[K]>): Promise<number>

  /** True when the record was there and is gone now. With `rev`, only while it has that revision. */
  drop(kind: Kind, id: string, rev?: number): Promise<boolean>

  /**
   * Adds entries behind the head, all or none of them. An entry whose `key` the log has already is not added again; the
   * one of that key is given back in its place. With `attempt`, refused as `superseded` when the head has a higher one;
   * refused as `ended` when the head is an `ended` event and anything would be added. Without it, the head's is used.
   */
  append<L extends LogName>(
    log: L,
    entries: readonly Draft<Content<L>>[],
    attempt?: number,
  ): Promise<Appended<Content<L>>>

  /** The entries numbered above `seq`, in order, at most `limit` (500 unless told). */
  after<L extends LogName>(log: L, seq: number, limit?: number): Promise<readonly Entry<Content<L>>[]>

  /** Empties the content of these entries for good; number, time, key and digest stay. */
  erase(log: LogName, seqs: readonly number[]): Promise<void>
}

/** A value for equality, up to 100 of them for any of these, or a range. */
export type Match<V> = V | readonly V[] | Range<V>
export interface Range<V> {
  readonly gt?: V
  readonly gte?: V
  readonly lt?: V
  readonly lte?: V
}
export type Where<T> = { readonly [F in keyof T]?: Match<NonNullable<T[F]>> }
export interface Query<T> {
  readonly where?: Where<T>
  /** Ordered by this field, ties by `_id`; by `_id` when not told. */
  readonly by?: keyof T & string
  readonly descending?: boolean
  readonly limit?: number
}

/** An entry before it has a number. `key` names it inside its log for good. */
export type Draft<C> = C & { readonly key: string; readonly at: string }

/** A log's entry. `seq` starts at 1 and has no gaps; `digest` is the SHA-256, in hex, of the content's JSON as stored. */
export type Entry<C> = Draft<C> & {
  readonly seq: number
  readonly attempt: number
  readonly digest: string
  readonly erased?: true
}

export type Appended<C> =
  | { readonly ok: true; readonly entries: readonly Entry<C>[] }
  | { readonly ok: false; readonly why: 'superseded' | 'ended' }

/** A find or count that no index in `indexes.ts` answers: a mistake of the caller. */
export class NoIndex extends Error {
  override name = 'NoIndex'
}

/** The data folder cannot be used; the message says why and what to do. */
export class Unusable extends Error {
  override name = 'Unusable'
}

/** The database does not answer; what was asked may or may not have been done. Ask again. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}
