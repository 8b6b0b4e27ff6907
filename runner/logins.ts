import type { User } from '../store/records.ts'
import { digestOf, newSecret } from '../store/secret.ts'
import type { Store } from '../store/store.ts'

const minutes = 60_000
const linkMs = 15 * minutes
const sessionMs = 30 * 24 * 60 * minutes

const later = (now: Date, ms: number) => new Date(now.getTime() + ms).toISOString()

/** The secret of a link that logs this user in once, within 15 minutes. Only its digest is stored, as with all below. */
export const offerLogin = async (store: Store, user: string, now: Date): Promise<string> => {
  const secret = newSecret()
  await store.put('logins', { _id: digestOf(secret), rev: 0, user, until: later(now, linkMs) })
  return secret
}

/** Trades a link's secret for a session of 30 days; `undefined` when it is unknown, too old, or used before. */
export const redeemLogin = async (
  store: Store,
  secret: string,
  now: Date,
): Promise<{ readonly session: string; readonly user: User } | undefined> => {
  const login = await store.get('logins', digestOf(secret))
  if (!login || login.usedAt || login.until <= now.toISOString()) return undefined
  const used = await store.put('logins', { ...login, usedAt: now.toISOString() })
  const user = used && (await store.get('users', login.user))
  if (!user) return undefined
  const session = newSecret()
  await store.put('sessions', {
    _id: digestOf(session),
    rev: 0,
    user: user._id,
    until: later(now, sessionMs),
  })
  return { session, user }
}

export const sessionUser = async (store: Store, secret: string, now: Date): Promise<User | undefined> => {
  const session = await store.get('sessions', digestOf(secret))
  return session && session.until > now.toISOString() ? await store.get('users', session.user) : undefined
}

export const endSession = async (store: Store, secret: string): Promise<void> => {
  await store.drop('sessions', digestOf(secret))
}

/** Drops the links and sessions that are too old to let anybody in. */
export const sweepLogins = async (store: Store, now: Date): Promise<void> => {
  for (const kind of ['logins', 'sessions'] as const)
    while (true) {
      const old = await store.find(kind, {
        where: { until: { lte: now.toISOString() } },
        by: 'until',
        limit: 500,
      })
      for (const { _id } of old) await store.drop(kind, _id)
      if (old.length < 500) break
    }
}

export const tokenUser = async (store: Store, secret: string, now: Date): Promise<User | undefined> => {
  const token = await store.get('tokens', digestOf(secret))
  if (!token || (token.until !== undefined && token.until <= now.toISOString())) return undefined
  return await store.get('users', token.user)
}

/** Makes `secret` a bearer token of a user. Nothing happens when it is one already. */
export const addToken = async (
  store: Store,
  token: {
    readonly user: string
    readonly name: string
    readonly scopes: readonly string[]
    readonly until?: string
  },
  secret: string,
): Promise<void> => {
  await store.put('tokens', { _id: digestOf(secret), rev: 0, ...token })
}
