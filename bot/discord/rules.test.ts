import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openDiscordHouse } from '../../test/discord-house.ts'
import { until } from '../../test/house.ts'

const ended = { type: 'ended', outcome: 'succeeded', reason: 'done', summary: 'It is fixed.' } as const

void describe('discord, its rules', () => {
  test('the commands of every verb are registered for the guild, after a failure again', async () => {
    await using house = await openDiscordHouse()
    const { discord } = house
    discord.failRegistering(1)
    await using _ = await house.live()
    const [hop] = await discord.until(() => discord.registered().length > 0 && discord.registered())
    assert.deepEqual(
      hop?.options.map(({ name }) => name),
      ['run', 'sh', 'jobs', 'logs', 'cancel', 'retry', 'web', 'help'],
    )
  })

  test('a store that does not answer in time: the command is told so within three seconds, the message comes later', async () => {
    let away = false
    await using house = await openDiscordHouse({
      between: store => ({
        ...store,
        put: (kind, record) =>
          away && kind === 'inbox' ? new Promise<never>(() => {}) : store.put(kind, record),
      }),
    })
    await using _ = await house.live()
    const { discord } = house
    const first = discord.mention({ text: 'run agent=script begin' })
    await discord.until(() => discord.texts(first.id).length > 0)
    away = true
    discord.command({ from: 'bob', sub: 'jobs' })
    discord.say({ channel: first.id, text: 'said while it was away' })
    await discord.until(() =>
      discord.asides('bob').some(({ content }) => content.includes('Try again in a minute')),
    )
    discord.say({ channel: first.id, text: 'and this behind it' })
    away = false
    const jobs = await until('both', async () => (await house.jobs()).length === 3 && house.jobs())
    assert.deepEqual(
      jobs.map(({ prompt }) => prompt),
      ['begin', 'said while it was away', 'and this behind it'],
    )
    assert.equal(discord.unanswered(), 0)
  })

  test('a 429 while a thread is started repeats neither the message nor the thread', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const [C] = discord.channels
    discord.limit(/\/threads$/, 1)
    discord.command({ sub: 'sh', options: { command: 'ls' } })
    const message = await discord.until(() => discord.messages(C)[0])
    await discord.until(() => discord.asides()[0]?.content === `See <#${message.id}>`)
    assert.equal(discord.messages(C).length, 1)
  })

  test('where no thread may be started the job is told in the channel', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const [C] = discord.channels
    discord.denied.threads.add(C)
    const said = discord.mention({ text: 'run agent=script look' })
    await discord.until(() => discord.texts(C).some(text => text.includes('Queued')))
    const [job] = await house.jobs()
    await house.happen(job!._id, { type: 'started', runner: 'r1' })
    await house.happen(job!._id, ended)
    await discord.until(() => discord.texts(C).some(text => text.includes('It is fixed.')))
    assert.ok(
      discord.texts(C).every(text => !text.includes('Queued')),
      'the first message was edited',
    )
    assert.deepEqual(discord.messages(said.id), [])
  })

  test('a message that could not be stored is not lost when the bot ends before it could be read again', async () => {
    let away = false
    await using house = await openDiscordHouse({
      between: store => ({
        ...store,
        put: async (kind, record) => {
          if (away && kind === 'inbox') throw new Error('the database is away')
          return await store.put(kind, record)
        },
      }),
    })
    const { discord } = house
    const life = await house.live()
    const first = discord.mention({ text: 'run agent=script begin' })
    await discord.until(() => discord.texts(first.id).length > 0)
    away = true
    discord.say({ channel: first.id, text: 'one' })
    await until('the failure', async () => house.logged.some(line => line.includes('could not be stored')))
    discord.say({ channel: first.id, text: 'two' })
    await life[Symbol.asyncDispose]()
    away = false
    discord.say({ channel: first.id, text: 'three' })
    await using _ = await house.live()
    const jobs = await until('all', async () => (await house.jobs()).length === 4 && house.jobs())
    assert.deepEqual(
      jobs.map(({ prompt }) => prompt),
      ['begin', 'one', 'two', 'three'],
    )
  })

  test('two bots that listen at once, as when one takes over from another, store and answer all once', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord, heard } = house
    const stopping = new AbortController()
    const other = house.open(async () => {})
    const listening = other.listen(stopping.signal)
    await until('the other', async () => other.isListening())
    discord.command({ sub: 'help' })
    discord.say({ channel: discord.direct(), text: 'help' })
    await discord.until(() => discord.asides().some(({ content }) => content.includes('carries jobs')))
    await discord.until(() => discord.texts(discord.direct()).length === 2)
    stopping.abort()
    await listening
    assert.equal(heard.length, 2)
    assert.equal(discord.asides().length, 1)
    assert.deepEqual(
      house.logged.filter(line => line.includes('could not')),
      [],
    )
  })

  test('a bot that begins anew between a command and its answer leaves nobody waiting', async () => {
    await using house = await openDiscordHouse()
    const { discord } = house
    const life = await house.live()
    discord.limit(/^\/webhooks\//, 1, 1000)
    discord.command({ sub: 'help' })
    discord.command({ from: 'bob', sub: 'sh', options: { command: 'ls' } })
    await discord.until(() => discord.calls.some(({ status }) => status === 429))
    await life[Symbol.asyncDispose]()
    discord.limitless()
    await using _ = await house.live()
    await discord.until(() => discord.asides()[0]?.content.includes('carries jobs'))
    const job = await discord.until(() => discord.messages(discord.channels[0])[0])
    await discord.until(() => discord.asides('bob')[0]?.content === `See <#${job.id}>`)
    assert.equal(discord.messages(discord.channels[0]).length, 1)
  })
})
