import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openIntake } from '../runner/desk.ts'
import { openEmbedded } from '../runner/embedded.ts'
import { openLogbook } from '../runner/logbook.ts'
import { openSettle } from '../runner/settle.ts'
import { openWorkspaces } from '../runner/workspaces.ts'
import { openBare } from '../store/bare.ts'
import type { Event } from '../store/events.ts'
import { openLocalBell } from '../store/local-bell.ts'
import type { Outbox } from '../store/records.ts'
import { openSqlite } from '../store/sqlite.ts'

/** The real intake over real engines in a folder of its own, without a runner: jobs are asked for, and a test tells how they go. */
export const openDesk = async ({ agents = ['script', 'command'] } = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-desk-'))
  const now = () => new Date()
  const store = openSqlite(join(folder, 'bellhop.db'))
  const bell = openLocalBell()
  const queue = openEmbedded({ now })
  const logbook = openLogbook({ store, bell, now })
  const workspaces = openWorkspaces({ store, repos: openBare(join(folder, 'repos'), { now }), now })
  const settle = openSettle({ store, bell, logbook, queue })
  const intake = openIntake({
    store,
    bell,
    queue,
    logbook,
    workspaces,
    settle,
    agents,
    defaultAgent: agents[0] ?? '',
    now,
  })

  const posts = (conversation: string): Promise<readonly Outbox[]> =>
    store.find('outbox', { where: { conversation }, by: 'n', limit: 1000 })
  let keys = 0
  return {
    store,
    bell,
    queue,
    logbook,
    intake,
    now,
    /** Every job there is, of any state. */
    jobs: () => store.find('jobs', { limit: 1000 }),
    posts,
    /** Lets these things happen to a job, its end with all that follows from it. */
    happen: async (job: string, ...events: readonly Event[]) => {
      await logbook.add(
        job,
        events.map(event => ({ ...event, key: `test/${keys++}` })),
        events[0]?.type === 'started' ? ((await logbook.current(job))?.attempt ?? 0) + 1 : undefined,
      )
      const after = await logbook.project(job)
      if (after) await settle(after)
    },
    /** Resolves with the first post of a conversation that fits, as soon as it is wanted. */
    posted: async (conversation: string, fits: (row: Outbox) => boolean): Promise<Outbox> => {
      while (true) {
        const changed = Promise.withResolvers<void>()
        const off = bell.on('outbox', changed.resolve)
        const found = (await posts(conversation)).find(fits)
        if (!found) await changed.promise
        off()
        if (found) return found
      }
    },
    [Symbol.asyncDispose]: async () => {
      await queue[Symbol.asyncDispose]()
      await bell[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
