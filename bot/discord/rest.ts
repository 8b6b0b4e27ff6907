import { REST } from 'discord.js'

const timeoutMs = 15_000

/**
 * Discord's REST API. With `rejects` a call that would have to wait for a limit throws `RateLimitError` at once, for the
 * outbox to wait; nothing is tried again on its own.
 */
export const openRest = ({
  token,
  apiUrl,
  rejects,
}: {
  readonly token: string
  readonly apiUrl?: string | undefined
  readonly rejects: boolean
}): REST => {
  const rest = new REST({
    version: '10',
    retries: 0,
    timeout: timeoutMs,
    ...(apiUrl && { api: apiUrl }),
    ...(rejects && { rejectOnRateLimit: () => true }),
  }).setToken(token)
  // At one 401 it would forget the token, and never ask again.
  const set = rest.setToken.bind(rest)
  rest.setToken = given => (given ? set(given) : rest)
  return rest
}
