import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { conversationOf } from '../bot/conversations.ts'
import type { Incoming, Platform } from '../bot/platform.ts'
import type { Bell } from '../store/bell.ts'
import { drain } from '../store/drain.ts'
import { openLocalBell } from '../store/local-bell.ts'
import { openSqlite } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { until } from './house.ts'

/** What a platform is opened over in a trial of its contract. */
interface TrialParts {
  readonly store: Store
  readonly bell: Bell
  readonly incoming: (incoming: Incoming) => Promise<void>
  readonly readFile: (id: string) => Promise<Readable | undefined>
}

/** A store, an inbox that is drained into a platform, and all that is heard of it, each in its conversation. There is one
 * file, `f1`. */
export const openTrial = async (open: (parts: TrialParts) => Platform) => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-trial-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const store = opening.use(openSqlite(join(folder, 'db')))
  const bell = opening.use(openLocalBell())
  const heard: Incoming[] = []
  let failing = false
  const platform = opening.use(
    open({
      store,
      bell,
      readFile: async id => (id === 'f1' ? Readable.from(['all of the output']) : undefined),
      incoming: async incoming => {
        if (failing) throw new Error('the disk is full')
        await conversationOf(store, incoming, undefined)
        heard.push(incoming)
      },
    }),
  )
  const stopping = new AbortController()
  const { name, laneOf, receive } = platform
  const now = () => new Date()
  const drained = drain({
    store,
    bell,
    platform: name,
    handle: receive,
    laneOf,
    now,
    signal: stopping.signal,
  })
  opening.defer(() => drained)
  opening.defer(() => stopping.abort())
  const opened = opening.move()
  return {
    store,
    bell,
    platform,
    heard: async (count: number): Promise<readonly Incoming[]> => {
      await until(
        `${count} to be heard, of which there are ${heard.length}`,
        async () =>
          heard.length >= count && (await store.count('inbox', { platform: name, state: 'new' })) === 0,
        10_000,
      )
      return [...heard]
    },
    again: async (): Promise<readonly Incoming[]> => {
      const done = await store.find('inbox', {
        where: { platform: name, state: 'done' },
        by: 'receivedAt',
        limit: 1000,
      })
      for (const envelope of done) await receive(envelope)
      return [...heard]
    },
    fail: () => {
      failing = true
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
