import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Gateway } from './discord-gateway.ts'
import { openGateway } from './discord-gateway.ts'
import type { Guild } from './discord-guild.ts'
import { openGuild } from './discord-guild.ts'
import type { Aside } from './discord-interactions.ts'
import { openInteractions } from './discord-interactions.ts'
import type { DiscordCall, Registered } from './discord-rest.ts'
import { openRest } from './discord-rest.ts'
import type { DiscordMessage } from './discord-shapes.ts'

type Person = 'ada' | 'bob'

interface Act {
  readonly from?: Person
  /** A channel or thread; the first channel where none is named. */
  readonly channel?: string
}

/** Discord, for tests: a guild with people, channels and threads, the REST API over it, and a gateway. */
export interface Discord extends AsyncDisposable {
  /** For `DISCORD_API_URL`, `DISCORD_TOKEN`, `DISCORD_APPLICATION_ID` and `DISCORD_GUILD_ID`. */
  readonly apiUrl: string
  readonly token: string
  readonly application: string
  readonly guild: string
  readonly people: Readonly<Record<Person, string>>
  /** Two text channels, and a voice channel that has text too. */
  readonly channels: readonly [string, string]
  readonly voice: string
  /** Every call of the bot's, in order. */
  readonly calls: readonly DiscordCall[]
  readonly gateway: Omit<Gateway, 'upgrade' | 'close' | 'information'>
  /** What may not be done, by channel; who takes no direct messages. */
  readonly denied: Guild['denied']
  readonly closed: Set<string>

  say(act: Act & { readonly text: string; readonly file?: string }): DiscordMessage
  mention(act: Act & { readonly text: string }): DiscordMessage
  /** Gives a command by its options, such as `sub: 'run', options: { prompt: 'x' }`. */
  command(act: Act & { readonly sub: string; readonly options?: Readonly<Record<string, unknown>> }): {
    readonly id: string
  }
  press(act: Act & { readonly message: DiscordMessage; readonly button: number }): { readonly id: string }
  /** The channel of somebody's direct messages with the bot. */
  direct(from?: Person): string
  /** A thread that somebody made. */
  thread(act: Act & { readonly name: string }): string
  archive(thread: string, how?: { readonly locked?: boolean }): void
  remove(channel: string, message?: string): void

  messages(channel: string): readonly DiscordMessage[]
  texts(channel: string): readonly string[]
  /** What only this person is shown now. */
  asides(from?: Person): readonly Aside[]
  /** Interactions that were not acknowledged. */
  unanswered(): number
  /** What is registered for the guild. */
  registered(): readonly Registered[]
  failRegistering(times: number): void
  /** The token is refused so many times. */
  disown(times: number): void
  /** The name of a channel or thread. */
  nameOf(channel: string): string | undefined
  /** The next calls whose path fits are answered 429. */
  limit(path: RegExp, seconds: number, times?: number): void
  /** Takes back all that `limit` said. */
  limitless(): void
  /** From now on it is this much later at Discord, in milliseconds. */
  later(ms: number): void
  /** Resolves with what `check` gives, once it is not undefined or false; looks after each call and some times a second. */
  until<T>(check: () => T | undefined | false, withinMs?: number): Promise<T>
}

