import { createHash, createHmac, randomBytes } from 'node:crypto'

/** 32 random bytes, as base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** The SHA-256 of a secret in hex: what is stored of it. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** What an installation's processes know each other by, one for each purpose: 64 characters of hex, the same in each process. */
export const secretFor = (key: string, purpose: string): string =>
  createHmac('sha256', key).update(purpose).digest('hex')
