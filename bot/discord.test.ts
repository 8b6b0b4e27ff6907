import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openDiscordHouse } from '../test/discord-house.ts'
import { until } from '../test/house.ts'

const ended = { type: 'ended', outcome: 'succeeded', reason: 'done', summary: 'It is fixed.' } as const

void describe('discord, a job', () => {
  test('a command opens one thread for its job, named after it; the asker is led there, and a reply goes on with it', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const [C] = discord.channels
    discord.command({ sub: 'run', options: { prompt: 'fix the flaky test', agent: 'script' } })
    const thread = await discord.until(() => discord.messages(C)[0]?.id)
    await discord.until(() => discord.asides()[0]?.content === `See <#${thread}>`)
    assert.equal(discord.unanswered(), 0)
    assert.equal(discord.nameOf(thread), 'fix the flaky test')
    const [job] = await house.jobs()
    const conversation = await until('the address', async () => {
      const found = await house.store.get('conversations', job?.conversation ?? '')
      return found?.address ? found : undefined
    })
    assert.equal(conversation.address, `discord:${discord.guild}:${thread}`)
    assert.equal(conversation.channel, `discord:${discord.guild}:${C}`)

    await house.happen(job!._id, { type: 'started', runner: 'r1' })
    await discord.until(() => /Starting/.test(discord.texts(C)[0] ?? ''))
    await house.happen(job!._id, ended)
    await discord.until(() => discord.texts(thread).some(text => text.includes('It is fixed.')))
    discord.say({ channel: thread, text: 'and now the other one' })
    const next = await until('the next job', async () => (await house.jobs())[1])
    assert.equal(next.prompt, 'and now the other one')
    assert.equal(next.continues, job!._id)
    await discord.until(() => discord.texts(thread).some(text => text.includes('`and now the other one`')))
    assert.equal(discord.messages(C).length, 1)
  })

  test('a mention opens the thread below itself, with all that the job says in it', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const [, C] = discord.channels
    const said = discord.mention({ channel: C, from: 'bob', text: 'run agent=script look at <@1> please' })
    await discord.until(() => discord.texts(said.id).some(text => text.includes('Queued')))
    const [job] = await house.jobs()
    assert.equal(job?.prompt, 'look at <@1> please')
    assert.equal(discord.messages(C).length, 1)
    assert.equal(discord.nameOf(said.id), 'look at <@1> please')
    const [status] = discord.messages(said.id)
    discord.press({ from: 'bob', message: status!, button: 0 })
    await discord.until(() => /Cancelled/.test(discord.texts(said.id)[0] ?? ''))
    assert.equal(discord.unanswered(), 0)
  })

  test('in a direct message there is no thread, and the answer to a command there is seen', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const D = discord.direct()
    discord.say({ channel: D, text: '/hop sh ls -la' })
    await discord.until(() => discord.texts(D).some(text => text.includes('`$ ls -la`')))
    discord.say({ channel: D, text: '/hop jobs' })
    await discord.until(() => discord.texts(D).some(text => text.startsWith('- ')))
    const [conversation] = await house.store.find('conversations', {
      where: { address: `discord:@me:${D}` },
    })
    assert.equal(conversation?.team, `discord:${discord.guild}`)
    assert.ok(conversation?.owner)
    assert.deepEqual(discord.asides(), [])
  })

  test('a command inside a thread is told there, and nothing is left thinking', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const T = discord.thread({ name: 'our own' })
    discord.command({ channel: T, sub: 'sh', options: { command: 'npm test', in: 'main' } })
    await discord.until(() => discord.texts(T).some(text => text.includes('`$ npm test`')))
    await discord.until(() => discord.asides().length === 0)
    // It speaks by the message that is there already.
    discord.command({ channel: T, sub: 'cancel' })
    await discord.until(() => discord.texts(T).some(text => text.includes('Cancelled')))
    await discord.until(() => discord.asides().length === 0)
    assert.equal(discord.unanswered(), 0)
  })

  test('what only the asker may see is the answer to the command; after a mention it is a direct message', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const [C] = discord.channels
    discord.command({ sub: 'web' })
    await discord.until(() =>
      discord.asides().some(({ content }) => content.includes('https://hop.test/login/')),
    )
    assert.deepEqual(discord.messages(C), [])
    const D = discord.direct('bob')
    discord.mention({ from: 'bob', text: 'help' })
    await discord.until(() => discord.texts(D).some(text => text.includes('carries jobs')))
    assert.equal(discord.messages(C).length, 1)
  })

  test('who takes no direct messages is told so where they asked, without what was for them alone', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    discord.closed.add(discord.people.bob)
    const said = discord.mention({ from: 'bob', text: 'web' })
    await discord.until(() => discord.texts(said.id).some(text => text.includes('cannot send you direct')))
    assert.ok(discord.channels.every(channel => !discord.texts(channel).join().includes('/login/')))
  })

  test('a refusal is the answer to its command and opens no thread', async () => {
    await using house = await openDiscordHouse({ role: 'viewer' })
    await using _ = await house.live()
    const { discord } = house
    discord.command({ sub: 'run', options: { prompt: 'fix it' } })
    await discord.until(() => discord.asides().some(({ content }) => content.includes('You may look here')))
    assert.deepEqual(discord.messages(discord.channels[0]), [])
    discord.command({ from: 'bob', sub: 'cancel' })
    await discord.until(() => discord.asides('bob').some(({ content }) => content.includes('no jobs yet')))
  })

  test('somebody else who presses a button is told alone that they may not', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    const [C] = discord.channels
    discord.command({ sub: 'sh', options: { command: 'sleep 9' } })
    const status = await discord.until(() => discord.messages(C)[0])
    discord.press({ from: 'bob', message: status, button: 0 })
    await discord.until(() => discord.asides('bob').some(({ content }) => content.includes('may cancel')))
    assert.deepEqual(
      (await house.jobs()).map(({ state }) => state),
      ['queued'],
    )
    assert.equal(discord.unanswered(), 0)
  })

  test('an answer that is too long for one message comes in parts, all for the asker alone', async () => {
    await using house = await openDiscordHouse()
    await using _ = await house.live()
    const { discord } = house
    discord.command({ sub: 'sh', options: { command: 'yes' } })
    const [job] = await until('the job', async () => (await house.jobs()).length > 0 && house.jobs())
    await house.happen(job!._id, { type: 'started', runner: 'r1' })
    await house.happen(job!._id, { type: 'said', text: 'line of output\n'.repeat(300) })
    discord.command({ channel: discord.channels[1], sub: 'logs', options: { job: job!._id } })
    await discord.until(
      () => discord.asides().filter(({ content }) => content.includes('line of output')).length === 2,
    )
    assert.ok(discord.asides().every(({ thinking }) => !thinking))
  })

  test('a command whose token has died is answered in a direct message', async () => {
    await using house = await openDiscordHouse()
    const { discord } = house
    const D = discord.direct()
    await using life = await house.live()
    assert.ok(life.isListening())
    // The answer has to wait; until then the token dies at Discord, while our own clock does not know it.
    discord.limit(/^\/webhooks\//, 1)
    discord.command({ sub: 'help' })
    await discord.until(() => discord.calls.some(({ status }) => status === 429))
    discord.later(16 * 60_000)
    await discord.until(() => discord.texts(D).some(text => text.includes('carries jobs')))
  })
})
