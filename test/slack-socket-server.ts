import { randomInt, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { RawData, WebSocket } from 'ws'
import { WebSocketServer } from 'ws'

/** One acknowledgement as it came. */
export interface Ack {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** From when its envelope was sent, milliseconds. */
  readonly tookMs: number
  readonly envelope: string
  /** `events_api`, `slash_commands` or `interactive`. */
  readonly type: string
  readonly payload?: unknown
}

/** Each envelope is sent this many times, each to a random socket and after a random pause, so they come in any order. */
export interface Mischief {
  readonly copies: number
  readonly upToMs: number
}

const pingEveryMs = 5000
/** Slack's own limit for one app. */
const mostSockets = 10

/**
 * The server's end of Slack's Socket Mode: `apps.connections.open`, and the sockets that it leads to. Every other request
 * is `others`' to answer.
 */
export const openSocketServer = async (
  others: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
) => {
  const appToken = 'xapp-1-A0BELLHOP-1-test'
  const sockets = new Set<WebSocket>()
  const acks: Ack[] = []
  const sent = new Map<string, { at: number; type: string; answered: (ack: Ack) => void }>()
  const tickets = new Set<string>()
  const stopping = new AbortController()
  let mischief: Mischief = { copies: 1, upToMs: 0 }
  let refusal: string | undefined
  let hushed: (() => void) | undefined
  let opened = 0

  const connections = ({ headers }: IncomingMessage): object => {
    const token = headers.authorization?.replace(/^Bearer /, '')
    const error = refusal ?? (token?.startsWith('xoxb-') ? 'not_allowed_token_type' : undefined)
    if (error || token !== appToken) return { ok: false, error: error ?? 'invalid_auth' }
    const ticket = randomUUID()
    tickets.add(ticket)
    return { ok: true, url: `ws://127.0.0.1:${port()}/link/?ticket=${ticket}` }
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url !== '/api/apps.connections.open') return await others(request, response)
    request.resume()
    if (hushed) return hushed()
    response.setHeader('content-type', 'application/json').end(JSON.stringify(connections(request)))
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(error => {
      response.writeHead(502).end(String(error))
    })
  })
  const port = () => (server.address() as AddressInfo).port
  const upgrades = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, raw, head) => {
    // A ticket is good for one socket.
    if (!tickets.delete(new URL(request.url ?? '', 'ws://x').searchParams.get('ticket') ?? ''))
      return void raw.destroy()
    upgrades.handleUpgrade(request, raw, head, socket => greet(socket))
  })

  const greet = (socket: WebSocket): void => {
    socket.on('error', () => socket.terminate())
    if (sockets.size >= mostSockets) {
      say(socket, { type: 'disconnect', reason: 'too_many_websockets' })
      socket.close()
      return
    }
    opened++
    sockets.add(socket)
    const pings = setInterval(() => socket.ping(), pingEveryMs)
    socket.on('close', () => {
      clearInterval(pings)
      sockets.delete(socket)
    })
    socket.on('message', hear)
    say(socket, { type: 'hello', num_connections: sockets.size, connection_info: { app_id: 'A0BELLHOP' } })
  }

  const hear = (data: RawData): void => {
    const { envelope_id: envelope, payload } = JSON.parse(String(data))
    const one = sent.get(envelope)
    if (!one) throw new Error(`The app acknowledged ${envelope}, which was never sent.`)
    const at = Date.now()
    const ack = { at, tookMs: at - one.at, envelope, type: one.type, ...(payload && { payload }) }
    acks.push(ack)
    one.answered(ack)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    appToken,
    url: `http://127.0.0.1:${port()}`,
    sockets,
    acks,
    get opened() {
      return opened
    },
    /** Sends an envelope. Gives the first acknowledgement, `nobody` where no socket is open, or undefined once the signal aborts. */
    deliver: async (envelope: object, gone: AbortSignal): Promise<Ack | 'nobody' | undefined> => {
      if (sockets.size === 0) return 'nobody'
      const { promise, resolve } = Promise.withResolvers<Ack | undefined>()
      gone.addEventListener('abort', () => resolve(undefined))
      const { copies, upToMs } = mischief
      const type = (envelope as { type: string }).type
      for (let n = 0; n < copies; n++) {
        const envelope_id = randomUUID()
        sent.set(envelope_id, { at: Date.now(), type, answered: resolve })
        const send = () => {
          const socket = [...sockets][randomInt(Math.max(1, sockets.size))]
          if (socket) say(socket, { ...envelope, envelope_id })
        }
        if (upToMs === 0) send()
        else setTimeout(randomInt(upToMs), undefined, { signal: stopping.signal }).then(send, () => undefined)
      }
      return await promise
    },
    refuse: (error?: string): void => {
      refusal = error
    },
    hush: (): Promise<void> =>
      new Promise(resolve => {
        hushed = resolve
      }),
    warn: (reason: string, graceMs: number): void => {
      for (const socket of sockets) {
        say(socket, { type: 'disconnect', reason, debug_info: { host: 'stand-in' } })
        setTimeout(graceMs, undefined, { signal: stopping.signal }).then(
          () => socket.close(),
          () => undefined,
        )
      }
    },
    cut: (): void => {
      for (const socket of sockets) socket.terminate()
    },
    stall: (): void => {
      for (const socket of sockets) socket.pause()
    },
    mischief: (changed: Mischief): void => {
      mischief = changed
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      for (const socket of sockets) socket.terminate()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const say = (socket: WebSocket, frame: object): void => {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame))
}
