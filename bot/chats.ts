import type { Role } from '../store/records.ts'
import type { BotParts } from './bot.ts'
import { runBot } from './bot.ts'
import type { OfficeState } from './office.ts'
import type { Platform } from './platform.ts'
import type { ChatParts } from './platforms.ts'
import { openPlatforms } from './platforms.ts'

/** Whether a part answers: rejects with the reason where it does not. What it resolves with is told beside it. */
type Check = () => Promise<unknown>

/**
 * The bot over the chat services that are configured, until the signal aborts. `through` is what each service passes through
 * as it is opened; `check` is told how to see whether each way in is open, and who does the talking.
 */
export const runChats = async (
  parts: ChatParts &
    Omit<BotParts, 'platforms' | 'defaultRoles' | 'changed'> & {
      readonly defaultRole?: Role
      readonly through: (platform: Platform) => Platform
      readonly check: (name: string, check: Check) => void
    },
  signal: AbortSignal,
): Promise<void> => {
  const { defaultRole, through, check } = parts
  let state: OfficeState = { office: 'waiting', store: 'ok' }
  check('bot', async () =>
    state.office === 'held' ? undefined : 'Another bot does the talking; this one waits.',
  )
  const watch = ({ name, everywhere, isListening }: Platform) => {
    if (!isListening) return
    check(name, async () => {
      if ((everywhere || state.office === 'held') && !isListening())
        throw new Error(`There is no connection over which ${name} could be heard.`)
    })
  }
  await runBot(
    {
      ...parts,
      platforms: async incoming => {
        const platforms = await openPlatforms(parts, incoming)
        platforms.forEach(watch)
        return platforms.map(through)
      },
      defaultRoles: { slack: defaultRole ?? 'member', discord: defaultRole ?? 'viewer', web: 'viewer' },
      changed: now => {
        state = now
      },
    },
    signal,
  )
}
