import type { Role } from '../../store/records.ts'
import type { Store } from '../../store/store.ts'

const rank: Readonly<Record<Role, number>> = { admin: 3, member: 2, viewer: 1 }

/**
 * The team in which somebody acts: the guild's. A direct message belongs to none, so there it is the one guild that is
 * served, or else the guild in which they hold the highest role; somebody who was never met in one acts in `discord:@me`.
 */
export const teamFor = async (
  store: Store,
  { guild, person }: { readonly guild: string | undefined; readonly person: string },
): Promise<string> => {
  if (guild !== undefined) return `discord:${guild}`
  const identity = await store.get('identities', `discord:${person}`)
  const user = identity && (await store.get('users', identity.user))
  const [best] = Object.entries(user?.roles ?? {})
    .filter(([team]) => team.startsWith('discord:'))
    .toSorted(([a, one], [b, other]) => rank[other] - rank[one] || (a < b ? -1 : 1))
  return best?.[0] ?? 'discord:@me'
}
