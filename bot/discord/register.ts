import { setTimeout } from 'node:timers/promises'
import type { REST } from 'discord.js'
import { Routes } from 'discord.js'
import type { Logger } from 'pino'
import { Undeliverable } from '../platform.ts'
import { hop } from './command.ts'
import { asked } from './refusal.ts'

const firstPauseMs = 2000
const mostPauseMs = 10 * 60_000

/**
 * Gives what registers `/hop` in a guild, once for each, and tries again after pauses that grow to ten minutes. What it
 * gives resolves when that is done, or the signal aborts.
 */
export const openRegister = ({
  rest,
  app,
  log,
}: {
  readonly rest: REST
  readonly app: string
  readonly log: Pick<Logger, 'warn' | 'info'>
}): ((guild: string, signal: AbortSignal) => Promise<void>) => {
  const known = new Set<string>()
  return async (guild, signal) => {
    if (known.has(guild)) return
    known.add(guild)
    for (let pause = firstPauseMs; !signal.aborted; pause = Math.min(mostPauseMs, 2 * pause)) {
      try {
        await asked(() => rest.put(Routes.applicationGuildCommands(app, guild), { body: hop, signal }))
        return log.info({ guild }, '/hop is registered in a server of Discord')
      } catch (error) {
        if (signal.aborted) break
        const hint =
          error instanceof Undeliverable ? ': was the bot invited with the scope applications.commands?' : ''
        log.warn({ err: error, guild }, `/hop could not be registered in a server of Discord${hint}`)
        await setTimeout(pause, undefined, { signal }).catch(() => {})
      }
    }
    known.delete(guild)
  }
}
