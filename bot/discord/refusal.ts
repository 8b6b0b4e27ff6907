import { DiscordAPIError, HTTPError, RateLimitError } from 'discord.js'
import { Limited, Undeliverable } from '../platform.ts'

/**
 * What Discord answers when the same call would be refused for ever: what it is about is gone (10003 channel, 10004 guild,
 * 10008 message, 10013 user), it is too large (40005) or malformed (50035), or the bot or the place may not (50001 to
 * 50083).
 */
const final = new Set<string | number>([
  10003, 10004, 10008, 10013, 40005, 50001, 50005, 50006, 50007, 50008, 50013, 50021, 50024, 50035, 50083,
])

/** Too many edits of a message that is older than an hour. */
const oldEdits = 30046
const oldEditsMs = 60_000

/** Makes a call to Discord. Throws `Limited` or `Undeliverable` where Discord said so, everything else as it came. */
export const asked = async <T>(call: () => Promise<unknown>): Promise<T> => {
  try {
    return (await call()) as T
  } catch (error) {
    hush(error)
    if (error instanceof RateLimitError) throw new Limited(Math.max(50, Math.ceil(error.retryAfter)))
    const code = codeOf(error)
    if (code === oldEdits) throw new Limited(oldEditsMs)
    if (code !== undefined && final.has(code))
      throw new Undeliverable(`Discord refuses it: ${(error as Error).message} (${code}).`, { cause: error })
    throw error
  }
}

/** Takes out of an error what no log may hold: the body that was sent, and the token of an interaction in the address. */
const hush = (error: unknown): void => {
  if (!(error instanceof DiscordAPIError || error instanceof HTTPError)) return
  error.requestBody = { files: undefined, json: undefined }
  error.url = error.url.replace(/(\/(?:webhooks|interactions)\/\d+\/)[^/?]+/, '$1…')
}

/** Discord's own number of an error, also where it stands behind an `Undeliverable`. */
export const codeOf = (error: unknown): string | number | undefined => {
  if (error instanceof Undeliverable) return codeOf(error.cause)
  return error instanceof DiscordAPIError ? error.code : undefined
}
