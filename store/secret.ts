import { createHash, randomBytes } from 'node:crypto'

/** 32 random bytes, as base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** The SHA-256 of a secret in hex: what is stored of it. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')
