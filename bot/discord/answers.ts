import type { REST } from 'discord.js'
import { MessageFlags, Routes } from 'discord.js'
import { idFrom, nameId } from '../../store/ids.ts'
import type { Inbox } from '../../store/records.ts'
import type { Store } from '../../store/store.ts'
import { Limited } from '../platform.ts'
import type { Stored } from './envelope.ts'
import { interactionKey } from './keys.ts'
import { asked, codeOf } from './refusal.ts'
import { idAt } from './snowflake.ts'

/** A live interaction that a posting answers. */
export interface Interaction {
  /** When it was made, ISO. */
  readonly at: string
  readonly token: string
  /** A command was answered with "thinking", which must not stay; a button was not. */
  readonly isCommand: boolean
  readonly channel: string
  /** The posting is the answer itself; else it is a job's message. */
  readonly isAnswer: boolean
}

/** What only the person who gave a command or pressed a button is shown. */
export interface Answers {
  /** The interaction behind a posting of the outbox, by the posting's id; `undefined` where there is none that lives. */
  behind(posting: string | undefined): Promise<Interaction | undefined>
  /** Shows a message, the `n`-th, to that person alone. Gives its id; `undefined` when Discord has forgotten the interaction. */
  show(interaction: Interaction, body: object, n: number): Promise<string | undefined>
  /** Ends "thinking": with these words, or without a trace. Safe to repeat. */
  settle(interaction: Interaction, text?: string): Promise<void>
}

/** Discord takes answers for 15 minutes. */
const liveMs = 14.5 * 60_000
/** The webhook (10015), the message (10008) or the token (50027) of an interaction is gone. */
const unknownWebhook = 10015
const gone: readonly unknown[] = [10008, unknownWebhook, 10062, 50027]
/** An interaction has this long to be acknowledged, and some for the clocks. */
const acknowledgedMs = 5000

export const openAnswers = ({
  rest,
  store,
  app,
  now,
}: {
  readonly rest: REST
  readonly store: Store
  readonly app: string
  readonly now: () => Date
}): Answers => {
  const between = (from: string, to: string): Promise<readonly Inbox[]> =>
    store.find('inbox', {
      where: { _id: { gte: interactionKey(app, from), lt: interactionKey(app, to) } },
      descending: true,
      limit: 1000,
    })
  const original = (token: string) => Routes.webhookMessage(app, token, '@original')
  /** What the call gives; `undefined` where the interaction is gone. */
  const living = async <T>(at: string, call: () => Promise<unknown>): Promise<T | undefined> => {
    try {
      return await asked<T>(call)
    } catch (error) {
      // Its acknowledgement is still on the way, and there is nothing to answer before that.
      if (codeOf(error) === unknownWebhook && now().getTime() - Date.parse(at) < acknowledgedMs)
        throw new Limited(300)
      if (gone.includes(codeOf(error))) return undefined
      throw error
    }
  }

  return {
    behind: async posting => {
      const of = postingOf(posting)
      if (!of) return undefined
      const since = now().getTime() - liveMs
      if (of.job !== undefined) {
        // A job's id tells the millisecond of what caused it.
        const ms = Number.parseInt(of.job.slice(0, 9), 36)
        if (ms < since) return undefined
        const found = await between(idAt(ms), idAt(ms + 1))
        const row = found.find(({ _id: key, receivedAt: at }) => idFrom({ key, at }, 'job') === of.job)
        return row && interactionIn(row, false)
      }
      const found = await between(idAt(since), idAt(now().getTime() + 60_000))
      const row = found.find(({ _id }) => nameId(_id) === of.reply)
      return row && interactionIn(row, true)
    },
    show: async ({ token, isCommand, at }, body, n) => {
      const shown = await living<{ readonly id: string }>(at, () =>
        isCommand && n === 0
          ? rest.patch(original(token), { body, auth: false })
          : rest.post(Routes.webhook(app, token), {
              body: { ...body, flags: MessageFlags.Ephemeral | MessageFlags.SuppressEmbeds },
              auth: false,
            }),
      )
      return shown?.id
    },
    settle: async ({ token, isCommand, at }, text) => {
      if (!isCommand) return
      await living(at, () =>
        text === undefined
          ? rest.delete(original(token), { auth: false })
          : rest.patch(original(token), { body: { content: text }, auth: false }),
      )
    },
  }
}

/** Reads the id that the outbox gives a posting: `<conversation>/status/<job>/0`, `<conversation>/reply-<name>/0`. */
const postingOf = (
  posting = '',
):
  | { readonly job: string; readonly reply?: never }
  | { readonly reply: string; readonly job?: never }
  | undefined => {
  const [, job, reply] = /\/(?:status\/([0-9a-z]{17})\/0|reply-([0-9a-z]{16})\/\d+)$/.exec(posting) ?? []
  if (job !== undefined) return { job }
  return reply === undefined ? undefined : { reply }
}

const interactionIn = ({ body, receivedAt: at }: Inbox, isAnswer: boolean): Interaction | undefined => {
  const stored = body as Stored
  if (stored.type !== 'interaction') return undefined
  const { token, data, channel_id: channel = '' } = stored.interaction
  return { token, at, channel, isAnswer, isCommand: data?.name !== undefined }
}
