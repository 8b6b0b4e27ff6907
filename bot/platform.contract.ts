import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Message } from '../store/records.ts'
import { ranOn } from '../test/contract.ts'
import type { Incoming, Platform, Said } from './platform.ts'
import { Limited, Undeliverable } from './platform.ts'

/** A platform with Ada on it, for one test. What she does reaches the platform by its own way in, and through the inbox. */
export interface PlatformTrial extends AsyncDisposable {
  readonly platform: Platform
  /** The address of a channel that she and the bot are in. */
  readonly channel: string
  /** An address at which there is nothing any more, and a message that is not there. */
  readonly gone: readonly [address: string, messageId: string]
  /** Her name at the platform, and in words. */
  readonly person: string
  readonly personName: string
  /** Says something to the bot before others, and in a message of her own to it alone. */
  mention(text: string): Promise<void>
  direct(text: string): Promise<void>
  /** Says something in the thread of a message that was posted. */
  reply(posted: { readonly address: string; readonly messageId: string }, text: string): Promise<void>
  command(text: string): Promise<void>
  /** Presses the first button of a posted message. */
  press(posted: { readonly address: string; readonly messageId: string }): Promise<void>
  /** Resolves with all that was heard, once there are so many and every stored envelope is done. */
  heard(count: number): Promise<readonly Incoming[]>
  /** Hands every stored envelope over a second time, with everything that is heard by that. */
  again(): Promise<readonly Incoming[]>
  /** From now on handling what is heard fails. */
  fail(): void
  /** The messages that everybody reads under an address: their text, or the name of their file. */
  shown(address: string): Promise<readonly string[]>
  /** What Ada alone is shown. */
  alone(): Promise<readonly string[]>
  /** The next call under the address is refused as too fast. */
  limit(address: string, seconds: number): void
}

const promises = [
  'a post gives its id and the address under which replies to it come',
  'an edit changes the message and adds none',
  'a post repeated under its name is one message',
  'a call that is too fast says how long to wait',
  'what is gone can take no post and no edit',
  'a pressed button comes back with its verb and job, and the address of its message',
  'its own messages are not heard',
  'a mention, a reply, a direct message and a command come as what they are',
  'the same envelope twice is the same to the letter',
  'an envelope that could not be handled is not done',
  'a stored file is posted, one that is gone cannot be',
  'what is for one person is shown to nobody else',
] as const
export type Promised = (typeof promises)[number]

const hello: Message = { text: 'hello' }
const button = { label: 'Cancel', press: { verb: 'cancel', job: 'j1' } } as const

/**
 * What every platform promises. `open` gives a trial with a stored file `f1` named `out.txt` and none other. An exception
 * names a promise that the platform does not give, and why.
 */
