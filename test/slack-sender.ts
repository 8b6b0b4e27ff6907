import { createHmac } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'

/** Slack's own pauses before an event is sent again. Commands and buttons are sent once. */
export const slackPausesMs = [0, 60_000, 300_000]
/** What Slack waits for an answer. */
const patienceMs = 3000

/** How a request was answered in the end; status 0 when nobody answered at all. */
export interface Sent {
  readonly status: number
  readonly body: string
  readonly tries: number
}

/** Signs requests and sends them as Slack does. */
export interface Sender extends AsyncDisposable {
  /** Where requests go: `http://127.0.0.1:8080/slack/events`. */
  url: string
  event(body: object): Promise<Sent>
  form(fields: Readonly<Record<string, string>>): Promise<Sent>
}

/** The headers that Slack signs a body with. `ageMs` makes it older. */
export const signed = (signingSecret: string, body: string, ageMs = 0): Record<string, string> => {
  const timestamp = String(Math.floor((Date.now() - ageMs) / 1000))
  const digest = createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex')
  return { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': `v0=${digest}` }
}

export const openSender = (signingSecret: string, pausesMs: readonly number[]): Sender => {
  const stop = new AbortController()
  const sending = new Set<Promise<Sent>>()

  const once = async (type: string, body: string, headers: Record<string, string>) => {
    try {
      const response = await fetch(sender.url, {
        method: 'POST',
        headers: { 'content-type': type, ...signed(signingSecret, body), ...headers },
        body,
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(patienceMs)]),
      })
      return { status: response.status, body: await response.text(), reason: 'http_error' }
    } catch (error) {
      const reason = (error as Error).name === 'TimeoutError' ? 'http_timeout' : 'connection_failed'
      return { status: 0, body: String(error), reason }
    }
  }
  const send = async (type: string, body: string, pauses: readonly number[]): Promise<Sent> => {
    let result = await once(type, body, {})
    let tries = 1
    for (const pause of pauses) {
      if ((result.status >= 200 && result.status < 300) || stop.signal.aborted) break
      await setTimeout(pause, undefined, { signal: stop.signal }).catch(() => {})
      if (stop.signal.aborted) break
      result = await once(type, body, {
        'x-slack-retry-num': String(tries++),
        'x-slack-retry-reason': result.reason,
      })
    }
    return { status: result.status, body: result.body, tries }
  }
  const kept = (sent: Promise<Sent>): Promise<Sent> => {
    sending.add(sent)
    return sent.finally(() => sending.delete(sent))
  }

  const sender: Sender = {
    url: '',
    event: body => kept(send('application/json', JSON.stringify(body), pausesMs)),
    form: fields =>
      kept(send('application/x-www-form-urlencoded', new URLSearchParams(fields).toString(), [])),
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await Promise.allSettled(sending)
    },
  }
  return sender
}
