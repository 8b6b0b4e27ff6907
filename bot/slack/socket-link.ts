import { SocketModeReceiver } from '@slack/bolt'
import { quiet } from './quiet.ts'

/** What Slack sends over a socket, and how it is answered. */
export interface SocketEnvelope {
  readonly body: Readonly<Record<string, unknown>>
  /** How often it was sent before; 0 for the first time. */
  readonly retry_num?: number
  /** Acknowledges it, with what the person is to be shown. Rejects when the socket is gone by then. */
  readonly ack: (payload?: object) => Promise<void>
}

/** One socket, from Slack's hello to its end. */
export interface SocketLink {
  /** Resolves with the reason when Slack says, some seconds ahead, that it will end the socket. */
  readonly leaving: Promise<string>
  /** Resolves when it has ended, however that came. */
  readonly closed: Promise<void>
  /** Ends it, once what came in was handled. Takes a second at most after that. */
  close(): Promise<void>
}

const openMs = 10_000
const closeMs = 1000

/**
 * Opens one socket and resolves when Slack has said hello. Rejects with what the Web API threw, with a sentence when the
 * hello does not come within 10 s, or with the signal's reason.
 */
export const openSocketLink = async ({
  appToken,
  apiUrl,
  pingTimeoutMs,
  take,
  signal,
}: {
  readonly appToken: string
  readonly apiUrl?: string | undefined
  /** The socket ends when Slack answers no ping for so long. */
  readonly pingTimeoutMs: number
  readonly take: (envelope: SocketEnvelope) => Promise<void>
  readonly signal: AbortSignal
}): Promise<SocketLink> => {
  const late = AbortSignal.timeout(openMs)
  const ended = AbortSignal.any([signal, late])
  const { client } = new SocketModeReceiver({
    appToken,
    // Its own way back waits five seconds, and a refusal on it ends the process; who opened this one opens the next.
    autoReconnectEnabled: false,
    clientPingTimeout: pingTimeoutMs,
    serverPingTimeout: 3 * pingTimeoutMs,
    logger: quiet,
    installerOptions: {
      // No `headers` here: the client would ask with the wrong token, or with none.
      clientOptions: {
        ...(apiUrl && { slackApiUrl: apiUrl }),
        retryConfig: { retries: 0 },
        rejectRateLimitedCalls: true,
        timeout: openMs,
        fetch: (url, init) =>
          fetch(url, { ...init, signal: AbortSignal.any([ended, ...(init?.signal ? [init.signal] : [])]) }),
      },
    },
  })
  const { promise: leaving, resolve: leave } = Promise.withResolvers<string>()
  const { promise: closed, resolve: over } = Promise.withResolvers<void>()
  const taking = new Set<Promise<void>>()
  client.on('slack_event', (envelope: SocketEnvelope) => {
    const one = take(envelope).finally(() => taking.delete(one))
    taking.add(one)
  })
  // Told that the socket will end, the client would close it at once, with nobody listening until the next is open.
  const readers = client.listeners('ws_message')
  const read = async (data: unknown, isBinary: boolean) => {
    for (const reader of readers) await reader(data, isBinary)
  }
  client.removeAllListeners('ws_message')
  client.on('ws_message', (data: unknown, isBinary: boolean) => {
    const reason = reasonOf(data)
    if (reason) return leave(reason)
    // A frame that the client cannot read is none of Slack's, and must not end the process.
    read(data, isBinary).catch(() => undefined)
  })
  client.on('disconnected', over)
  // A socket must not come to be when nobody waits for it any more.
  client.on('authenticated', () => ended.throwIfAborted())

  const end = async () => {
    const ending = client.disconnect()
    // Slack may have gone without a word; asked a second time, the client does not wait for its answer.
    const timer = setTimeout(() => void client.disconnect(), closeMs)
    await ending
    clearTimeout(timer)
  }
  const stop = () => void end()
  ended.addEventListener('abort', stop)
  try {
    const refused = leaving.then(reason => {
      throw new Error(`Slack ended the socket before its hello: ${reason}.`)
    })
    await Promise.race([client.start(), refused])
  } catch (error) {
    await end()
    signal.throwIfAborted()
    if (late.aborted) throw new Error(`Slack did not say hello within ${openMs} ms.`, { cause: error })
    throw error ?? new Error('Slack ended the socket before its hello.')
  } finally {
    ended.removeEventListener('abort', stop)
  }
  return {
    leaving,
    closed,
    close: async () => {
      await Promise.allSettled(taking)
      await end()
    },
  }
}

/** Why the socket will be ended, where a frame says so. */
const reasonOf = (data: unknown): string | undefined => {
  if (typeof data !== 'string' || !data.includes('"disconnect"')) return undefined
  try {
    const { type, reason } = JSON.parse(data)
    return type === 'disconnect' ? String(reason) : undefined
  } catch {
    return undefined
  }
}
