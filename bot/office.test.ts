import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { Bell } from '../store/bell.ts'
import { openLocalBell } from '../store/local-bell.ts'
import { openSqlite } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { openClock } from '../test/clock.ts'
import type { OfficeState } from './office.ts'
import { openOffice } from './office.ts'

class Unreachable extends Error {
  override name = 'Unreachable'
}

/** Processes that share a store and compete for one office, on a clock that the test moves. */
const openRace = async () => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-office-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const store = opening.use(openSqlite(join(folder, 'db')))
  const bell = opening.use(openLocalBell())
  const clock = openClock()
  const time = () => clock.now().getTime()
  /** What is done in the office: who began and ended to hold it, and when, in seconds. */
  const events: string[] = []
  const note = (what: string) => void events.push(`${time() / 1000 - begun} ${what}`)
  const begun = time() / 1000
  let away: 'no' | 'throws' | 'hangs' = 'no'
  let back = Promise.withResolvers<void>()

  /** One process; what it does stands still while it is frozen, as after SIGSTOP, and for ever once it is killed. */
  const start = (holder: string, { deaf = false } = {}) => {
    let thaw: PromiseWithResolvers<void> | undefined
    const awake = async () => {
      while (thaw) await thaw.promise
    }
    const own: Store = new Proxy(store, {
      get:
        (_, verb: keyof Store) =>
        async (...args: unknown[]) => {
          await awake()
          if (away === 'hangs') await back.promise
          if (away === 'throws') throw new Unreachable('The database does not answer.')
          const answer = await (store[verb] as (...args: unknown[]) => Promise<unknown>)(...args)
          await awake()
          return answer
        },
    })
    const quiet: Bell = { ...bell, on: () => () => {}, ring: () => {} }
    const stop = new AbortController()
    const states: OfficeState[] = []
    let did = 0
    const office = openOffice({
      store: own,
      bell: deaf ? quiet : bell,
      name: 'bot',
      holder,
      now: clock.now,
      tick: time,
      wait: async (ms, signal) => {
        await clock.wait(ms, signal)
        await awake()
      },
      changed: state => states.push(state),
    })
    const done = office.hold(async signal => {
      note(`${holder} begins`)
      try {
        while (!signal.aborted) {
          await clock.wait(100, signal)
          await awake()
          await office.store.get('users', 'nobody')
          await office.sure()
          did = time()
        }
      } finally {
        note(`${holder} ends`)
      }
    }, stop.signal)
    done.catch(() => {})
    return {
      office,
      done,
      states,
      /** When it last did what only the holder may. */
      did: () => did,
      freeze: () => {
        thaw ??= Promise.withResolvers()
      },
      wake: () => {
        thaw?.resolve()
        thaw = undefined
      },
      stop: async () => {
        stop.abort()
        await clock.pass(1)
        await done
      },
    }
  }
  const opened = opening.move()
  return {
    store,
    clock,
    events,
    start,
    goAway: (how: 'throws' | 'hangs') => {
      away = how
    },
    comeBack: () => {
      away = 'no'
      back.resolve()
      back = Promise.withResolvers()
    },
    seconds: () => time() / 1000 - begun,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

suite('an office', () => {
  test('is held by one of three, for as long as it lives', async () => {
    await using race = await openRace()
    const bots = ['a', 'b', 'c'].map(name => race.start(name))
    await race.clock.pass(120_000)
    assert.equal(race.events.length, 1)
    assert.deepEqual(bots.map(({ states }) => states.at(-1)?.office ?? 'waiting').toSorted(), [
      'held',
      'waiting',
      'waiting',
    ])
    for (const bot of bots) await bot.stop()
  })

  test('is another’s at once when its holder stops, and after two seconds where no bell is heard', async () => {
    await using race = await openRace()
    const a = race.start('a')
    await race.clock.pass(1000)
    const b = race.start('b')
    await race.clock.pass(20_500)
    await a.stop()
    assert.deepEqual(race.events, ['0 a begins', '21.5 a ends', '21.5 b begins'])
    const c = race.start('c', { deaf: true })
    await race.clock.pass(10_000)
    await b.stop()
    await race.clock.pass(2000)
    assert.equal(race.events.at(-1)?.slice(-8), 'c begins')
    await c.stop()
    assert.equal(await race.store.get('leases', 'bot'), undefined)
  })

  for (const after of [0, 700, 1500, 2900])
    test(`is another’s within 15 s when its holder is killed ${after} ms after a renewal`, async () => {
      await using race = await openRace()
      const a = race.start('a')
      await race.clock.pass(500)
      const waiting = ['b', 'c'].map(name => race.start(name))
      await race.clock.pass(29_600 + after)
      const killed = race.seconds()
      a.freeze()
      await race.clock.pass(15_000)
      const [, taken, ...more] = race.events
      assert.match(taken ?? '', /[bc] begins/)
      assert.deepEqual(more, [])
      const took = Number.parseFloat(taken ?? '') - killed
      assert.ok(took >= 5 && took <= 13, `it took ${took} s`)
      await Promise.all(waiting.map(bot => bot.stop()))
    })

  test('is its own again at once for who comes back under the same name', async () => {
    await using race = await openRace()
    const killed = race.start('a')
    await race.clock.pass(1000)
    killed.freeze()
    const b = race.start('b')
    await race.clock.pass(1000)
    const again = race.start('a')
    await race.clock.pass(1)
    assert.deepEqual(
      race.events,
      ['0 a begins', '2.001 a begins'].map(line => line.replace('2.001', '2')),
    )
    await b.stop()
    await again.stop()
  })

  test('does nothing more through a holder that was stopped for a minute and goes on', async () => {
    await using race = await openRace()
    const a = race.start('a')
    await race.clock.pass(10_000)
    const b = race.start('b')
    await race.clock.pass(10_000)
    a.freeze()
    const last = a.did()
    await race.clock.pass(60_000)
    a.wake()
    await race.clock.pass(5000)
    assert.equal(a.did(), last)
    assert.equal(b.did() > last + 60_000, true)
    assert.deepEqual(
      race.events.map(line => line.replace(/^\S+ /, '')),
      ['a begins', 'b begins', 'a ends'],
    )
    await assert.rejects(a.office.store.get('users', 'nobody'), { name: 'NotHeld' })
    await a.stop()
    await b.stop()
  })

  test('is not handed to a waiting process that was stopped itself for a minute', async () => {
    await using race = await openRace()
    const a = race.start('a')
    await race.clock.pass(1000)
    const b = race.start('b')
    await race.clock.pass(10_000)
    b.freeze()
    await race.clock.pass(60_000)
    b.wake()
    await race.clock.pass(30_000)
    assert.deepEqual(race.events, ['0 a begins'])
    await a.stop()
    await b.stop()
  })

  for (const how of ['throws', 'hangs'] as const)
    test(`stays with its holder while the store ${how} for a minute, and its work goes on by itself`, async () => {
      await using race = await openRace()
      const a = race.start('a')
      await race.clock.pass(1000)
      const b = race.start('b')
      await race.clock.pass(10_000)
      race.goAway(how)
      await race.clock.pass(60_000)
      assert.ok(a.did() <= 11_000 + Date.parse('2026-01-01'))
      assert.deepEqual(a.states.at(-1), { office: 'held', store: 'away' })
      race.comeBack()
      await race.clock.pass(30_000)
      assert.deepEqual(race.events, ['0 a begins'])
      assert.ok(a.did() > Date.parse('2026-01-01') + 95_000)
      assert.deepEqual(a.states.at(-1), { office: 'held', store: 'ok' })
      await a.stop()
      await b.stop()
    })

  test('is left without waiting while the store is away', async () => {
    await using race = await openRace()
    const a = race.start('a')
    await race.clock.pass(5000)
    race.goAway('throws')
    await race.clock.pass(20_000)
    const stopping = a.stop()
    await race.clock.pass(3000)
    await stopping
    race.comeBack()
  })

  test('ends with what its work throws, and is free then', async () => {
    await using race = await openRace()
    const stop = new AbortController()
    const office = openOffice({
      store: race.store,
      bell: openLocalBell(),
      name: 'bot',
      holder: 'a',
      now: race.clock.now,
    })
    const work = async () => {
      throw new Error('the disk is full')
    }
    await assert.rejects(office.hold(work, stop.signal), /disk is full/)
    assert.equal(await race.store.get('leases', 'bot'), undefined)
  })
})
