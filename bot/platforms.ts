import type { Readable } from 'node:stream'
import type { Logger } from 'pino'
import type { Bell } from '../store/bell.ts'
import type { Store } from '../store/store.ts'
import type { Incoming, Platform } from './platform.ts'
import { openWebChat } from './web.ts'

export interface ChatParts {
  readonly store: Store
  readonly bell: Bell
  readonly readFile: (id: string) => Promise<Readable | undefined>
  readonly slack?: {
    readonly token: string
    readonly appToken?: string
    readonly apiUrl?: string
  }
  readonly discord?: {
    readonly token: string
    readonly applicationId: string
    readonly guildId?: string
    readonly apiUrl?: string
  }
  readonly log: Logger
  readonly now: () => Date
}

/** Opens the browser chat, and Slack and Discord where there are tokens for them; what is not used is not loaded. */
export const openPlatforms = async (
  parts: ChatParts,
  incoming: (incoming: Incoming) => Promise<void>,
): Promise<readonly Platform[]> => [
  openWebChat({ incoming }),
  ...(parts.slack ? [await openSlackChat(parts, parts.slack, incoming)] : []),
  ...(parts.discord ? [await openDiscordChat(parts, parts.discord, incoming)] : []),
]

const openSlackChat = async (
  parts: ChatParts,
  { token, appToken, apiUrl }: NonNullable<ChatParts['slack']>,
  incoming: (incoming: Incoming) => Promise<void>,
): Promise<Platform> => {
  const { openSlack } = await import('./slack.ts')
  const address = { ...(apiUrl && { apiUrl }) }
  const slack = openSlack({ token, ...address, incoming, readFile: parts.readFile })
  if (!appToken) return slack
  const { openSlackSockets } = await import('./slack/socket.ts')
  const sockets = openSlackSockets({ ...parts, appToken, ...address })
  // Each event goes to one socket of the app, so every bot listens.
  return { ...slack, listen: sockets.listen, everywhere: true, isListening: sockets.isListening }
}

const openDiscordChat = async (
  parts: ChatParts,
  discord: NonNullable<ChatParts['discord']>,
  incoming: (incoming: Incoming) => Promise<void>,
): Promise<Platform> => {
  const { openDiscord } = await import('./discord.ts')
  return openDiscord({ ...parts, ...discord, incoming })
}
