import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Slack } from './slack.ts'
import { openTestSlack } from './slack.ts'
import type { Ack, Mischief } from './slack-socket-server.ts'
import { openSocketServer } from './slack-socket-server.ts'

/** The stand-in Slack in Socket Mode: what people do reaches the app by its sockets. */
export interface SocketSlack extends Slack {
  /** For `SLACK_APP_TOKEN`. */
  readonly appToken: string
  /** How many sockets are open and greeted. */
  readonly sockets: number
  /** How many sockets there ever were. */
  readonly opened: number
  /** Every acknowledgement, in order; late ones too. */
  readonly acks: readonly Ack[]
  /** What was posted to the `response_url` of a button. */
  readonly responses: readonly unknown[]
  /** Answers `apps.connections.open` with this error from now on; with none, as it should. */
  refuse(error?: string): void
  /** Never answers `apps.connections.open` again. Resolves when it is asked. */
  hush(): Promise<void>
  /** Tells every socket that it will be replaced, and ends it after `graceMs`. */
  warn(reason: 'warning' | 'refresh_requested' | 'link_disabled', graceMs: number): void
  /** Ends every socket without a frame. */
  cut(): void
  /** Every socket stays open and says nothing more, not even to pings. */
  stall(): void
  /** How envelopes go wrong from now on. */
  mischief(mischief: Mischief): void
}

/**
 * Opens the stand-in of `openTestSlack` with Socket Mode. What it would send over HTTP becomes an envelope on a random
 * socket, and the acknowledgement the answer, so that both modes have one timing: three seconds, then events come again
 * after `pausesMs`, on any socket, and commands and buttons do not.
 */
export const openSocketSlack = async (
  options: Parameters<typeof openTestSlack>[0] = {},
): Promise<SocketSlack> => {
  await using opening = new AsyncDisposableStack()
  const slack = opening.use(await openTestSlack({ pausesMs: [0, 100, 500, 1000], ...options }))
  const responses: unknown[] = []
  let number = 0

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request)
    const url = request.url ?? ''
    if (url === '/deliver') return await deliver(request, response, body.toString())
    if (url.startsWith('/respond/')) {
      responses.push(JSON.parse(body.toString()))
      return void response.end('ok')
    }
    const { status, type, text } = await passOn(new URL(url, slack.apiUrl), request, body)
    response.writeHead(status, { 'content-type': type }).end(text)
  }

  const deliver = async (request: IncomingMessage, response: ServerResponse, body: string) => {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const ack = await server.deliver(
      envelopeOf(request.headers, body, `${server.url}/respond/${++number}`),
      gone.signal,
    )
    if (ack === 'nobody') return void response.writeHead(503).end()
    if (ack) response.setHeader('content-type', 'application/json').end(JSON.stringify(ack.payload ?? {}))
  }

  const server = opening.use(await openSocketServer(answer))
  slack.sendTo(`${server.url}/deliver`)
  const opened = opening.move()
  return {
    ...slack,
    apiUrl: `${server.url}/api/`,
    appToken: server.appToken,
    get sockets() {
      return server.sockets.size
    },
    get opened() {
      return server.opened
    },
    acks: server.acks,
    responses,
    refuse: server.refuse,
    hush: server.hush,
    warn: server.warn,
    cut: server.cut,
    stall: server.stall,
    mischief: server.mischief,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** The envelope in which Socket Mode sends what HTTP mode posts. */
const envelopeOf = (headers: IncomingHttpHeaders, body: string, responseUrl: string): object => {
  if (headers['content-type']?.includes('json')) {
    const retry = Number(headers['x-slack-retry-num'] ?? 0)
    const reason = headers['x-slack-retry-reason'] ?? ''
    const retries = { retry_attempt: retry, retry_reason: reason }
    return { type: 'events_api', payload: JSON.parse(body), accepts_response_payload: false, ...retries }
  }
  const form = new URLSearchParams(body)
  const payload = form.get('payload')
  if (payload === null)
    return { type: 'slash_commands', payload: Object.fromEntries(form), accepts_response_payload: true }
  const pressed = { ...JSON.parse(payload), response_url: responseUrl }
  return { type: 'interactive', payload: pressed, accepts_response_payload: false }
}

const passOn = async (url: URL, { method = 'POST', headers }: IncomingMessage, body: Buffer) => {
  const { authorization = '', 'content-type': sent = '' } = headers
  const passed = await fetch(url, {
    method,
    headers: { ...(authorization && { authorization }), ...(sent && { 'content-type': sent }) },
    ...(body.length > 0 && { body: new Uint8Array(body) }),
  })
  const type = passed.headers.get('content-type') ?? 'text/plain'
  return { status: passed.status, type, text: Buffer.from(await passed.arrayBuffer()) }
}
