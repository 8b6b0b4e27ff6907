import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { WebSocketServer } from 'ws'

/** One session of a bot: what was dispatched in it, numbered, so that it can be resumed. */
interface Session {
  readonly id: string
  readonly sent: { readonly s: number; readonly t: string; readonly d: object }[]
  socket: WebSocket | undefined
}

/** Discord lets a token identify so often a day, and so seldom. */
const mostIdentifies = 1000

/**
 * The gateway's end of Discord, version 10: HELLO, heartbeats, IDENTIFY, RESUME with a replay, and all the ways in which a
 * connection ends. `greeting` gives what a new session is told after READY.
 */
export const openGateway = ({
  token,
  url,
  user,
  application,
  guild,
  greeting,
  heartbeatMs,
  identifyEveryMs,
}: {
  readonly token: string
  readonly url: () => string
  readonly user: object
  readonly application: string
  readonly guild: string
  readonly greeting: () => readonly { readonly t: string; readonly d: object }[]
  readonly heartbeatMs: number
  readonly identifyEveryMs: number
}) => {
  const server = new WebSocketServer({ noServer: true })
  const sessions = new Map<string, Session>()
  const identifies: number[] = []
  let resumes = 0
  let copies = 1
  let muted = false
  let refused: number | undefined
  let remaining = mostIdentifies

  const say = (socket: WebSocket | undefined, frame: object): void => {
    if (socket?.readyState === socket?.OPEN) socket?.send(JSON.stringify(frame))
  }
  const dispatch = (session: Session, t: string, d: object): void => {
    const one = { s: session.sent.length + 1, t, d }
    session.sent.push(one)
    say(session.socket, { op: 0, ...one })
  }
  const bind = (session: Session, socket: WebSocket): void => {
    if (session.socket !== socket) session.socket?.close(4005)
    session.socket = socket
    socket.on('close', () => {
      if (session.socket === socket) session.socket = undefined
    })
  }

  const identify = (socket: WebSocket, d: { readonly token: string; readonly intents: number }): void => {
    if (d.token !== token) return void socket.close(4004)
    if (refused !== undefined) return void socket.close(refused)
    const at = Date.now()
    if (remaining <= 0 || at - (identifies.at(-1) ?? 0) < identifyEveryMs)
      return void say(socket, { op: 9, d: false, s: null, t: null })
    identifies.push(at)
    remaining--
    const session: Session = { id: randomUUID(), sent: [], socket: undefined }
    sessions.set(session.id, session)
    bind(session, socket)
    dispatch(session, 'READY', {
      v: 10,
      user,
      guilds: [{ id: guild, unavailable: true }],
      session_id: session.id,
      resume_gateway_url: url(),
      shard: [0, 1],
      application: { id: application, flags: 0 },
    })
    for (const { t, d: data } of greeting()) dispatch(session, t, data)
  }
  const resume = (socket: WebSocket, d: { readonly session_id: string; readonly seq: number }): void => {
    const session = sessions.get(d.session_id)
    if (!session) return void say(socket, { op: 9, d: false, s: null, t: null })
    if (d.seq > session.sent.length) return void socket.close(4007)
    resumes++
    bind(session, socket)
    for (const one of session.sent.slice(d.seq)) say(socket, { op: 0, ...one })
    dispatch(session, 'RESUMED', {})
  }

  const greet = (socket: WebSocket): void => {
    socket.on('error', () => socket.terminate())
    let known = false
    let beat = Date.now()
    const watch = setInterval(() => {
      if (Date.now() - beat > 2 * heartbeatMs) socket.close(4009)
    }, heartbeatMs)
    socket.on('close', () => clearInterval(watch))
    socket.on('message', data => {
      const { op, d } = JSON.parse(String(data))
      if (op === 1) {
        beat = Date.now()
        if (!muted) say(socket, { op: 11 })
      } else if (op === 2) {
        if (known) return void socket.close(4005)
        known = true
        identify(socket, d)
      } else if (op === 6) {
        if (d.token !== token) return void socket.close(4004)
        known = true
        resume(socket, d)
      } else if (op !== 3) socket.close(4001)
    })
    say(socket, { op: 10, d: { heartbeat_interval: heartbeatMs } })
  }

  const open = () => [...sessions.values()].flatMap(({ socket }) => (socket ? [socket] : []))
  return {
    upgrade: (request: IncomingMessage, raw: Duplex, head: Buffer): void =>
      server.handleUpgrade(request, raw, head, greet),
    /** What `GET /gateway/bot` answers. */
    information: () => ({
      url: url(),
      shards: 1,
      session_start_limit: { total: mostIdentifies, remaining, reset_after: 3_600_000, max_concurrency: 1 },
    }),
    dispatch: (t: string, d: object): void => {
      for (const session of sessions.values())
        for (let copy = 0; copy < copies; copy++) dispatch(session, t, d)
    },
    /** How many connections have a session now. */
    get open() {
      return open().length
    },
    /** How many there are in all. */
    get connections() {
      return server.clients.size
    },
    /** When there was an IDENTIFY, in milliseconds. */
    identifies,
    get resumes() {
      return resumes
    },
    /** Every event goes out so many times from now on. */
    repeat: (times: number): void => {
      copies = times
    },
    /** Cuts every connection without a frame, or closes it with this code. */
    drop: (code?: number): void => {
      for (const socket of server.clients) code === undefined ? socket.terminate() : socket.close(code)
    },
    /** Asks every connection to reconnect. */
    reconnect: (): void => {
      for (const socket of open()) say(socket, { op: 7, d: null })
    },
    /** Tells every connection that its session is invalid; one that cannot be resumed is forgotten. */
    invalidate: (resumable: boolean): void => {
      const told = open()
      if (!resumable) sessions.clear()
      for (const socket of told) say(socket, { op: 9, d: resumable })
    },
    /** Forgets every session, so that a RESUME finds none. */
    forget: (): void => sessions.clear(),
    /** Heartbeats are not answered while this is on. */
    mute: (on: boolean): void => {
      muted = on
    },
    /** Closes with this code what identifies: 4014 where an intent is not granted. With none, takes it. */
    refuse: (code?: number): void => {
      refused = code
    },
    /** So many IDENTIFYs are left for today. */
    leave: (left: number): void => {
      remaining = left
    },
    close: (): void => {
      for (const socket of server.clients) socket.terminate()
      server.close()
    },
  }
}

export type Gateway = ReturnType<typeof openGateway>
