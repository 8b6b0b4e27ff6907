import type { Logger } from 'pino'
import type { Intake } from '../runner/intake.ts'
import type { Bell } from '../store/bell.ts'
import { drain } from '../store/drain.ts'
import type { Role } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { openIncoming } from './incoming.ts'
import { runNarrator } from './narrator.ts'
import { runOutbox } from './outbox.ts'
import type { Incoming, Platform } from './platform.ts'
import { runSweep } from './sweep.ts'

export interface BotParts {
  readonly store: Store
  readonly bell: Bell
  readonly intake: Intake
  /** Opens the chat services, given what takes in a message of any of them. */
  readonly platforms: (incoming: (incoming: Incoming) => Promise<void>) => Promise<readonly Platform[]>
  /** The role of somebody first met, by platform. */
  readonly defaultRoles: Readonly<Record<string, Role>>
  readonly admins: readonly string[]
  readonly publicUrl: string
  readonly log: Logger
  readonly now: () => Date
}

/** The chat side of the house: drains the inbox, narrates the logs, works the outbox, sweeps out what is old, until the signal aborts. */
export const runBot = async (parts: BotParts, signal: AbortSignal): Promise<void> => {
  const incoming = openIncoming(parts)
  const platforms = await parts.platforms(incoming.take)
  await using open = new AsyncDisposableStack()
  for (const platform of platforms) open.use(platform)
  const byName = new Map(platforms.map(platform => [platform.name, platform]))
  await Promise.all([
    runOutbox({ ...parts, platforms: byName, signal }),
    runNarrator({ ...parts, signal }),
    runSweep({ ...parts, signal }),
    ...platforms.map(platform =>
      drain({
        ...parts,
        platform: platform.name,
        handle: envelope => platform.receive(envelope),
        onDead: incoming.tellDead,
        signal,
      }),
    ),
  ])
}
