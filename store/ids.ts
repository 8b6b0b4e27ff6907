import { createHash, randomBytes } from 'node:crypto'

/**
 * An id of `[a-z0-9]` made from what caused it, sortable by time: 9 characters of base 36 for the milliseconds of
 * `cause.at`, 8 for its key and the parts. The same cause gives the same id. Throws `RangeError` for a time that is none.
 */
export const idFrom = (
  cause: { readonly key: string; readonly at: string },
  ...parts: readonly string[]
): string => {
  const ms = Date.parse(cause.at)
  if (!(ms >= 0))
    throw new RangeError(`An id is made from an ISO time after 1970, and "${cause.at}" is none.`)
  return ms.toString(36).padStart(9, '0') + hash(JSON.stringify([cause.key, ...parts]), 8)
}

/** 16 characters of `[a-z0-9]` made from a text alone. */
export const nameId = (text: string): string => hash(text, 16)

/** 16 random characters of `[a-z0-9]`. */
export const randomId = (): string => base36(randomBytes(16)).slice(0, 16)

const hash = (text: string, characters: number) =>
  base36(createHash('sha256').update(text).digest()).slice(0, characters)

/** Base 36 of the bytes as one number, its end where the digits are evenly spread. */
const base36 = (bytes: Buffer) =>
  BigInt(`0x${bytes.toString('hex')}`)
    .toString(36)
    .padStart(24, '0')
    .slice(-24)
