import type { Bell } from './bell.ts'
import { receiveInTime } from './in-time.ts'
import type { Store } from './store.ts'

/** What a person is told whose command or button could not be stored. */
const notTaken = 'Bellhop cannot reach its database right now, so this was not taken. Try again in a minute.'

/** Slack waits 3 s for its answer; what the store leaves of them is for saying that it is away. */
const answerMs = 2900

type Body = Readonly<Record<string, unknown>>

/**
 * How one of Slack's envelopes fared. `again`: it was not stored, and must not be acknowledged, so that Slack sends it
 * again. `tell`: it was not stored and never comes again, so the person is to be told, within `leftMs`.
 */
export type Taken =
  | { readonly how: 'stored' }
  | { readonly how: 'again'; readonly error: unknown }
  | { readonly how: 'tell'; readonly error: unknown; readonly leftMs: number }

/**
 * Stores an envelope of Slack's, from HTTP or a socket, and rings `inbox`. A store that does not answer within 2 s counts
 * as one that failed. A command or button that it keeps after all is not handled, as its person was told otherwise.
 */
export const takeSlack = async ({
  store,
  bell,
  key,
  body,
  retryNum,
  at,
}: {
  readonly store: Store
  readonly bell: Bell
  /** As `slackKey` gives it. */
  readonly key: string
  readonly body: Body
  /** How often Slack sent it before; none for the first time. */
  readonly retryNum?: number | undefined
  readonly at: string
}): Promise<Taken> => {
  const startedAt = performance.now()
  const again = body.type === 'event_callback'
  const stored = { body, ...(retryNum && { retryNum }) }
  try {
    await receiveInTime(store, bell, { key, platform: 'slack', at, body: stored, once: !again })
    return { how: 'stored' }
  } catch (error) {
    if (again) return { how: 'again', error }
    return { how: 'tell', error, leftMs: Math.round(startedAt + answerMs - performance.now()) }
  }
}

/** The answer that shows `notTaken` to whoever gave a command, and to nobody else. */
export const commandNotTaken = { response_type: 'ephemeral', text: notTaken }

/**
 * Tells whoever pressed a button `notTaken`, by the address that Slack sent for it: what is answered to a button itself is
 * shown to nobody. Gives whether that worked within `leftMs`.
 */
export const tellPresser = async (body: Body, leftMs: number): Promise<boolean> => {
  if (typeof body.response_url !== 'string') return false
  try {
    const response = await fetch(body.response_url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...commandNotTaken, replace_original: false }),
      signal: AbortSignal.timeout(Math.max(0, leftMs)),
    })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
