import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DiscordHouse } from '../../test/discord-house.ts'
import { openDiscordHouse } from '../../test/discord-house.ts'
import { until } from '../../test/house.ts'

/** A known thread and known direct messages: somebody spoke to the bot in both. */
const known = async ({ discord, heard }: DiscordHouse) => {
  const begun = discord.mention({ text: 'run agent=script begin' })
  const direct = discord.direct('bob')
  discord.say({ from: 'bob', channel: direct, text: 'run agent=script begin' })
  await discord.until(() => discord.texts(begun.id).length > 0 && heard.length === 2)
  return [
    { from: 'ada', channel: begun.id },
    { from: 'bob', channel: direct },
  ] as const
}

/** The texts heard in a channel, in order. */
const textsOf = ({ heard }: DiscordHouse, channel: string) =>
  heard.flatMap(one =>
    one.type === 'said' && one.address?.endsWith(channel) && one.text !== 'run agent=script begin'
      ? [one.text]
      : [],
  )

const allHeard = async (
  house: DiscordHouse,
  places: readonly { readonly channel: string }[],
  texts: readonly string[],
) => {
  await until(
    `${texts.length} messages in each place`,
    async () => places.every(({ channel }) => textsOf(house, channel).length >= texts.length),
    20_000,
  )
  for (const { channel } of places) assert.deepEqual(textsOf(house, channel), texts)
}

void describe('discord, the gateway', () => {
  test('what is said while the connection is cut comes with the session that is resumed, once', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const places = await known(house)
    for (const [n, cut] of [
      () => discord.gateway.drop(),
      () => discord.gateway.reconnect(),
      () => discord.gateway.drop(4000),
    ].entries()) {
      cut()
      await discord.until(() => discord.gateway.open === 0)
      for (const place of places) discord.say({ ...place, text: `cut ${n}` })
      await discord.until(() => discord.gateway.resumes === n + 1)
    }
    await allHeard(house, places, ['cut 0', 'cut 1', 'cut 2'])
    assert.equal(discord.gateway.identifies.length, 1)
  })

  test('what is said around an invalid session is read forward, in order, once', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const places = await known(house)
    const say = (text: string) => {
      for (const place of places) discord.say({ ...place, text })
    }
    say('before')
    discord.gateway.invalidate(false)
    say('while there is no session')
    await discord.until(() => discord.gateway.identifies.length === 2)
    say('just after')
    discord.gateway.forget()
    discord.gateway.drop()
    say('while there is none again')
    await discord.until(() => discord.gateway.identifies.length === 3)
    await allHeard(house, places, [
      'before',
      'while there is no session',
      'just after',
      'while there is none again',
    ])
  })

  test('an invalid session that may be resumed is', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const places = await known(house)
    discord.gateway.invalidate(true)
    for (const place of places) discord.say({ ...place, text: 'meanwhile' })
    await discord.until(() => discord.gateway.resumes === 1)
    await allHeard(house, places, ['meanwhile'])
    assert.equal(discord.gateway.identifies.length, 1)
  })

  test('what is said between two lives of the bot is read forward, more than a page of it, and repeated events are dropped', async () => {
    await using house = await openDiscordHouse()
    const { discord } = house
    const life = await house.live()
    const places = await known(house)
    for (const place of places) discord.say({ ...place, text: 'before' })
    await allHeard(house, places, ['before'])
    await life[Symbol.asyncDispose]()
    assert.equal(discord.gateway.open, 0)
    const [thread, direct] = places
    const missed = Array.from({ length: 101 }, (_, n) => `missed ${n}`)
    for (const text of missed) discord.say({ ...thread, text })
    discord.say({ ...direct, text: 'missed' })
    discord.gateway.repeat(3)
    await using _ = await house.live()
    for (const place of places) discord.say({ ...place, text: 'after' })
    await allHeard(house, [thread], ['before', ...missed, 'after'])
    await allHeard(house, [direct], ['before', 'missed', 'after'])
  })

  test('a repeated command and a repeated button are one', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    discord.gateway.repeat(3)
    discord.command({ sub: 'sh', options: { command: 'ls' } })
    const status = await discord.until(() => discord.messages(discord.channels[0])[0])
    discord.press({ message: status, button: 0 })
    await discord.until(() => /Cancelled/.test(discord.texts(discord.channels[0])[0] ?? ''))
    assert.deepEqual(
      house.heard.map(({ type }) => type),
      ['said', 'pressed'],
    )
    assert.equal((await house.jobs()).length, 1)
    assert.equal(discord.unanswered(), 0)
  })

  test('a thread whose envelopes were swept out is read from its last turn on', async () => {
    await using house = await openDiscordHouse()
    const { discord, store } = house
    const life = await house.live()
    const places = await known(house)
    for (const place of places) discord.say({ ...place, text: 'one' })
    await allHeard(house, places, ['one'])
    await until(
      'all to be done',
      async () => (await store.count('inbox', { platform: 'discord', state: 'new' })) === 0,
    )
    await life[Symbol.asyncDispose]()
    for (const { _id } of await store.find('inbox', {
      where: { platform: 'discord', state: 'done' },
      by: 'receivedAt',
    }))
      await store.drop('inbox', _id)
    for (const place of places) discord.say({ ...place, text: 'two' })
    await using _ = await house.live()
    await allHeard(house, places, ['one', 'two'])
  })

  test('a connection over which no heartbeat is answered is given up and resumed', async () => {
    await using house = await openDiscordHouse({ heartbeatMs: 300 })
    await using _ = await house.live()
    const { discord } = house
    const places = await known(house)
    discord.gateway.mute(true)
    await discord.until(() => discord.gateway.resumes > 0)
    discord.gateway.mute(false)
    for (const place of places) discord.say({ ...place, text: 'alive' })
    await allHeard(house, places, ['alive'])
  })

  test('an intent that is not granted is said in the log, and the bot waits before it tries again', async () => {
    await using house = await openDiscordHouse()
    const { discord } = house
    discord.gateway.refuse(4014)
    const stopping = new AbortController()
    const listening = house.open(async () => {}).listen(stopping.signal)
    const line = await until('the sentence', async () =>
      house.logged.find(text => text.includes('Message Content')),
    )
    assert.match(line, /Trying again in 300 s/)
    assert.equal(discord.gateway.open, 0)
    stopping.abort()
    await listening
  })

  test('a token that Discord does not know is said in the log', async () => {
    await using house = await openDiscordHouse()
    const stopping = new AbortController()
    house.discord.gateway.refuse(4004)
    const listening = house.open(async () => {}).listen(stopping.signal)
    await until('the sentence', async () => house.logged.some(text => text.includes('DISCORD_TOKEN')))
    stopping.abort()
    await listening
  })

  test('it can be stopped at any moment, and leaves no connection', async () => {
    await using house = await openDiscordHouse()
    const { discord } = house
    for (const ms of [0, 5, 20, 60, 150, 400]) {
      const stopping = new AbortController()
      const platform = house.open(async () => {})
      const listening = platform.listen(stopping.signal)
      await new Promise(resolve => setTimeout(resolve, ms))
      if (ms >= 150) discord.gateway.drop()
      stopping.abort()
      await listening
      assert.equal(platform.isListening(), false)
    }
    await discord.until(() => discord.gateway.connections === 0)
  })
})
