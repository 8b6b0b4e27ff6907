import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import pino from 'pino'
import { openTestDiscord } from '../../test/discord.ts'
import { openTrial } from '../../test/trial.ts'
import { openDiscord } from '../discord.ts'
import { Limited, Undeliverable } from '../platform.ts'

const large = 10 * 1024 * 1024 + 1

const open = async () => {
  await using opening = new AsyncDisposableStack()
  const discord = opening.use(await openTestDiscord())
  const trial = opening.use(
    await openTrial(parts =>
      openDiscord({
        ...parts,
        token: discord.token,
        applicationId: discord.application,
        apiUrl: discord.apiUrl,
        readFile: async id => (id === 'large' ? Readable.from([Buffer.alloc(large)]) : undefined),
        now: () => new Date(),
        log: pino({ level: 'silent' }),
      }),
    ),
  )
  const opened = opening.move()
  const channel = `discord:${discord.guild}:${discord.channels[0]}`
  return { discord, channel, ...trial, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

void describe('discord, out', () => {
  test('a message notifies nobody, unfurls nothing, and has its buttons in rows of five', async () => {
    await using box = await open()
    const { discord, platform, channel } = box
    const press = { verb: 'retry', job: 'j1' } as const
    const { messageId } = await platform.post(channel, {
      text: '**done** @everyone',
      buttons: [
        ...Array.from({ length: 5 }, (_, n) => ({ label: `Retry ${n}`, press })),
        { label: 'x'.repeat(100), style: 'danger', press: { verb: 'cancel', job: 'j1' } },
        { label: 'Open', press: { url: 'https://hop.example.com/jobs/j1' } },
        { label: 'Not for Discord', press: { url: 'http://localhost:8080/jobs/j1' } },
      ],
    })
    const call = discord.calls.find(({ path }) => path === `/channels/${discord.channels[0]}/messages`)
    assert.deepEqual(call?.body.allowed_mentions, { parse: [] })
    assert.equal(call?.body.flags, 4)
    const message = discord.messages(discord.channels[0]).find(({ id }) => id === messageId)
    assert.deepEqual(
      message?.components.map(({ components }) => components.map(one => one.custom_id ?? one.url)),
      [Array(5).fill('hop:retry:j1'), ['hop:cancel:j1', 'https://hop.example.com/jobs/j1']],
    )
  })

  test('a message in an archived thread is edited all the same, in a locked one it cannot be', async () => {
    await using box = await open()
    const { discord, platform, channel } = box
    const { address } = await platform.post(channel, { text: 'first' })
    const thread = address.split(':')[2]!
    const { messageId } = await platform.post(address, { text: 'second' })
    discord.archive(thread)
    await platform.edit(address, messageId, { text: 'changed' })
    assert.deepEqual(discord.texts(thread), ['changed'])
    discord.archive(thread, { locked: true })
    await assert.rejects(platform.edit(address, messageId, { text: 'no more' }), Undeliverable)
    // The message that the thread hangs below stands outside it.
    await platform.edit(address, thread, { text: 'over' })
    assert.deepEqual(discord.texts(discord.channels[0]), ['over'])
  })

  test('a file that is too large for Discord is named, with where it is', async () => {
    await using box = await open()
    const { discord, platform, channel } = box
    await platform.post(channel, { text: '', file: { id: 'large', name: 'video.mp4' } })
    assert.match(discord.texts(discord.channels[0])[0] ?? '', /`video.mp4` is larger than the 10 MB/)
  })

  test('a channel that the bot may not see or speak in takes nothing', async () => {
    await using box = await open()
    const { discord, platform, channel } = box
    discord.denied.speak.add(discord.channels[0])
    await assert.rejects(platform.post(channel, { text: 'x' }), Undeliverable)
    discord.denied.see.add(discord.channels[1])
    await assert.rejects(
      platform.post(`discord:${discord.guild}:${discord.channels[1]}`, { text: 'x' }),
      Undeliverable,
    )
  })

  test('more posts than a channel takes in five seconds are put off', async () => {
    await using box = await open()
    const { platform, channel } = box
    const { address } = await platform.post(channel, { text: 'x' })
    for (let n = 0; n < 5; n++) await platform.post(address, { text: 'x' })
    await assert.rejects(platform.post(address, { text: 'x' }), (error: unknown) => {
      assert.ok(error instanceof Limited)
      return error.retryAfterMs > 0 && error.retryAfterMs < 7000
    })
  })

  test('a token refused once is used again', async () => {
    await using box = await open()
    const { discord, platform, channel } = box
    discord.disown(1)
    await assert.rejects(platform.post(channel, { text: 'x' }))
    const { address } = await platform.post(channel, { text: 'y' })
    assert.notEqual(address, channel)
  })

  test('a channel without threads takes the job itself', async () => {
    await using box = await open()
    const { discord, platform } = box
    const lounge = `discord:${discord.guild}:${discord.voice}`
    assert.equal((await platform.post(lounge, { text: 'x' })).address, lounge)
    assert.deepEqual(discord.texts(discord.voice), ['x'])
  })
})
