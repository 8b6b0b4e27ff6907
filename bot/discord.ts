import type { Readable } from 'node:stream'
import type { Logger } from 'pino'
import type { Bell } from '../store/bell.ts'
import { idFrom, nameId } from '../store/ids.ts'
import type { Inbox } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { findConversation } from './conversations.ts'
import { openAnswers } from './discord/answers.ts'
import { mostInText } from './discord/body.ts'
import type { Stored } from './discord/envelope.ts'
import { incomingOf, presser } from './discord/envelope.ts'
import { openListening } from './discord/listen.ts'
import { openPlaces } from './discord/places.ts'
import { openRest } from './discord/rest.ts'
import { openSend } from './discord/send.ts'
import { teamFor } from './discord/team.ts'
import type { Throttle } from './discord/throttle.ts'
import { openThrottle } from './discord/throttle.ts'
import type { Incoming, Platform, Said } from './platform.ts'

/** Discord takes about five posts in five seconds in a channel; its own answers say when that is too fast. */
const limits = { text: mostInText, postEveryMs: 1000, editsPerMinute: 120 }

/** Discord: what goes out goes over REST, so that any process can post; what comes in comes over the one gateway. */
export type Discord = Platform & Required<Pick<Platform, 'listen' | 'isListening'>>

/**
 * Discord. `listen` keeps the gateway open in the one process that may, and stores what comes; `receive` turns what is
 * stored into an `Incoming`. `readFile` gives a stored file's bytes.
 */
export const openDiscord = ({
  token,
  applicationId: app,
  guildId,
  apiUrl,
  incoming,
  readFile,
  store,
  bell,
  now,
  log,
  throttle = openThrottle(),
}: {
  readonly token: string
  readonly applicationId: string
  /** The one guild to serve; all that the bot is in, where none is named. */
  readonly guildId?: string
  /** Another server that speaks Discord's API, without its version: `http://127.0.0.1:4005/api`. */
  readonly apiUrl?: string
  readonly incoming: (incoming: Incoming) => Promise<void>
  readonly readFile: (id: string) => Promise<Readable | undefined>
  readonly store: Store
  readonly bell: Bell
  readonly now: () => Date
  readonly log: Logger
  /** Paces how often the gateway is identified to. */
  readonly throttle?: Throttle
}): Discord => {
  const rest = openRest({ token, apiUrl, rejects: true })
  const places = openPlaces(rest)
  const answers = openAnswers({ rest, store, app, now })
  const send = openSend({ rest, places, answers, store, readFile })
  const patient = openRest({ token, apiUrl, rejects: false })
  const listening = openListening({
    token,
    apiUrl,
    app,
    guildId,
    rest: patient,
    places: openPlaces(patient),
    store,
    bell,
    throttle,
    now,
    log,
  })

  /** Ends "thinking" where neither an answer nor a job of this conversation will. */
  const settleSilent = async (said: Said): Promise<void> => {
    if (await store.get('jobs', idFrom(said, 'job'))) return
    const conversation = (await findConversation(store, said))?._id ?? idFrom(said, 'conversation')
    const posting = `${conversation}/reply-${nameId(said.key)}`
    if (await store.get('outbox', posting)) return
    const interaction = await answers.behind(`${posting}/0`)
    if (interaction) await answers.settle(interaction)
  }

  return {
    name: 'discord',
    limits,
    ...send,
    listen: listening.listen,
    isListening: listening.isListening,
    laneOf: ({ body }) => channelIn(body as Stored),
    receive: async ({ _id: key, receivedAt: at, body }: Inbox) => {
      const stored = body as Stored
      const { guild, person } = originOf(stored)
      const team = await teamFor(store, { guild: guild ?? guildId, person })
      const heard = incomingOf(stored, { key, at, team })
      if (!heard) return
      await incoming(heard)
      if (stored.type === 'interaction' && heard.type === 'said') await settleSilent(heard)
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

const originOf = (stored: Stored): { readonly guild: string | undefined; readonly person: string } =>
  stored.type === 'message'
    ? { guild: stored.guild, person: stored.message.author.id }
    : { guild: stored.interaction.guild_id, person: presser(stored.interaction)?.id ?? '' }

const channelIn = (stored: Stored): string =>
  stored.type === 'message' ? stored.message.channel_id : (stored.interaction.channel_id ?? '')
