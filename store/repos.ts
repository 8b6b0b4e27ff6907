import type { Readable } from 'node:stream'

/**
 * Bare repositories, one per workspace, read and written by plumbing alone: no checkout, so nothing that a job wrote is
 * ever followed or run. Refs: `main` is the workspace, `refs/heads/jobs/<job>` a job's work, `refs/bellhop/…` what no
 * branch holds any more. What names nothing is `undefined` or empty where a verb says so; else `Unknown` is thrown, as for
 * a repository that is not there, and `BadName` for what can name none.
 */
export interface Repos {
  /**
   * Makes the repository: with an empty root commit on `main`, or as a clone of `from`, whose default branch becomes `main`
   * and whose other branches and tags come along; one with a name that the house needs itself is called `upstream-…`.
   * Safe to repeat, and made whole or not at all. Throws `BadUpstream` where the clone cannot be made, or what is there
   * is no clone of the same upstream.
   */
  create(id: string, from?: Upstream): Promise<void>
  /** The commit that a ref, branch name or hash names, or `undefined`. */
  resolve(id: string, ref: string): Promise<string | undefined>
  /** A folder's entries, folders first, by name; `undefined` when there is no such folder. `path` is '' for the root. */
  tree(id: string, ref: string, path: string): Promise<readonly TreeEntry[] | undefined>
  /** A file's content, `undefined` when there is none. Symbolic links are given as their text, never followed. */
  blob(id: string, ref: string, path: string): Promise<Blob | undefined>
  /** Newest first; `after` is the last hash of the page before. */
  history(
    id: string,
    ref: string,
    page: { readonly limit: number; readonly after?: string },
  ): Promise<readonly Commit[]>
  branches(id: string): Promise<readonly { readonly name: string; readonly commit: string }[]>
  /** The patch from one commit to another, as git prints it, cut after `limit` bytes with a last line that says so. */
  diff(id: string, from: string, to: string, limit?: number): Promise<string>
  /** Paths that differ between two commits. */
  changed(id: string, from: string, to: string): Promise<readonly string[]>
  /** Where `to` left `from`, or `undefined`. */
  base(id: string, from: string, to: string): Promise<string | undefined>
  /**
   * Brings `commit` into branch `into`: fast-forward, else a three-way merge; tried again when the branch moved meanwhile.
   * On a conflict nothing moves; one that is in no single file is named `.`, the whole tree. Safe to repeat: what is
   * already in is `merged` with the branch's own tip.
   */
  merge(
    id: string,
    merge: { readonly commit: string; readonly into: string; readonly message: string; readonly at: string },
  ): Promise<Merge>
  /**
   * Moves `ref` out of the way to `to` under refs/bellhop/, keeping its commit reachable. Nothing happens without `ref`.
   * Where `to` holds another commit, that stays, and this one goes to `<to>-<commit>`.
   */
  shelve(id: string, ref: string, to: string): Promise<void>
  /** Smart HTTP for one repository: clone and fetch of everything, push where `push` allows it. */
  serve(id: string, request: GitRequest, rights: GitRights): Promise<GitResponse>
}

/** Where a repository comes from: an `https` address without credentials. */
export interface Upstream {
  readonly url: string
}

export interface TreeEntry {
  readonly name: string
  readonly path: string
  readonly kind: 'folder' | 'file' | 'link' | 'repository'
  readonly bytes?: number
}
export interface Blob {
  readonly bytes: number
  readonly content: Buffer
}
export interface Commit {
  readonly hash: string
  readonly parents: readonly string[]
  readonly author: string
  readonly at: string
  readonly message: string
}
export type Merge = { readonly merged: string } | { readonly conflicts: readonly string[] }

/** `path` is what follows the repository's own address: `/info/refs`, `/git-upload-pack`, `/git-receive-pack`. */
export interface GitRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Readable
}
/** Read `body` to its end or destroy it: git runs until then. */
export interface GitResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readable | string
}
export interface GitRights {
  /** A sentence to refuse a push to `ref` with, or `undefined` to allow it. Absent: no push at all. */
  readonly push?: (ref: string) => string | undefined
}

/** There is no such repository or commit; the message says which. */
export class Unknown extends Error {
  override name = 'Unknown'
}

/** A name that no repository or ref can have. */
export class BadName extends Error {
  override name = 'BadName'
}

/** The upstream could not be cloned; the message is a sentence for the person who named it. */
export class BadUpstream extends Error {
  override name = 'BadUpstream'
}

/** Who owns the repositories did not answer; what was asked may or may not have been done, and can be asked again. */
export class OwnerAway extends Error {
  override name = 'OwnerAway'
}
