import { webApi } from '@slack/bolt'
import type { Logger } from 'pino'
import type { Bell } from '../../store/bell.ts'
import { slackKey } from '../../store/slack-envelope.ts'
import { commandNotTaken, takeSlack, tellPresser } from '../../store/slack-take.ts'
import type { Store } from '../../store/store.ts'
import { pause } from '../pause.ts'
import type { SocketEnvelope, SocketLink } from './socket-link.ts'
import { openSocketLink } from './socket-link.ts'

/** Slack's envelopes over a socket. */
export interface SlackSockets {
  /**
   * Keeps a socket to Slack open until the signal aborts, and resolves once it is closed. It never rejects: a socket that
   * is lost or refused is opened again, after pauses that grow to a minute.
   */
  listen(signal: AbortSignal): Promise<void>
  /** Whether a socket is open now. */
  isListening(): boolean
}

/** A socket that lived this long was a good one: the next is opened at once, and pauses begin small again. */
const goodMs = 10_000
const firstPauseMs = 250
const mostPauseMs = 60_000

/**
 * Opens Socket Mode for an app. Every envelope is in the inbox before it is acknowledged, under the key that it has over
 * HTTP; any number of processes may listen, as each envelope goes to one socket. Slack allows an app ten sockets, and a
 * process has one, or two while the first is replaced.
 */
export const openSlackSockets = ({
  appToken,
  apiUrl,
  store,
  bell,
  now,
  log,
  pingTimeoutMs = 10_000,
}: {
  /** An app-level token, `xapp-`, with the scope `connections:write`. */
  readonly appToken: string
  readonly apiUrl?: string
  readonly store: Store
  readonly bell: Bell
  readonly now: () => Date
  readonly log: Logger
  /** A socket over which no ping is answered for so long is given up. */
  readonly pingTimeoutMs?: number
}): SlackSockets => {
  const open = new Set<SocketLink>()
  const closing = new Set<Promise<void>>()

  const retire = (link: SocketLink): void => {
    open.delete(link)
    const closed = link.close().finally(() => closing.delete(closed))
    closing.add(closed)
  }

  const take = async ({ body, retry_num: retryNum, ack }: SocketEnvelope): Promise<void> => {
    try {
      const key = slackKey(body)
      if (!key) {
        log.warn({ type: body.type }, 'Slack sent an envelope that names no app, team, and event or trigger')
        return await ack()
      }
      const taken = await takeSlack({ store, bell, key, body, retryNum, at: now().toISOString() })
      switch (taken.how) {
        case 'stored':
          return await ack()
        case 'again':
          log.error({ err: taken.error }, 'an event of Slack could not be stored; it comes again')
          return
        case 'tell':
          log.error({ err: taken.error }, 'a command or button of Slack could not be stored')
          // A button whose person cannot be told is not acknowledged: Slack then shows a warning beside it.
          if (body.command || (await tellPresser(body, taken.leftMs))) await ack(commandNotTaken)
          return
        default:
          taken satisfies never
      }
    } catch (error) {
      log.debug({ err: error }, 'a socket of Slack was gone before its envelope was acknowledged')
    }
  }

  return {
    isListening: () => open.size > 0,
    listen: async signal => {
      const aborted = abortOf(signal)
      let failures = 0
      while (!signal.aborted) {
        try {
          const link = await openSocketLink({ appToken, apiUrl, pingTimeoutMs, take, signal })
          for (const old of open) retire(old)
          open.add(link)
          link.closed.then(() => open.has(link) && retire(link))
          if (failures > 0) log.info('Slack is heard again over its socket')
          const openedAt = now().getTime()
          await Promise.race([link.leaving, link.closed, aborted])
          if (signal.aborted) break
          failures = now().getTime() - openedAt < goodMs ? failures + 1 : 0
          await pause(failures === 0 ? 0 : pauseMs(failures), signal)
        } catch (error) {
          if (signal.aborted) break
          failures++
          const ms = Math.max(
            pauseMs(failures),
            error instanceof webApi.WebAPIRateLimitedError ? error.retryAfter * 1000 : 0,
          )
          log.error({ err: error }, `${sentenceOf(error)} Trying again in ${Math.ceil(ms / 1000)} s.`)
          await pause(ms, signal)
        }
      }
      for (const link of open) retire(link)
      await Promise.allSettled(closing)
    },
  }
}

const pauseMs = (failures: number): number => Math.min(mostPauseMs, firstPauseMs * 2 ** (failures - 1))

const sentenceOf = (error: unknown): string => {
  if (error instanceof webApi.WebAPIPlatformError) {
    const what = error.data.error
    const hint =
      what === 'missing_scope'
        ? 'the app-level token needs the scope connections:write'
        : 'look at SLACK_APP_TOKEN, and whether Socket Mode is on for the app'
    return `Slack refuses a socket (${what}), so nothing said there is heard: ${hint}.`
  }
  return 'Slack gives no socket, so nothing said there is heard for now.'
}

/** Resolves when the signal aborts. */
const abortOf = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
