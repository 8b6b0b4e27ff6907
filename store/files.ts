import type { Readable } from 'node:stream'

/** Bytes by id. Their names and owners are records; this only keeps them. */
export interface Files {
  /** Stores all of `source` durably under `id`. Throws `TooLarge`, and keeps nothing, past `limit` bytes. */
  write(
    id: string,
    source: Readable | Uint8Array | string,
    limit: number,
  ): Promise<{ readonly bytes: number }>
  read(id: string): Promise<Readable | undefined>
  remove(id: string): Promise<void>
}

export class TooLarge extends Error {
  override name = 'TooLarge'
  readonly limit: number
  constructor(limit: number) {
    super(`The file is larger than the ${limit} bytes allowed here.`)
    this.limit = limit
  }
}