/** Opens the stand-in on a free port. `identifyEveryMs` is Discord's five seconds made shorter. */
export const openTestDiscord = async ({
  heartbeatMs = 20_000,
  identifyEveryMs = 0,
} = {}): Promise<Discord> => {
  const token = 'discord.test.token'
  let ahead = 0
  const now = () => Date.now() + ahead
  const guild = openGuild({ now, happened: (t, d) => gateway.dispatch(t, d) })
  const [first, second, voice] = [guild.text('general'), guild.text('random'), guild.text('lounge', 2)]
  const [ada, bob] = guild.people as [Guild['bot'], Guild['bot']]
  const people = { ada, bob }
  const interactions = openInteractions(guild, now, (t, d) => gateway.dispatch(t, d))
  const url = () => `127.0.0.1:${(server.address() as AddressInfo).port}`
  const gateway = openGateway({
    token,
    url: () => `ws://${url()}`,
    user: guild.bot,
    application: guild.bot.id,
    guild: guild.guild,
    greeting: () => [{ t: 'GUILD_CREATE', d: guild.described() }],
    heartbeatMs,
    identifyEveryMs,
  })
  const rest = openRest({ token, guild, interactions, information: gateway.information })

  const server = createServer((request, response) => {
    const [, , id = ''] = (request.url ?? '').split('/')
    if (request.url?.startsWith('/attachments/')) return void response.end(guild.files.get(id))
    rest.answer(request, `http://${url()}`).then(
      ({ status, json, headers }) => {
        response.writeHead(status, {
          ...(status !== 204 && { 'content-type': 'application/json' }),
          ...headers,
        })
        response.end(status === 204 ? undefined : JSON.stringify(json))
      },
      error => response.writeHead(500).end(String(error)),
    )
  })
  server.on('upgrade', gateway.upgrade)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const speak = ({ from = 'ada', channel = first.id }: Act, content: string, file?: string) =>
    guild.speak(
      people[from],
      guild.channel(channel),
      { content },
      file === undefined ? [] : [{ name: file, bytes: Buffer.from(`the bytes of ${file}`) }],
      `http://${url()}`,
    )
  return {
    apiUrl: `http://${url()}/api`,
    token,
    application: guild.bot.id,
    guild: guild.guild,
    people: { ada: ada.id, bob: bob.id },
    channels: [first.id, second.id],
    voice: voice.id,
    calls: rest.calls,
    gateway,
    denied: guild.denied,
    closed: guild.closed,
    say: ({ text, file, ...act }) => speak(act, text, file),
    mention: ({ text, ...act }) => speak(act, `<@${guild.bot.id}> ${text}`),
    command: ({ from = 'ada', channel = first.id, sub, options = {} }) =>
      interactions.command(people[from], guild.channel(channel), {
        id: '1',
        name: 'hop',
        type: 1,
        options: [
          {
            name: sub,
            type: 1,
            options: Object.entries(options).map(([name, value]) => ({
              name,
              type: typeof value === 'string' ? 3 : 10,
              value,
            })),
          },
        ],
      }),
    press: ({ from = 'ada', message, button }) => {
      const all = message.components.flatMap(({ components }) => components)
      const custom = all[button]?.custom_id
      if (!custom) throw new Error(`The message has no button ${button} that could be pressed.`)
      return interactions.press(people[from], guild.channel(message.channel_id), message, custom)
    },
    direct: (from = 'ada') => guild.direct(people[from].id).id,
    thread: ({ from = 'ada', channel = first.id, name }) =>
      guild.thread(channel, { name, type: 11 }, people[from]).id,
    archive: (thread, { locked = false } = {}) => {
      const { thread_metadata: state } = guild.channel(thread)
      if (state) Object.assign(state, { archived: true, locked })
    },
    remove: (channel, message) => {
      if (message) guild.remove(channel, message)
      else guild.channels.delete(channel)
    },
    messages: guild.said,
    texts: channel => guild.said(channel).map(({ content }) => content),
    asides: (from = 'ada') =>
      interactions.asides.filter(({ user, gone }) => user === people[from].id && !gone),
    unanswered: () => interactions.all().filter(({ acknowledged }) => !acknowledged).length,
    registered: () => rest.commands.get(guild.guild) ?? [],
    failRegistering: rest.failRegistering,
    disown: rest.disown,
    nameOf: channel => guild.channels.get(channel)?.name,
    limit: (path, seconds, times = 1) => void rest.limit(path, seconds, times),
    limitless: rest.limitless,
    later: ms => {
      ahead += ms
    },
    until: (check, withinMs = 10_000) =>
      new Promise((resolve, reject) => {
        const end = (over: () => void) => {
          rest.watchers.delete(look)
          clearTimeout(deadline)
          clearInterval(timer)
          over()
        }
        const look = () => {
          const found = check()
          if (found !== undefined && found !== false) end(() => resolve(found))
        }
        const deadline = setTimeout(() => {
          const seen = rest.calls.map(one => `${one.method} ${one.path} ${one.status}`)
          end(() =>
            reject(new Error(`Nothing came within ${withinMs} ms. Calls so far:\n${seen.join('\n')}`)),
          )
        }, withinMs)
        const timer = setInterval(look, 20)
        rest.watchers.add(look)
        look()
      }),
    [Symbol.asyncDispose]: async () => {
      gateway.close()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
