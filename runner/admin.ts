import { kept } from '../store/kept.ts'
import type { User } from '../store/records.ts'
import { newSecret } from '../store/secret.ts'
import type { Store } from '../store/store.ts'
import { addToken } from './logins.ts'

/** The one who runs the installation: an admin everywhere, with no identity at any chat service. */
const admin: User = { _id: 'admin', rev: 0, name: 'Admin', roles: { '*': 'admin' } }

/** The user behind the installation's own token, made at first use. */
const adminUser = async (store: Store): Promise<User> =>
  (await store.get('users', admin._id)) ?? (await store.put('users', admin)) ?? (await adminUser(store))

/** The bearer token of the installation's own admin: kept in `file`, mode 0600, and made there once. */
export const adminToken = async (store: Store, file: string): Promise<string> => {
  const user = await adminUser(store)
  const token = await kept(file, newSecret)
  await addToken(store, { user: user._id, name: 'admin-token', scopes: ['*'] }, token)
  return token
}
