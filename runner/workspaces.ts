import { readUpstream } from '../sandbox/upstream-url.ts'
import { nameId } from '../store/ids.ts'
import type { Conversation, Workspace } from '../store/records.ts'
import type { Repos } from '../store/repos.ts'
import { BadUpstream } from '../store/repos.ts'
import type { Store } from '../store/store.ts'
import type { Cause, Who, WorkspaceOrder } from './intake.ts'
import type { Outcome } from './outcome.ts'
import { ok, refuse } from './outcome.ts'
import { actingTeam, roleOf, sees } from './rights.ts'

/** Workspaces as one person sees them. */
export interface Workspaces {
  /** By id, or by name in the person's team first, then in any they see. */
  named(who: Who, nameOrId: string): Promise<Outcome<Workspace>>
  seen(who: Who): Promise<readonly Workspace[]>
  /** The one a job runs on when nobody says: the conversation's, the person's private one, the team's `main`. */
  usual(who: Who, conversation: Conversation | undefined): Promise<Workspace>
  create(who: Who, order: WorkspaceOrder, cause: Cause): Promise<Outcome<Workspace>>
}

const namePattern = /^[a-z0-9][a-z0-9._-]{0,62}$/
const persistences = ['persistent', 'ephemeral'] as const
const visibilities = ['team', 'private'] as const

export const openWorkspaces = ({
  store,
  repos,
  now,
}: {
  readonly store: Store
  readonly repos: Repos
  readonly now: () => Date
}): Workspaces => {
  const grantsOf = (who: Who) => store.find('grants', { where: { subject: who.user._id }, limit: 1000 })

  const make = async (workspace: Omit<Workspace, 'rev'>): Promise<Workspace | undefined> => {
    await repos.create(
      workspace._id,
      workspace.remoteUrl === undefined ? undefined : { url: workspace.remoteUrl },
    )
    return await store.put('workspaces', { ...workspace, rev: 0 })
  }
  const makeOnce = async (workspace: Omit<Workspace, 'rev'>): Promise<Workspace> => {
    const there = (await store.get('workspaces', workspace._id)) ?? (await make(workspace))
    return there ?? (await store.get('workspaces', workspace._id))!
  }
  const seen = async (who: Who) => {
    const grants = await grantsOf(who)
    const teams = Object.keys(who.user.roles)
    const everywhere = teams.includes('*')
    const found = await Promise.all([
      everywhere
        ? store.find('workspaces', { limit: 1000 })
        : store.find('workspaces', { where: { team: teams, visibility: 'team' }, limit: 1000 }),
      store.find('workspaces', { where: { owner: who.user._id }, limit: 1000 }),
      ...grants.map(async grant =>
        [await store.get('workspaces', grant.workspace)].filter(w => w !== undefined),
      ),
    ])
    const byId = new Map(found.flat().map(workspace => [workspace._id, workspace]))
    return [...byId.values()]
      .filter(workspace => sees(who.user, workspace, grants))
      .toSorted((a, b) => a.name.localeCompare(b.name) || a._id.localeCompare(b._id))
  }

  return {
    seen,
    named: async (who, nameOrId) => {
      const byId = await store.get('workspaces', nameOrId)
      if (byId && sees(who.user, byId, await grantsOf(who))) return ok(byId)
      const named = (await seen(who)).filter(workspace => workspace.name === nameOrId)
      const workspace = named.find(({ team }) => team === actingTeam(who)) ?? named[0]
      if (workspace) return ok(workspace)
      if (nameOrId === usualName && roleOf(who) !== undefined) return ok(await teamMain(who))
      const names = (await seen(who)).map(({ name }) => name)
      const there =
        names.length > 0
          ? `you can use: ${names.slice(0, 20).join(', ')}`
          : 'there is none yet that you can use'
      return refuse(404, `There is no workspace "${nameOrId.slice(0, 100)}"; ${there}.`, 'workspace')
    },
    usual: async (who, conversation) => {
      const before = conversation?.workspace && (await store.get('workspaces', conversation.workspace))
      if (before && sees(who.user, before, await grantsOf(who))) return before
      if (!conversation?.owner || conversation.platform === 'web') return await teamMain(who)
      return await makeOnce({
        _id: nameId(`${who.user._id} private`),
        name: `private-${who.user._id}`,
        team: actingTeam(who),
        owner: who.user._id,
        visibility: 'private',
        persistence: 'persistent',
        createdAt: conversation.createdAt,
      })
    },
    create: async (who, order, cause) => {
      const { name, visibility = 'team', persistence = 'persistent' } = order
      const role = roleOf(who)
      if (role === undefined || role === 'viewer')
        return refuse(403, 'You may look here but not make workspaces; an admin can make you a member.')
      if (!namePattern.test(name))
        return refuse(
          400,
          `The name "${name.slice(0, 80)}" cannot be used: it takes 1 to 63 of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit.`,
          'name',
        )
      if (!oneOf(visibilities, visibility))
        return refuse(400, `The visibility is "${visibility}"; it takes team or private.`, 'visibility')
      if (!oneOf(persistences, persistence))
        return refuse(
          400,
          `The persistence is "${persistence}"; it takes persistent or ephemeral.`,
          'persistence',
        )
      const upstream = order.remoteUrl === undefined ? undefined : readUpstream(order.remoteUrl)
      if (typeof upstream === 'string') return refuse(400, upstream, 'remoteUrl')
      const team = actingTeam(who)
      const _id = nameId(`${team} ${name}`)
      const taken = await store.get('workspaces', _id)
      if (taken && !(taken.owner === who.user._id && taken.createdAt === cause.at))
        return refuse(409, `The name "${name}" is taken in this team; choose another.`, 'name')
      const workspace = {
        _id,
        name,
        team,
        owner: who.user._id,
        visibility,
        persistence,
        ...(upstream && { remoteUrl: upstream.url }),
        createdAt: cause.at,
      }
      try {
        return ok(await makeOnce(workspace))
      } catch (error) {
        if (error instanceof BadUpstream) return refuse(400, error.message, 'remoteUrl')
        throw error
      }
    },
  }

  async function teamMain(who: Who): Promise<Workspace> {
    const team = actingTeam(who)
    return await makeOnce({
      _id: nameId(`${team} ${usualName}`),
      name: usualName,
      team,
      owner: team,
      visibility: 'team',
      persistence: 'persistent',
      createdAt: now().toISOString(),
    })
  }
}

/** The workspace that each team has without asking; the team itself owns it. */
const usualName = 'main'

const oneOf = <T extends string>(values: readonly T[], value: string): value is T =>
  (values as readonly string[]).includes(value)
