import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { pino } from 'pino'
import type { Intake } from '../runner/intake.ts'
import { receive } from '../store/inbox.ts'
import type { Inbox, Message } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { openDesk } from '../test/desk.ts'
import { until } from '../test/house.ts'
import { runBot } from './bot.ts'
import type { OfficeState } from './office.ts'
import type { Incoming } from './platform.ts'

class Unreachable extends Error {
  override name = 'Unreachable'
}

interface Call {
  readonly by: string
  readonly address: string
  readonly text: string
}

/** A team that speaks to bots which share a store and a platform; a bot can be cut off from the store, or stopped. */
const openTeam = async () => {
  const desk = await openDesk()
  const open = new AsyncDisposableStack()
  open.use(desk)
  const { store, bell, now } = desk
  const posts: Call[] = []
  const edits: Call[] = []
  let count = 0

  const start = (name: string) => {
    let cut: 'no' | 'throws' | 'loses answers' = 'no'
    let thaw: PromiseWithResolvers<void> | undefined
    const awake = async () => {
      while (thaw) await thaw.promise
    }
    const distant = <T extends object>(there: T): T =>
      new Proxy(there, {
        get:
          (_, verb) =>
          async (...args: unknown[]) => {
            await awake()
            if (cut === 'throws') throw new Unreachable('The database does not answer.')
            const call = there[verb as keyof T] as (...args: unknown[]) => Promise<unknown>
            const answer = await call(...args)
            await awake()
            if (cut === 'loses answers') throw new Unreachable('The database did not answer.')
            return answer
          },
      })
    const states: OfficeState[] = []
    const stop = new AbortController()
    const show = async (kind: Call[], address: string, { text }: Message) => {
      await awake()
      kind.push({ by: name, address, text })
      const messageId = `m${++count}`
      return { messageId, address: address.split(':').length > 3 ? address : `${address}:${messageId}` }
    }
    const gates: Promise<void>[] = []
    const done = runBot(
      {
        store: distant<Store>(store),
        bell,
        intake: distant<Intake>(desk.intake),
        holder: name,
        platforms: async incoming => [
          {
            name: 'slack',
            limits: { text: 4000, postEveryMs: 0, editsPerMinute: Number.POSITIVE_INFINITY },
            post: (address, message) => show(posts, address, message),
            edit: async (address, _, message) => void (await show(edits, address, message)),
            receive: async ({ _id: key, receivedAt: at, body }: Inbox) => {
              await gates.shift()
              await incoming({ ...(body as Incoming), key, at })
            },
            laneOf: ({ _id }) => _id,
            [Symbol.asyncDispose]: async () => {},
          },
        ],
        defaultRoles: { slack: 'member' },
        admins: [],
        publicUrl: 'https://hop.test',
        log: pino({ level: 'silent' }),
        now,
        changed: state => states.push(state),
      },
      stop.signal,
    )
    open.defer(() => done)
    open.defer(() => {
      cut = 'no'
      thaw?.resolve()
      thaw = undefined
      stop.abort()
    })
    return {
      state: () => states.at(-1) ?? { office: 'waiting', store: 'ok' },
      cut: (how: typeof cut) => {
        cut = how
      },
      /** Holds the next envelope up as it is handed over. */
      gate: () => {
        const { promise, resolve } = Promise.withResolvers<void>()
        gates.push(promise)
        return { open: resolve, reached: () => gates.length === 0 }
      },
      freeze: () => {
        thaw ??= Promise.withResolvers()
      },
      wake: () => {
        thaw?.resolve()
        thaw = undefined
      },
      stop: async () => {
        stop.abort()
        await done
      },
    }
  }

  const said = { type: 'said', platform: 'slack', team: 'slack:T1', channel: 'slack:T1:C1', files: [] }
  const mention = async (text: string) => {
    const address = `slack:T1:C1:${text}`
    const body = { ...said, how: 'mention', person: 'slack:T1:UANN', address, text }
    await receive(store, bell, { key: text, platform: 'slack', at: now().toISOString(), body })
    return address
  }
  /** Each has been answered, and the envelopes are done. */
  const answered = (addresses: readonly string[]) =>
    until(
      'an answer to each message',
      async () =>
        addresses.every(address => posts.some(post => post.address === address)) &&
        (await store.count('inbox', { platform: 'slack', state: 'new' })) === 0,
    )
  return {
    ...desk,
    posts,
    edits,
    start,
    mention,
    answered,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

const texts = Array.from({ length: 20 }, (_, n) => `ask-${n}`)
const [early, late] = [texts.slice(0, 10), texts.slice(10)]
const started = { type: 'started', runner: 'r' } as const
const opened = { type: 'opened', sandbox: 'bubblewrap' } as const

void suite('bots that share a store', { concurrency: true }, () => {
  test('give one answer per message, also when one is stopped in its work, is followed and goes on', async () => {
    await using team = await openTeam()
    const a = team.start('a')
    await until('the office', async () => a.state().office === 'held')
    const b = team.start('b')
    const first = await Promise.all(early.map(team.mention))
    await team.answered(first.slice(0, 3))
    a.freeze()
    const stopped = Date.now()
    const addresses = [...first, ...(await Promise.all(late.map(team.mention)))]
    await until('the other bot', async () => b.state().office === 'held')
    assert.ok(Date.now() - stopped < 15_000)
    await team.answered(addresses)
    a.wake()
    await until('the first to see it', async () => a.state().office === 'waiting')
    await b.stop()
    await a.stop()
    assert.equal((await team.jobs()).length, 20)
    const per = Map.groupBy(team.posts, ({ address }) => address)
    // One call of the stopped bot may have been on its way as it was stopped.
    const doubled = [...per.values()].filter(posts => posts.length > 1).length
    assert.ok(doubled <= 1, `${doubled} messages have several answers`)
  })

  test('hand over at once when one ends, and lose nothing', async () => {
    await using team = await openTeam()
    const a = team.start('a')
    await until('the office', async () => a.state().office === 'held')
    const b = team.start('b')
    const first = await Promise.all(early.map(team.mention))
    await team.answered(first.slice(0, 2))
    await a.stop()
    const all = [...first, ...(await Promise.all(late.map(team.mention)))]
    await team.answered(all)
    assert.equal(b.state().office, 'held')
    assert.deepEqual(team.posts.map(({ address }) => address).toSorted(), all.toSorted())
  })

  test('hold their work up while the database is away, tell the thread once, and go on by themselves', async () => {
    await using team = await openTeam()
    const a = team.start('a')
    const thread = await team.mention('first')
    await team.answered([thread])
    const [job] = await team.jobs()
    await team.happen(job?._id ?? '', started, opened)
    await until('the status', async () => team.edits.some(({ text }) => text.includes('Running')))
    const gate = a.gate()
    const second = await team.mention('second')
    await until('the second message in hand', async () => gate.reached())

    a.cut('loses answers')
    gate.open()
    await new Promise(resolve => setTimeout(resolve, 500))
    a.cut('throws')
    await team.happen(job?._id ?? '', {
      type: 'ended',
      outcome: 'succeeded',
      reason: 'done',
      summary: 'All is well.',
    })
    const third = await team.mention('third')
    const before = team.posts.length
    await until('people to be told', async () => team.posts.length > before)
    await new Promise(resolve => setTimeout(resolve, 4000))
    assert.deepEqual(
      team.posts.slice(before).map(({ address, text }) => [address, text.slice(0, 37)]),
      [[thread, '⏳ Bellhop cannot reach its database r']],
    )
    assert.deepEqual(a.state(), { office: 'held', store: 'away' })

    a.cut('no')
    await team.answered([second, third])
    await until('the end', async () => team.posts.some(({ text }) => text.includes('All is well.')))
    await until('the outage to be over', async () => team.edits.some(({ text }) => /It can again/.test(text)))
    await a.stop()
    const envelopes = await team.store.find('inbox', {})
    assert.deepEqual(
      envelopes.map(({ state, tries }) => [state, tries]),
      Array(3).fill(['done', 0]),
    )
    assert.equal((await team.jobs()).length, 3)
    for (const address of [second, third])
      assert.equal(team.posts.filter(post => post.address === address).length, 1)
    assert.equal(team.posts.filter(({ address }) => address === thread).length, 3)
  })

  test('say nothing of an outage that is short', async () => {
    await using team = await openTeam()
    const a = team.start('a')
    const thread = await team.mention('first')
    await team.answered([thread])
    a.cut('throws')
    await until('the outage to be seen', async () => a.state().store === 'away')
    a.cut('no')
    await until('its end', async () => a.state().store === 'ok')
    await team.answered([await team.mention('second')])
    assert.equal(team.posts.length, 2)
  })
})
