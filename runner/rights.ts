import type { Grant, Job, Role, User, Workspace } from '../store/records.ts'
import type { Who } from './intake.ts'
import { roleIn } from './people.ts'

/**
 * The team somebody acts in. The browser is nobody's team by itself: who has no role there acts in the team they come from.
 */
export const actingTeam = ({ user, team }: Who): string =>
  roleIn(user, team) === undefined && team === 'web' ? (Object.keys(user.roles)[0] ?? team) : team

/** The role somebody acts with, `undefined` for a stranger to the team. */
export const roleOf = (who: Who): Role | undefined => roleIn(who.user, actingTeam(who))

/** Members of its team see a `team` workspace; its owner and those granted a `private` one. */
export const sees = (user: User, workspace: Workspace, grants: readonly Grant[]): boolean => {
  if (workspace.owner === user._id) return true
  if (workspace.visibility === 'team') return roleIn(user, workspace.team) !== undefined
  return grants.some(grant => grant.workspace === workspace._id && grant.subject === user._id)
}

/** Who may cancel, retry and answer: the requester, the workspace's owner, an admin of its team. */
export const commands = (user: User, job: Job, workspace: Workspace): boolean =>
  job.requester === user._id || workspace.owner === user._id || roleIn(user, workspace.team) === 'admin'
