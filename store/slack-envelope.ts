import { createHmac, timingSafeEqual } from 'node:crypto'

/** Slack's advice is five minutes into the past; a clock ahead of ours is held to the same. */
const mostAgeMs = 5 * 60_000

/** Whether Slack signed this body with our secret, at most five minutes ago or ahead. */
export const verifySlack = ({
  signingSecret,
  timestamp,
  signature,
  rawBody,
  now,
}: {
  readonly signingSecret: string
  /** The header `x-slack-request-timestamp`, seconds. */
  readonly timestamp: string | undefined
  /** The header `x-slack-signature`. */
  readonly signature: string | undefined
  /** The body as it came, before any parsing. */
  readonly rawBody: string | Uint8Array
  readonly now: () => Date
}): boolean => {
  if (!signature || !timestamp || !/^\d{1,12}$/.test(timestamp)) return false
  if (Math.abs(now().getTime() - Number(timestamp) * 1000) > mostAgeMs) return false
  const digest = createHmac('sha256', signingSecret).update(`v0:${timestamp}:`).update(rawBody).digest('hex')
  const expected = Buffer.from(`v0=${digest}`)
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** What a verified request is: something to answer in the reply itself, an envelope to store, or neither. */
export type SlackRequest =
  | { readonly kind: 'challenge'; readonly challenge: string }
  | { readonly kind: 'ssl_check' }
  | { readonly kind: 'envelope'; readonly key: string; readonly body: Fields }
  | { readonly kind: 'junk'; readonly why: string }

type Fields = Readonly<Record<string, unknown>>

/** Reads a request of the Events API (JSON), or a slash command or interaction (a form). */
export const readSlack = (rawBody: string, contentType: string | undefined): SlackRequest => {
  const body = contentType?.includes('json') ? parsed(rawBody) : ofForm(new URLSearchParams(rawBody))
  if (!body) return { kind: 'junk', why: 'The body is not a JSON object.' }
  if (body.type === 'url_verification' && text(body.challenge))
    return { kind: 'challenge', challenge: String(body.challenge) }
  if (body.ssl_check) return { kind: 'ssl_check' }
  const key = slackKey(body)
  if (!key) return { kind: 'junk', why: 'The body names no app, team, and event or trigger.' }
  return { kind: 'envelope', key, body }
}

/**
 * The key of an envelope. A mention and its twin, the plain message, have one key, so that whichever comes second is a
 * repeat. An edit or a deletion is a message event too, but about another one, and goes by its own id. `undefined` where
 * the body names no app, team, and event or trigger.
 */
export const slackKey = (body: Fields): string | undefined => {
  const app = text(body.api_app_id)
  const team = text(body.team_id) ?? text(fields(body.team)?.id) ?? text(fields(body.user)?.team_id)
  if (!app || !team) return undefined
  const event = fields(body.event)
  const said =
    event?.type === 'app_mention' ||
    (event?.type === 'message' && [undefined, 'file_share', 'thread_broadcast'].includes(text(event.subtype)))
  if (said && text(event.channel) && text(event.ts)) return `slack:${team}:${event.channel}:${event.ts}`
  const id = text(body.event_id) ?? text(body.trigger_id)
  return id && `slack:${app}:${team}:${id}`
}

const ofForm = (form: URLSearchParams): Fields | undefined => {
  const payload = form.get('payload')
  return payload === null ? Object.fromEntries(form) : parsed(payload)
}

const parsed = (json: string): Fields | undefined => {
  try {
    return fields(JSON.parse(json))
  } catch {
    return undefined
  }
}

const fields = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined
