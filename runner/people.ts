import { nameId } from '../store/ids.ts'
import type { Role, User } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { update } from '../store/update.ts'

/** The role somebody holds in a team; one held everywhere is kept under `*`. */
export const roleIn = (user: User, team: string): Role | undefined => user.roles[team] ?? user.roles['*']

export interface Met {
  /** Their name at the platform, `slack:T1:U2`. */
  readonly identity: string
  readonly name?: string
  readonly team: string
  readonly defaultRole: Role
  /** Identities that are admins from the start. */
  readonly admins: readonly string[]
}

/**
 * The person behind an identity, made at first sight with the default role, or as an admin where they are listed. Somebody
 * met in a further team gets a role there too. Two processes that meet the same person make one.
 */
export const personOf = async (
  store: Store,
  { identity, name, team, defaultRole, admins }: Met,
): Promise<User> => {
  const role = admins.includes(identity) ? 'admin' : defaultRole
  const known = await store.get('identities', identity)
  const id = known?.user ?? nameId(identity)
  const made = {
    _id: id,
    rev: 0,
    name: name ?? identity.split(':').at(-1) ?? identity,
    roles: { [team]: role },
  }
  if (!(await store.get('users', id))) await store.put('users', made)
  if (!known) await store.put('identities', { _id: identity, rev: 0, user: id })
  const user = await update(store, 'users', id, stored => {
    const wanted = { ...stored, name: name ?? stored.name, roles: roles(stored, team, role) }
    return wanted.name === stored.name && wanted.roles[team] === stored.roles[team] ? undefined : wanted
  })
  if (!user) throw new Error(`The person ${identity} was removed while they were being met.`)
  return user
}

/** A role once given is kept, but for a listed admin, who is one whatever was before. */
const roles = ({ roles: held }: User, team: string, role: Role) =>
  held[team] === undefined || role === 'admin' ? { ...held, [team]: role } : held
