import { Readable } from 'node:stream'
import pino from 'pino'
import { openThrottle } from '../bot/discord/throttle.ts'
import { openDiscord } from '../bot/discord.ts'
import { openIncoming } from '../bot/incoming.ts'
import { runNarrator } from '../bot/narrator.ts'
import { runOutbox } from '../bot/outbox.ts'
import type { Incoming } from '../bot/platform.ts'
import { drain } from '../store/drain.ts'
import type { Role } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { openDesk } from './desk.ts'
import { openTestDiscord } from './discord.ts'
import { until } from './house.ts'

/** One life of a bot on Discord: it listens, drains, narrates and posts until it is stopped. */
export interface DiscordLife extends AsyncDisposable {
  readonly isListening: () => boolean
}

/**
 * The stand-in Discord, and a bot over the real intake and store without a runner. `store` may come in between. The bot is
 * started by `live`, and every `Incoming` of all its lives is kept.
 */
export const openDiscordHouse = async ({
  role = 'member',
  between = store => store,
  ...options
}: {
  readonly role?: Role
  readonly between?: (store: Store) => Store
} & Parameters<typeof openTestDiscord>[0] = {}) => {
  await using opening = new AsyncDisposableStack()
  const desk = opening.use(await openDesk())
  const discord = opening.use(await openTestDiscord(options))
  const { bell, intake, now } = desk
  const store = between(desk.store)
  const heard: Incoming[] = []
  const logged: string[] = []
  const log = pino({ level: 'debug' }, { write: line => void logged.push(line) })

  const open = (take: (incoming: Incoming) => Promise<void>) =>
    openDiscord({
      token: discord.token,
      applicationId: discord.application,
      guildId: discord.guild,
      apiUrl: discord.apiUrl,
      incoming: take,
      readFile: async id => (id === 'f1' ? Readable.from(['all of the output']) : undefined),
      store,
      bell,
      now,
      log,
      throttle: openThrottle({ everyMs: 1 }),
    })

  const opened = opening.move()
  return {
    ...desk,
    discord,
    heard,
    logged,
    open,
    /** Resolves when the bot listens. */
    live: async (): Promise<DiscordLife> => {
      const stopping = new AbortController()
      const { signal } = stopping
      const publicUrl = 'https://hop.test'
      const incoming = openIncoming({
        store: desk.store,
        bell,
        intake,
        defaultRoles: { discord: role },
        admins: [],
        publicUrl,
        log,
        now,
      })
      const platform = open(async one => {
        await incoming.take(one)
        heard.push(one)
      })
      const parts = { ...desk, publicUrl, log, signal }
      const going = Promise.all([
        platform.listen(signal),
        drain({
          ...parts,
          platform: 'discord',
          handle: platform.receive,
          laneOf: platform.laneOf,
          onDead: incoming.tellDead,
        }),
        runOutbox({ ...parts, platforms: new Map([['discord', platform]]) }),
        runNarrator({ ...parts, threads: new Map() }),
      ])
      await until('the bot to listen', async () => platform.isListening())
      return {
        isListening: platform.isListening,
        [Symbol.asyncDispose]: async () => {
          stopping.abort()
          await going
        },
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

export type DiscordHouse = Awaited<ReturnType<typeof openDiscordHouse>>
