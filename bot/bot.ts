import type { Logger } from 'pino'
import type { Intake } from '../runner/intake.ts'
import type { Bell } from '../store/bell.ts'
import { drain } from '../store/drain.ts'
import type { Role } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { openIncoming } from './incoming.ts'
import { runNarrator } from './narrator.ts'
import type { Office, OfficeState } from './office.ts'
import { openOffice } from './office.ts'
import { openOutage } from './outage.ts'
import { runOutbox } from './outbox.ts'
import type { Incoming, Platform } from './platform.ts'
import { runSweep } from './sweep.ts'
import type { Thread } from './threads.ts'
import { together } from './together.ts'

export interface BotParts {
  /** Throws `Unreachable` where its database is away: waiting for it is done here. */
  readonly store: Store
  readonly bell: Bell
  readonly intake: Intake
  /** Names this process among all bots; a start after a crash has the same name. */
  readonly holder: string
  /** Opens the chat services, given what takes in a message of any of them. */
  readonly platforms: (incoming: (incoming: Incoming) => Promise<void>) => Promise<readonly Platform[]>
  /** The role of somebody first met, by platform. */
  readonly defaultRoles: Readonly<Record<string, Role>>
  readonly admins: readonly string[]
  readonly publicUrl: string
  readonly log: Logger
  readonly now: () => Date
  /** Told whether this bot has the office and whether the store answers, at each change. */
  readonly changed?: (state: OfficeState) => void
}

/**
 * The chat side of the house, until the signal aborts. Of all bots that share a store one at a time drains the inbox,
 * narrates the logs, works the outbox and sweeps out what is old; each of them listens where the platform has it so. An
 * outage of the store holds the work up, and the threads of live jobs are told.
 */
export const runBot = async (parts: BotParts, signal: AbortSignal): Promise<void> => {
  const threads = new Map<string, Thread>()
  const office = openOffice({
    ...parts,
    name: 'bot',
    changed: state => {
      if (state.store === 'ok') outage.notice(false)
      else if (state.office === 'held') outage.notice(true)
      parts.changed?.(state)
    },
  })
  const { store } = office
  const incoming = openIncoming({ ...parts, store })
  const platforms = await parts.platforms(incoming.take)
  await using open = new AsyncDisposableStack()
  for (const platform of platforms) open.use(platform)
  const byName = new Map(platforms.map(platform => [platform.name, platform]))
  const outage = open.use(
    openOutage({ ...parts, platforms: byName, threads: () => threads.values(), signal }),
  )

  const outgoing = new Map(platforms.map(platform => [platform.name, bound(platform, office)]))
  const own = { ...parts, store }
  const work = (signal: AbortSignal) =>
    together(signal, [
      signal => runOutbox({ ...own, platforms: outgoing, signal }),
      signal => runNarrator({ ...own, threads, signal }),
      signal => runSweep({ ...own, signal }),
      ...platforms.map(platform => (signal: AbortSignal) => drained(platform, signal)),
      ...platforms.flatMap(({ listen, everywhere }) => (listen && !everywhere ? [listen] : [])),
    ])
  const drained = (platform: Platform, signal: AbortSignal) =>
    drain({
      ...own,
      platform: platform.name,
      handle: envelope => platform.receive(envelope),
      laneOf: platform.laneOf,
      onDead: incoming.tellDead,
      signal,
    })
  await together(signal, [
    signal => office.hold(work, signal),
    ...platforms.flatMap(({ listen, everywhere }) => (listen && everywhere ? [listen] : [])),
  ])
}

/** A platform on which only the holder of the office speaks: what is posted twice cannot be taken back. */
const bound = (platform: Platform, office: Pick<Office, 'sure'>): Platform => ({
  ...platform,
  post: async (...message) => {
    await office.sure()
    return await platform.post(...message)
  },
  edit: async (...message) => {
    await office.sure()
    await platform.edit(...message)
  },
})