export const platformContract = (
  name: string,
  open: () => Promise<PlatformTrial>,
  exceptions: { readonly [P in Promised]?: string } = {},
): void => {
  void describe(`the platform ${name}`, () => {
    ranOn('platform', name)
    const promise = (promised: Promised, check: (trial: PlatformTrial) => Promise<void>) =>
      test(promised, { skip: exceptions[promised] ?? false }, async () => {
        await using trial = await open()
        await check(trial)
      })

    promise(
      'a post gives its id and the address under which replies to it come',
      async ({ platform, channel, reply, heard, shown }) => {
        const first = await platform.post(channel, hello)
        const second = await platform.post(first.address, { text: 'second' })
        assert.notEqual(first.messageId, second.messageId)
        assert.equal(second.address, first.address)
        assert.ok((await shown(first.address)).includes('second'))
        await reply(first, 'an answer')
        const [said] = await heard(1)
        assert.equal(said?.address, first.address)
        assert.ok(first.address.startsWith(`${name}:`))
        assert.ok(said?.channel === channel || said?.address === channel)
      },
    )

    promise('an edit changes the message and adds none', async ({ platform, channel, shown }) => {
      const { address, messageId } = await platform.post(channel, { ...hello, buttons: [button] })
      const { messageId: inside } = await platform.post(address, { text: 'inside' })
      await platform.edit(address, messageId, { text: 'changed' })
      await platform.edit(address, inside, { text: 'changed too' })
      assert.deepEqual(await shown(address), ['changed', 'changed too'])
    })

    promise('a post repeated under its name is one message', async ({ platform, channel, shown }) => {
      const first = await platform.post(channel, hello, 'c1/status/j1/0')
      assert.deepEqual(await platform.post(channel, hello, 'c1/status/j1/0'), first)
      await platform.post(first.address, hello, 'c1/end/j1/0')
      await platform.post(first.address, hello, 'c1/end/j1/0')
      assert.equal((await shown(first.address)).length, 2)
    })

    promise('a call that is too fast says how long to wait', async ({ platform, channel, limit }) => {
      const { address, messageId } = await platform.post(channel, hello)
      const says = (error: unknown) => {
        assert.ok(error instanceof Limited, String(error))
        assert.ok(error.retryAfterMs >= 1000 && error.retryAfterMs < 3000, `${error.retryAfterMs} ms`)
        return true
      }
      limit(address, 2)
      await assert.rejects(platform.post(address, hello), says)
      limit(address, 2)
      await assert.rejects(platform.edit(address, messageId, hello), says)
    })

    promise('what is gone can take no post and no edit', async ({ platform, channel, gone }) => {
      const [address, messageId] = gone
      await assert.rejects(platform.post(address, hello), Undeliverable)
      await assert.rejects(platform.edit(address, messageId, hello), Undeliverable)
      const posted = await platform.post(channel, hello)
      await assert.rejects(platform.edit(posted.address, messageId, hello), Undeliverable)
    })

    promise(
      'a pressed button comes back with its verb and job, and the address of its message',
      async ({ platform, channel, press, heard, person, personName }) => {
        const root = await platform.post(channel, { ...hello, buttons: [button] })
        const inside = await platform.post(root.address, { ...hello, buttons: [button] })
        await press(root)
        await press(inside)
        for (const one of await heard(2))
          assert.deepEqual(
            one.type === 'pressed' && [one.verb, one.job, one.address, one.person, one.personName],
            ['cancel', 'j1', root.address, person, personName],
          )
      },
    )

    promise('its own messages are not heard', async ({ platform, channel, direct, heard }) => {
      const { address, messageId } = await platform.post(channel, hello)
      await platform.post(address, { text: 'more' })
      await platform.edit(address, messageId, { text: 'changed' })
      await direct('that is all')
      assert.deepEqual(
        (await heard(1)).map(one => one.type === 'said' && one.text),
        ['that is all'],
      )
    })

    promise(
      'a mention, a reply, a direct message and a command come as what they are',
      async ({ platform, channel, mention, direct, reply, command, heard, person, personName }) => {
        await mention('fix it')
        await heard(1)
        await reply(await platform.post(channel, hello), 'and this')
        await heard(2)
        await direct('hi')
        await heard(3)
        await command('run in=shop -- fix it')
        const all = (await heard(4)) as readonly Said[]
        assert.deepEqual(
          all.map(({ type, how, text, files }) => [type, how, text, files]),
          [
            ['said', 'mention', 'fix it', []],
            ['said', 'reply', 'and this', []],
            ['said', 'direct', 'hi', []],
            ['said', 'command', all[3]?.text, []],
          ],
        )
        assert.match(all[3]?.text ?? '', /^run in="?shop"? -- fix it$/)
        for (const said of all) {
          assert.deepEqual([said.platform, said.person, said.personName], [name, person, personName])
          assert.ok(said.team.startsWith(`${name}:`) && said.channel.startsWith(`${name}:`))
        }
        const [mentioned, replied, alone, commanded] = all
        assert.equal(mentioned?.channel, channel)
        assert.notEqual(mentioned?.address, replied?.address)
        assert.notEqual(alone?.address, undefined)
        assert.equal(commanded?.address, undefined)
        // What is posted where a mention would open its thread is found under that address.
        const answered = await platform.post(mentioned?.address ?? '', hello)
        assert.equal(answered.address, mentioned?.address)
      },
    )

    promise('the same envelope twice is the same to the letter', async ({ direct, heard, again }) => {
      await direct('do it')
      const [before] = await heard(1)
      assert.deepEqual(await again(), [before, before])
    })

    promise('an envelope that could not be handled is not done', async ({ direct, heard, again, fail }) => {
      await direct('do it')
      await heard(1)
      fail()
      await assert.rejects(again(), /the disk is full/)
    })

    promise('a stored file is posted, one that is gone cannot be', async ({ platform, channel, shown }) => {
      const { address } = await platform.post(channel, hello)
      const posted = await platform.post(address, { text: '', file: { id: 'f1', name: 'out.txt' } })
      assert.equal(posted.address, address)
      assert.deepEqual(await shown(address), ['hello', 'out.txt'])
      const missing = { id: 'f2', name: 'gone.txt' }
      await assert.rejects(platform.post(address, { text: '', file: missing }), Undeliverable)
    })

    promise(
      'what is for one person is shown to nobody else',
      async ({ platform, channel, person, shown, alone }) => {
        const { address } = await platform.post(channel, hello)
        const secret = { text: 'your link', onlyFor: person }
        const posted = await platform.post(address, secret)
        assert.equal(posted.address, address)
        assert.deepEqual(await shown(address), ['hello'])
        assert.deepEqual(await alone(), ['your link'])
        await assert.rejects(platform.edit(address, posted.messageId, secret), Undeliverable)
      },
    )
  })
}
