import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Context } from '@slack/bolt'
import { App, LogLevel, webApi } from '@slack/bolt'
import type { Inbox } from '../store/records.ts'
import type { Incoming, Platform } from './platform.ts'
import { Undeliverable } from './platform.ts'
import { blocksOf } from './slack/blocks.ts'
import { incomingOf } from './slack/envelope.ts'
import { openNames } from './slack/names.ts'
import { asked } from './slack/refusal.ts'

/** A message fits Slack's 10,000 characters of blocks even where escapes make it longer. */
const limits = { text: 3500, postEveryMs: 1000, editsPerMinute: 45 }
const timeoutMs = 10_000
const uploadTimeoutMs = 60_000

/** Bolt would print what it also throws; who catches it logs it. */
const logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  setLevel: () => {},
  getLevel: () => LogLevel.ERROR,
  setName: () => {},
}

/**
 * Slack over HTTP. What the web has verified, stored and acknowledged (`{body, retryNum?}` in the inbox) is handed to Bolt
 * and comes out as an `Incoming`. `readFile` gives a stored file's bytes.
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
    logger,
    // One limited call would otherwise pause all the others; pacing and trying again are the outbox's.
    rejectRateLimitedCalls: true,
    retryConfig: { retries: 0 },
    timeout: timeoutMs,
  }
  const client = new webApi.WebClient(token, options)
  const uploads = new webApi.WebClient(token, { ...options, timeout: uploadTimeoutMs })
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
    logger,
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
    post: async (address, message) => {
      const { channel, thread } = placeOf(address)
      const where = { channel, ...(thread && { thread_ts: thread }) }
      if (message.file) {
        const bytes = await readFile(message.file.id)
        if (!bytes) throw new Undeliverable(`The file ${message.file.name} is not stored any more.`)
        const { name } = message.file
        const content = await buffer(bytes)
        const { files } = await asked(() =>
          uploads.filesUploadV2({
            channel_id: channel,
            ...(thread && { thread_ts: thread }),
            file: content,
            filename: name,
            title: name,
            ...(message.text && { initial_comment: blocksOf({ text: message.text }).text }),
          } as webApi.FilesUploadV2Arguments),
        )
        return { messageId: files[0]?.files?.[0]?.id ?? name, address }
      }
      const body = { ...where, ...blocksOf(message), unfurl_links: false, unfurl_media: false }
      if (message.onlyFor) {
        const user = message.onlyFor.split(':').at(-1) ?? ''
        const { message_ts } = await asked(() => client.chat.postEphemeral({ ...body, user }))
        return { messageId: message_ts ?? '', address }
      }
      const { ts = '' } = await asked(() => client.chat.postMessage(body))
      return { messageId: ts, address: thread ? address : `${address}:${ts}` }
    },
    edit: async (address, messageId, message) => {
      if (message.file || message.onlyFor)
        throw new Undeliverable('Slack edits neither files nor what only one person sees.')
      const { channel } = placeOf(address)
      await asked(() => client.chat.update({ channel, ts: messageId, ...blocksOf(message) }))
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

/** `slack:T1:C2:171.3` taken apart; without the last part it is the channel itself. */
const placeOf = (address: string): { readonly channel: string; readonly thread: string | undefined } => {
  const [, , channel = '', thread] = address.split(':')
  return { channel, thread }
}
