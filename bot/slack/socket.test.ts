import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { pino } from 'pino'
import { drain } from '../../store/drain.ts'
import { openLocalBell } from '../../store/local-bell.ts'
import { openSqlite } from '../../store/sqlite.ts'
import type { Store } from '../../store/store.ts'
import { until } from '../../test/house.ts'
import { openSocketSlack } from '../../test/slack-socket.ts'
import type { Incoming } from '../platform.ts'
import { openSlack } from '../slack.ts'
import { openSlackSockets } from './socket.ts'

const now = () => new Date()
const sentence = 'Bellhop cannot reach its database right now, so this was not taken. Try again in a minute.'

/** The stand-in Slack in Socket Mode, a real store, and as many listeners as `listen` is called. */
const open = async (pausesMs?: readonly number[]) => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-socket-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const store = opening.use(openSqlite(join(folder, 'db')))
  const bell = opening.use(openLocalBell())
  const slack = opening.use(await openSocketSlack(pausesMs && { pausesMs: [...pausesMs] }))
  const lines: string[] = []
  const stream = new Writable({
    write: (line, _, done) => {
      lines.push(JSON.parse(String(line)).msg)
      done()
    },
  })
  /** Starts a process's worth of listening; resolves once it hears, unless it is not to be waited for. */
  const listen = async ({
    over = store,
    wait = true,
    pingTimeoutMs = 10_000,
    token = slack.appToken,
  } = {}) => {
    const { apiUrl } = slack
    const log = pino(stream)
    const parts = { appToken: token, apiUrl, store: over, bell, now, log, pingTimeoutMs }
    const sockets = openSlackSockets(parts)
    const stop = new AbortController()
    const over_ = sockets.listen(stop.signal)
    const end = async () => {
      stop.abort()
      await over_
    }
    opened.defer(end)
    if (wait) await until('a socket', async () => sockets.isListening())
    return { ...sockets, end }
  }
  const keys = async () => (await store.find('inbox', { limit: 1000 })).map(({ _id }) => _id)
  const opened = opening.move()
  return { slack, store, bell, lines, listen, keys, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const keyOf = (slack: { team: string; channels: readonly string[] }, ts: string) =>
  `slack:${slack.team}:${slack.channels[0]}:${ts}`

void describe('slack, over sockets', { concurrency: 4 }, () => {
  test('a mention, a reply, a direct message, a command and a button are heard once, as what they are', async () => {
    await using box = await open()
    const { slack, store, bell } = box
    await box.listen()
    const heard: Incoming[] = []
    await using platform = openSlack({
      token: slack.token,
      apiUrl: slack.apiUrl,
      readFile: async () => undefined,
      incoming: async one => void heard.push(one),
    })
    const stop = new AbortController()
    const drained = drain({
      ...{ store, bell, now, platform: 'slack', signal: stop.signal },
      handle: envelope => platform.receive(envelope),
    })
    const [channel] = slack.channels
    const { ts } = await slack.mention({ text: 'fix it' })
    await slack.say({ thread: ts, text: 'and the tests' })
    await slack.say({ from: 'bob', channel: await slack.direct('bob'), text: 'hello' })
    await slack.command({ from: 'bob', text: 'jobs' })
    await platform.post(`slack:${slack.team}:${channel}:${ts}`, {
      text: 'running',
      buttons: [{ label: 'Cancel', style: 'danger', press: { verb: 'cancel', job: 'j1' } }],
    })
    const message = await slack.until(() => slack.calls.find(({ blocks }) => blocks[1]?.elements))
    await slack.press({ message, button: 0 })
    await until('the button', async () => heard.at(-1)?.type === 'pressed')
    stop.abort()
    await drained
    assert.deepEqual(
      heard.map(one => (one.type === 'said' ? [one.how, one.text] : [one.verb, one.job])),
      [
        ['mention', 'fix it'],
        ['reply', 'and the tests'],
        ['direct', 'hello'],
        ['command', 'jobs'],
        ['cancel', 'j1'],
      ],
    )
    assert.equal(heard[0]?.key, keyOf(slack, ts))
    assert.deepEqual(
      slack.acks.filter(({ tookMs }) => tookMs >= 3000),
      [],
    )
  })

  test('an envelope is in the inbox before it is acknowledged', async () => {
    await using box = await open()
    const { slack, store } = box
    const gate = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const put: Store['put'] = async (...args) => {
      asked.resolve()
      await gate.promise
      return await store.put(...args)
    }
    await box.listen({ over: { ...store, put } })
    const saying = slack.say({ text: 'hello' })
    await asked.promise
    assert.equal(slack.acks.length, 0)
    gate.resolve()
    const { ts, sent } = await saying
    assert.deepEqual([sent.tries, slack.acks.length], [1, 1])
    assert.deepEqual(await box.keys(), [keyOf(slack, ts)])
  })

  test('a socket that Slack will end is followed by the next before it goes, and nothing is lost or doubled', async () => {
    await using box = await open()
    const { slack } = box
    const { isListening } = await box.listen()
    const said: ReturnType<typeof slack.say>[] = []
    for (let n = 0; n < 50; n++) {
      said.push(slack.say({ text: `word ${n}` }))
      if (n === 20) slack.warn('warning', 1000)
      if (n % 10 === 0) await said.at(-1)
      assert.ok(isListening())
    }
    await until('the second socket', async () => slack.opened === 2)
    await until('the first to go', async () => slack.sockets === 1)
    const all = await Promise.all(said)
    assert.deepEqual(
      all.filter(({ sent }) => sent.status !== 200),
      [],
    )
    assert.deepEqual((await box.keys()).sort(), all.map(({ ts }) => keyOf(slack, ts)).sort())
  })

  test('sockets cut without a word in a burst, and envelopes that come thrice and in any order, lose and double nothing', async () => {
    await using box = await open([0, 100, 500, 1000, 2000, 5000, 5000])
    const { slack } = box
    await Promise.all([box.listen(), box.listen()])
    slack.mischief({ copies: 3, upToMs: 200 })
    const said: ReturnType<typeof slack.say>[] = []
    for (let n = 0; n < 50; n++) {
      said.push(slack.say({ text: `word ${n}` }))
      if (n % 20 === 10) {
        await said[n - 5]
        slack.cut()
      }
    }
    const all = await Promise.all(said)
    assert.deepEqual(
      all.filter(({ sent }) => sent.status !== 200),
      [],
    )
    assert.deepEqual((await box.keys()).sort(), all.map(({ ts }) => keyOf(slack, ts)).sort())
  })

  test('two processes share an app: both hear, and each envelope is stored once', async () => {
    await using box = await open()
    const { slack, store } = box
    const took = [0, 0]
    const over = (n: 0 | 1): Store => ({
      ...store,
      put: (...args) => {
        took[n]!++
        return store.put(...args)
      },
    })
    const [first] = await Promise.all([box.listen({ over: over(0) }), box.listen({ over: over(1) })])
    const say = () => Promise.all(Array.from({ length: 40 }, (_, n) => slack.say({ text: `word ${n}` })))
    await say()
    assert.ok(took[0]! > 0 && took[1]! > 0, `${took}`)
    assert.equal(took[0]! + took[1]!, 40)
    await first.end()
    const [before] = took
    await say()
    assert.equal(took[0], before)
    assert.equal((await box.keys()).length, 80)
  })

  test('one socket too many is refused with a sentence, and let in when another goes', async () => {
    await using box = await open()
    const ten = await Promise.all(Array.from({ length: 10 }, () => box.listen()))
    const last = await box.listen({ wait: false })
    await until('the refusal', async () => box.lines.some(line => /^Slack gives no socket/.test(line)))
    assert.equal(last.isListening(), false)
    await ten[0]?.end()
    await until('the last', async () => last.isListening())
    assert.equal(box.slack.sockets, 10)
  })

  test('a refused token is said in one sentence, again and again, until it is right', async () => {
    await using box = await open()
    const { slack, lines } = box
    slack.refuse('invalid_auth')
    const { isListening } = await box.listen({ wait: false })
    const refusals = () =>
      lines.filter(line => /^Slack refuses a socket \(invalid_auth\).*SLACK_APP_TOKEN/.test(line))
    await until('two refusals', async () => refusals().length >= 2)
    assert.equal(isListening(), false)
    slack.refuse()
    await until('a socket', async () => isListening())
    slack.refuse('invalid_auth')
    slack.cut()
    const before = refusals().length
    await until('a refusal on the way back', async () => refusals().length > before)
    assert.equal(isListening(), false)
    slack.refuse()
    await until('the socket again', async () => isListening())
    assert.equal((await slack.say({ text: 'hello' })).sent.status, 200)
  })

  test("a bot's token in the place of the app's is refused, and so is a wrong one", async () => {
    await using box = await open()
    for (const [token, error] of [
      [box.slack.token, 'not_allowed_token_type'],
      ['xapp-wrong', 'invalid_auth'],
    ] as const) {
      const { isListening, end } = await box.listen({ token, wait: false })
      await until(error, async () => box.lines.some(line => line.includes(error)))
      assert.equal(isListening(), false)
      await end()
    }
  })

  test('a socket that answers no pings is given up for a new one', async () => {
    await using box = await open()
    const { slack } = box
    await box.listen({ pingTimeoutMs: 300 })
    slack.stall()
    await until('the next socket', async () => slack.opened === 2)
    assert.equal((await slack.say({ text: 'hello' })).sent.status, 200)
  })

  test('it stops when told to, also where Slack says nothing any more or refuses it', {
    timeout: 10_000,
  }, async () => {
    await using box = await open()
    const well = await box.listen()
    const stalled = await box.listen()
    await well.end()
    assert.equal(well.isListening(), false)
    box.slack.stall()
    await stalled.end()
    assert.equal(stalled.isListening(), false)
    box.slack.refuse('team_disabled')
    const refused = await box.listen({ wait: false })
    await until('the refusal', async () => box.lines.some(line => /team_disabled/.test(line)))
    await refused.end()
    const asked = box.slack.hush()
    const unanswered = await box.listen({ wait: false })
    await asked
    await unanswered.end()
  })
})

void describe('slack, over sockets, while the database is away', { concurrency: 4 }, () => {
  const away = {
    'throws at once': () => Promise.reject(new Error('no server')),
    'never answers': () => new Promise<never>(() => {}),
  }
  for (const [how, put] of Object.entries(away))
    test(`it ${how}: events come again, and who gives a command or presses a button is told`, async () => {
      await using box = await open([0, 500, 1000, 5000])
      const { slack, store } = box
      let fails = true
      const over: Store = { ...store, put: (...args) => (fails ? put() : store.put(...args)) }
      await box.listen({ over })
      const [channel] = slack.channels
      const message = {
        at: 0,
        method: 'chat.postMessage',
        channel,
        ts: '1.1',
        text: '',
        ok: true,
        status: 200,
      }
      const elements = [{ action_id: 'hop:0', value: '{"verb":"cancel","job":"j1"}' }]
      const saying = slack.say({ text: 'hello' })
      const [command, press] = await Promise.all([
        slack.command({ text: 'jobs' }),
        slack.press({ message: { ...message, blocks: [{ type: 'actions', elements }] }, button: 0 }),
      ])
      assert.deepEqual([command.status, press.status], [200, 200])
      assert.deepEqual(JSON.parse(command.body), { response_type: 'ephemeral', text: sentence })
      assert.deepEqual(slack.responses, [
        { response_type: 'ephemeral', text: sentence, replace_original: false },
      ])
      assert.deepEqual(
        slack.acks.filter(({ type }) => type === 'events_api'),
        [],
      )
      fails = false
      const { ts, sent } = await saying
      assert.equal(sent.status, 200)
      assert.ok(sent.tries > 1)
      assert.deepEqual(await box.keys(), [keyOf(slack, ts)])
      const stored = await store.get('inbox', keyOf(slack, ts))
      assert.match(JSON.stringify(stored?.body), /"retryNum":[1-4]/)
    })

  test('a command that is kept too late is never handled, as its person was told to repeat it', async () => {
    await using box = await open()
    const { slack, store } = box
    const gate = Promise.withResolvers<void>()
    const over: Store = {
      ...store,
      put: async (kind, record) => {
        await gate.promise
        return await store.put(kind, record)
      },
    }
    await box.listen({ over })
    const { body } = await slack.command({ text: 'run it' })
    assert.equal(JSON.parse(body).text, sentence)
    gate.resolve()
    await until('the late command to be taken back', async () => {
      const [late] = await store.find('inbox', { limit: 10 })
      return late?.rev === 2 && late.state === 'done'
    })
  })
})
