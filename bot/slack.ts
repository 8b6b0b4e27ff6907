import type { Readable } from 'node:stream'
import type { Context } from '@slack/bolt'
import { App, webApi } from '@slack/bolt'
import type { Inbox } from '../store/records.ts'
import type { Incoming, Platform } from './platform.ts'
import { channelIn, incomingOf } from './slack/envelope.ts'
import { openNames } from './slack/names.ts'
import { quiet } from './slack/quiet.ts'
import { openSend } from './slack/send.ts'

/** A message fits Slack's 10,000 characters of blocks even where escapes make it longer. */
const limits = { text: 3500, postEveryMs: 1000, editsPerMinute: 45 }
const timeoutMs = 10_000
const uploadTimeoutMs = 60_000

/**
 * Slack. What the web, or a socket, has stored and acknowledged (`{body, retryNum?}` in the inbox) is handed to Bolt and
 * comes out as an `Incoming`. `readFile` gives a stored file's bytes.
 */
export const openSlack = ({
  token,
  apiUrl,
  incoming,
  readFile,
}: {
  readonly token: string
  /** Another server that speaks Slack's Web API, such as `http://127.0.0.1:4003/api/`. */
  readonly apiUrl?: string
  readonly incoming: (incoming: Incoming) => Promise<void>
  readonly readFile: (id: string) => Promise<Readable | undefined>
}): Platform => {
  const options = {
    ...(apiUrl && { slackApiUrl: apiUrl }),
    logger: quiet,
    // One limited call would otherwise pause all the others; pacing and trying again are the outbox's.
    rejectRateLimitedCalls: true,
    retryConfig: { retries: 0 },
    timeout: timeoutMs,
  }
  const client = new webApi.WebClient(token, options)
  const send = openSend({
    client,
    uploads: new webApi.WebClient(token, { ...options, timeout: uploadTimeoutMs }),
    readFile,
  })
  const nameOf = openNames(client)

  let self: Promise<string | undefined> | undefined
  /** The bot's own user. Asked once; a failure is not kept. */
  const botUser = (): Promise<string | undefined> => {
    self ??= client.auth.test().then(
      ({ user_id }) => user_id,
      error => {
        self = undefined
        throw error
      },
    )
    return self
  }

  // There is no app.error() here on purpose: with one, a failed envelope would count as done.
  const app = new App({
    authorize: async () => {
      const botUserId = await botUser()
      return { botToken: token, ...(botUserId && { botUserId }) }
    },
    receiver: { init: () => {}, start: async () => {}, stop: async () => {} },
    clientOptions: options,
    logger: quiet,
  })
  const hear = async ({ body, context }: { readonly body: unknown; readonly context: Context }) => {
    const said = incomingOf(body, { key: context.key, at: context.at, bot: context.botUserId })
    if (!said) return
    const name = said.personName ?? (await nameOf(said.person))
    await incoming(name ? { ...said, personName: name } : said)
  }
  app.event('app_mention', hear)
  app.event('message', hear)
  app.command(/^\//, hear)
  app.action(/^hop:/, hear)

  return {
    name: 'slack',
    limits,
    receive: async ({ _id: key, receivedAt: at, body: stored }: Inbox) => {
      const { body, retryNum } = stored as {
        readonly body: Record<string, unknown>
        readonly retryNum?: number
      }
      await app.processEvent({
        body,
        ack: async () => {},
        ...(retryNum !== undefined && { retryNum }),
        customProperties: { key, at },
      })
    },
    laneOf: ({ body }) => channelIn((body as { readonly body: unknown }).body),
    post: send.post,
    edit: send.edit,
    [Symbol.asyncDispose]: async () => {},
  }
}
