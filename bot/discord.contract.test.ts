import pino from 'pino'
import { openTestDiscord } from '../test/discord.ts'
import { until } from '../test/house.ts'
import { openTrial } from '../test/trial.ts'
import { openThrottle } from './discord/throttle.ts'
import { openDiscord } from './discord.ts'
import { platformContract } from './platform.contract.ts'

const partOf = (address: string) => address.split(':').at(-1) ?? ''

platformContract('discord', async () => {
  await using opening = new AsyncDisposableStack()
  const discord = opening.use(await openTestDiscord())
  const stopping = new AbortController()
  let listening = Promise.resolve()
  const trial = await openTrial(parts => {
    const platform = openDiscord({
      ...parts,
      token: discord.token,
      applicationId: discord.application,
      guildId: discord.guild,
      apiUrl: discord.apiUrl,
      now: () => new Date(),
      log: pino({ level: 'silent' }),
      throttle: openThrottle({ everyMs: 1 }),
    })
    listening = platform.listen(stopping.signal)
    return platform
  })
  opening.use(trial)
  opening.defer(() => listening)
  opening.defer(() => stopping.abort())
  await until('the gateway', async () => trial.platform.isListening?.())
  const [C] = discord.channels
  const under = `discord:${discord.guild}`
  /** The message that a thread hangs below stands in the channel. */
  const find = (address: string, id: string) =>
    [...discord.messages(partOf(address)), ...discord.messages(C)].find(one => one.id === id)

  const opened = opening.move()
  return {
    ...trial,
    channel: `${under}:${C}`,
    gone: [`${under}:1`, '2'],
    person: `discord:${discord.people.ada}`,
    personName: 'ada',
    mention: async text => void discord.mention({ text }),
    direct: async text => void discord.say({ channel: discord.direct(), text }),
    reply: async ({ address }, text) => void discord.say({ channel: partOf(address), text }),
    command: async text => {
      const [, workspace, prompt] = /^run in=(\w+) -- (.+)$/.exec(text) ?? []
      discord.command({ sub: 'run', options: { prompt, in: workspace } })
    },
    press: async ({ address, messageId }) => {
      const message = find(address, messageId)
      if (message) discord.press({ message, button: 0 })
    },
    shown: async address => {
      const root = find(address, partOf(address))
      return [...(root ? [root] : []), ...discord.messages(partOf(address))].map(
        ({ content, attachments }) => attachments[0]?.filename ?? content,
      )
    },
    alone: async () => discord.texts(discord.direct()),
    limit: (address, seconds) => {
      discord.limit(new RegExp(`^/channels/(${partOf(address)}|${C})/messages`), seconds)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
})
