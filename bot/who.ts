import type { Who } from '../runner/intake.ts'
import { personOf } from '../runner/people.ts'
import type { Role } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { Incoming } from './platform.ts'

export interface WhoParts {
  readonly store: Store
  /** The role of somebody first met, by platform. */
  readonly defaultRoles: Readonly<Record<string, Role>>
  /** Identities that are admins from the start. */
  readonly admins: readonly string[]
}

/**
 * Who speaks, in which team. Who logged in to the page is a user already; anybody else is met by their identity, and made
 * one at first sight.
 */
export const whoIs = async ({ store, defaultRoles, admins }: WhoParts, incoming: Incoming): Promise<Who> => {
  const { platform, person, personName, team } = incoming
  if (platform === 'web') {
    const user = await store.get('users', person.slice('web:'.length))
    if (!user) throw new Error(`The page let somebody in who is no user: ${person}.`)
    return { user, team }
  }
  const user = await personOf(store, {
    identity: person,
    team,
    defaultRole: defaultRoles[platform] ?? 'viewer',
    admins,
    ...(personName && { name: personName }),
  })
  return { user, team }
}

/** Whether nobody but this person and the bot reads where it was said. */
export const isPrivate = (incoming: Incoming): boolean =>
  incoming.platform === 'web' ||
  (incoming.type === 'said' && (incoming.how === 'direct' || incoming.direct === true))
