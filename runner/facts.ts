import type { Logger } from 'pino'
import type { Bell } from '../store/bell.ts'
import type { Files } from '../store/files.ts'
import type { Folder } from '../store/folder.ts'
import type { Store } from '../store/store.ts'
import type { Queue } from './queue.ts'

/** Facts at rest, and what wakes people up to look at them. */
export interface Facts {
  readonly store: Store
  /** The same store, which waits while the database is away, until the signal aborts. */
  readonly patient: (signal: AbortSignal) => Store
  readonly bell: Bell
  readonly queue: Queue
  readonly files: Files
  /** Whether each engine answers, by its name: rejects with the reason where it does not. */
  readonly checks: Readonly<Record<string, () => Promise<unknown>>>
}

interface Parts {
  /** Closes what was opened. */
  readonly opening: AsyncDisposableStack
  readonly now: () => Date
}

/** All in this process and its folder. */
export const openEmbeddedFacts = async (folder: Folder, { opening, now }: Parts): Promise<Facts> => {
  const [{ openSqlite }, { openLocalBell }, { openEmbedded }, { openBlobs }] = await Promise.all([
    import('../store/sqlite.ts'),
    import('../store/local-bell.ts'),
    import('./embedded.ts'),
    import('../store/blobs.ts'),
  ])
  const store = opening.use(openSqlite(folder.database))
  return {
    store,
    patient: () => store,
    bell: opening.use(openLocalBell()),
    queue: opening.use(openEmbedded({ now })),
    files: openBlobs(folder.files),
    checks: { store: () => store.count('runners', {}) },
  }
}

/** Over MongoDB and Redis, for any number of processes. Throws `Unreachable` where the database does not answer. */
export const openSharedFacts = async (
  { mongodbUrl, redisUrl }: { readonly mongodbUrl: string; readonly redisUrl: string },
  { opening, log, now }: Parts & { readonly log: Logger },
): Promise<Facts> => {
  const [{ openMongo }, { openGrid }, { patient }, { openRedisBell }, { openBullmq }] = await Promise.all([
    import('../store/mongo.ts'),
    import('../store/grid.ts'),
    import('../store/patient.ts'),
    import('../store/redis.ts'),
    import('./bullmq.ts'),
  ])
  const store = opening.use(await openMongo({ url: mongodbUrl }))
  const files = opening.use(await openGrid({ url: mongodbUrl }))
  const bell = opening.use(await openRedisBell({ url: redisUrl, log }))
  const queue = opening.use(await openBullmq({ url: redisUrl, now, log }))
  return {
    ...{ store, files, bell, queue },
    patient: signal => patient(store, { signal }),
    checks: { mongodb: () => store.count('runners', {}), redis: () => bell.ping() },
  }
}
