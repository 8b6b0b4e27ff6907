import { commandForm, echoOf, eventBody, pressForm, typeOf } from './slack-bodies.ts'
import type { SlackCall } from './slack-relay.ts'
import { openRelay } from './slack-relay.ts'
import type { Sent } from './slack-sender.ts'
import { openSender, slackPausesMs } from './slack-sender.ts'
import type { Person } from './slack-team.ts'
import { app, ask, joined, openTeam, tokenOf } from './slack-team.ts'

/** What a person does: `from` is `ada` or `bob`, `channel` an id of `channels` or of a direct message. */
interface Act {
  readonly from?: Person
  readonly channel?: string
  readonly thread?: string
  readonly text: string
}

/** Slack, for tests: a team with people and channels in it, a Web API that keeps them, and whatever Slack sends to an app. */
export interface Slack extends AsyncDisposable {
  /** For `SLACK_API_URL`, `SLACK_BOT_TOKEN` and `SLACK_SIGNING_SECRET`. */
  readonly apiUrl: string
  readonly token: string
  readonly signingSecret: string
  readonly team: string
  readonly bot: string
  readonly people: Readonly<Record<Person, string>>
  /** Ids of channels that everybody and the bot are in. */
  readonly channels: readonly [string, string, ...string[]]
  /** Every call that was answered, in order. */
  readonly calls: readonly SlackCall[]

  /** Sends to this address from now on: `http://127.0.0.1:8080/slack/events`. */
  sendTo(url: string): void
  /** Says something where the bot is; sends the `message` event. Gives its ts and how it was answered. */
  say(act: Act): Promise<{ readonly ts: string; readonly sent: Sent }>
  /** Mentions the bot: sends both events that Slack makes of it, at once. */
  mention(act: Act): Promise<{ readonly ts: string; readonly sent: readonly Sent[] }>
  /** The channel of a person's direct messages with the bot; `say` in it. */
  direct(from?: Person): Promise<string>
  command(act: Act & { readonly command?: string }): Promise<Sent>
  /** Presses a button of a message that the bot posted. */
  press(act: { readonly from?: Person; readonly message: SlackCall; readonly button: number }): Promise<Sent>
  /** Any event, in an envelope that Slack would put around it. The same `id` is the same event. */
  event(event: object, id?: string): Promise<Sent>

  /** The next chat calls for a channel are answered 429. */
  limit(channel: string, seconds: number, times?: number): void
  /** Resolves with what `check` gives, once it is not undefined or false; looks after each call. */
  until<T>(check: () => T | undefined | false, withinMs?: number): Promise<T>
  /** The texts of a thread or channel as they stand now. */
  texts(channel: string, thread?: string): Promise<readonly string[]>
  /** The most edits in any minute so far. */
  mostEdits(): number
}

/** Opens the stand-in. `pausesMs` shortens Slack's pauses before an event is sent again; `channels` is how many there are. */
export const openTestSlack = async ({
  pausesMs = slackPausesMs,
  channels: count = 3,
} = {}): Promise<Slack> => {
  await using opening = new AsyncDisposableStack()
  const calls: SlackCall[] = []
  const watchers = new Set<() => void>()
  let number = 0
  const sender = opening.use(openSender(app.signingSecret, pausesMs))
  const emulator = await openTeam(count)
  opening.defer(() => emulator.close())
  const { team, people, channels } = await joined(emulator.url)
  const relay = opening.use(
    await openRelay(emulator.url, call => {
      calls.push(call)
      for (const watcher of [...watchers]) watcher()
      const echo = sender.url && call.ok && echoOf(call, team, ++number)
      if (echo) void event(echo)
    }),
  )

  const event = (inner: object, id = `Ev${++number}`) => sender.event(eventBody(team, inner, id))
  const by = (person: Person) => ({ team, user: people[person], name: person, number: ++number })
  /** Puts the message where everybody can read it; Slack's events about it are the caller's. */
  const speak = async ({ from = 'ada', channel = channels[0], thread, text }: Act) => {
    const where = { channel, ...(thread && { thread_ts: thread }) }
    const { ts } = await ask(emulator.url, 'chat.postMessage', { ...where, text }, tokenOf(from))
    return { ...where, user: people[from], team, text, ts, event_ts: ts }
  }
  const message = (said: Awaited<ReturnType<typeof speak>>) =>
    event({ type: 'message', ...said, channel_type: typeOf(said.channel) })

  const opened = opening.move()
  return {
    apiUrl: `${relay.url}/api/`,
    token: app.token,
    signingSecret: app.signingSecret,
    team,
    bot: app.user,
    people,
    channels,
    calls,
    sendTo: url => {
      sender.url = url
    },
    say: async act => {
      const said = await speak(act)
      return { ts: said.ts, sent: await message(said) }
    },
    mention: async act => {
      const said = await speak({ ...act, text: `<@${app.user}> ${act.text}` })
      const sent = await Promise.all([event({ type: 'app_mention', ...said }), message(said)])
      return { ts: said.ts, sent }
    },
    direct: async (from = 'ada') =>
      (await ask(emulator.url, 'conversations.open', { users: people[from] })).channel.id,
    command: ({ from = 'ada', channel = channels[0], text, command = '/hop' }) =>
      sender.form(commandForm(by(from), command, channel, text)),
    press: ({ from = 'ada', message: posted, button }) => sender.form(pressForm(by(from), posted, button)),
    event,
    limit: (channel, seconds, times = 1) => relay.limit(channel, seconds, times),
    until: (check, withinMs = 10_000) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = check()
          if (found === undefined || found === false) return
          watchers.delete(look)
          clearTimeout(timer)
          resolve(found)
        }
        const timer = setTimeout(() => {
          watchers.delete(look)
          const seen = calls.map(one => `${one.method} ${one.channel} ${one.error ?? ''} ${one.text}`)
          reject(new Error(`Nothing came within ${withinMs} ms. Calls so far:\n${seen.join('\n')}`))
        }, withinMs)
        watchers.add(look)
        look()
      }),
    texts: async (channel, thread) => {
      const method = thread ? 'conversations.replies' : 'conversations.history'
      const which = { channel, limit: '1000', ...(thread && { ts: thread }) }
      const { messages } = await ask(emulator.url, method, which)
      return messages.toSorted((a, b) => (a.ts < b.ts ? -1 : 1)).map(({ text }) => text)
    },
    mostEdits: () => {
      const edits = calls.filter(({ method }) => method === 'chat.update').map(({ at }) => at)
      return Math.max(0, ...edits.map(at => edits.filter(other => other >= at && other < at + 60_000).length))
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
