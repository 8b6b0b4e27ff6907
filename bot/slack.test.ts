import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { drain } from '../store/drain.ts'
import { receive } from '../store/inbox.ts'
import { openLocalBell } from '../store/local-bell.ts'
import { readSlack, verifySlack } from '../store/slack-envelope.ts'
import { openSqlite } from '../store/sqlite.ts'
import { openTestSlack } from '../test/slack.ts'
import type { Incoming } from './platform.ts'
import { Limited, Undeliverable } from './platform.ts'
import { openSlack } from './slack.ts'

const now = () => new Date()

/** The stand-in Slack, a small web in front of the inbox, and Bolt behind it. */
const open = async () => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-slack-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const store = opening.use(openSqlite(join(folder, 'db')))
  const bell = opening.use(openLocalBell())
  const slack = opening.use(await openTestSlack({ pausesMs: [] }))
  const { signingSecret } = slack

  const web = createServer(async (request, response) => {
    const rawBody = await text(request)
    const { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': signature } = request.headers
    const signed = { timestamp: String(timestamp), signature: String(signature) }
    const read = readSlack(rawBody, request.headers['content-type'])
    if (!verifySlack({ signingSecret, ...signed, rawBody, now }) || read.kind !== 'envelope')
      return void response.writeHead(400).end()
    const { key, body } = read
    await receive(store, bell, { key, platform: 'slack', at: now().toISOString(), body: { body } })
    response.end()
  })
  web.listen(0, '127.0.0.1')
  await once(web, 'listening')
  opening.defer(async () => {
    web.closeAllConnections()
    web.close()
    await once(web, 'close')
  })
  slack.sendTo(`http://127.0.0.1:${(web.address() as AddressInfo).port}/slack/events`)

  const heard: Incoming[] = []
  const came = new EventEmitter()
  const platform = openSlack({
    token: slack.token,
    apiUrl: slack.apiUrl,
    readFile: async id => (id === 'f1' ? Readable.from(['all of the output']) : undefined),
    incoming: async incoming => {
      heard.push(incoming)
      came.emit('incoming')
    },
  })
  opening.use(platform)
  const stop = new AbortController()
  const drained = drain({
    store,
    bell,
    platform: 'slack',
    handle: envelope => platform.receive(envelope),
    now,
    signal: stop.signal,
  })
  opening.defer(() => drained)
  opening.defer(() => stop.abort())

  /** What was heard before a last mention; the inbox is drained in order, so nothing can still be on its way. */
  const all = async () => {
    await slack.mention({ text: 'that is all' })
    while (heard.at(-1)?.type !== 'said' || !JSON.stringify(heard.at(-1)).includes('that is all'))
      await once(came, 'incoming')
    return heard.slice(0, -1)
  }
  const opened = opening.move()
  return { slack, store, platform, heard, all, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** Without the parts that differ from run to run. */
const plain = (incoming: Incoming | undefined) => {
  const { key: _, at: __, ...rest } = incoming ?? ({} as Incoming)
  return rest
}

void describe('slack, in', () => {
  test('a mention and its twin are heard once, without the mention, with the name of who said it', async () => {
    await using box = await open()
    const { slack } = box
    const { ts } = await slack.mention({ text: 'fix the &lt;b&gt; &amp; <https://a.example/x|the page>' })
    const heard = await box.all()
    const [C] = slack.channels
    assert.deepEqual(heard.map(plain), [
      {
        type: 'said',
        how: 'mention',
        text: 'fix the <b> & the page (https://a.example/x)',
        files: [],
        address: `slack:${slack.team}:${C}:${ts}`,
        platform: 'slack',
        team: `slack:${slack.team}`,
        channel: `slack:${slack.team}:${C}`,
        person: `slack:${slack.team}:${slack.people.ada}`,
        personName: 'ada',
      },
    ])
    assert.equal(heard[0]?.key, `slack:${slack.team}:${C}:${ts}`)
  })

  test('whichever of a mention and its twin comes first, it is a mention', async () => {
    await using box = await open()
    const { slack } = box
    const { ts } = await slack.say({ text: `<@${slack.bot}> hello` })
    const heard = await box.all()
    assert.equal(heard.length, 1)
    assert.deepEqual({ ...heard[0], ts }, { ...heard[0], type: 'said', how: 'mention', text: 'hello', ts })
  })

  test('the same event five times at once is heard once', async () => {
    await using box = await open()
    const { slack } = box
    const [channel] = slack.channels
    const event = {
      type: 'app_mention',
      user: slack.people.bob,
      text: `<@${slack.bot}> go`,
      ts: '17.1',
      channel,
    }
    const sent = await Promise.all(Array.from({ length: 5 }, () => slack.event(event, 'Ev-same')))
    assert.deepEqual(
      sent.map(({ status }) => status),
      [200, 200, 200, 200, 200],
    )
    assert.equal((await box.all()).length, 1)
  })

  test('a command, a reply, a direct message, and a reply to it come as what they are', async () => {
    await using box = await open()
    const { slack } = box
    const [, C] = slack.channels
    const D = await slack.direct('bob')
    await slack.command({ from: 'bob', channel: C, text: 'run fix &lt;it&gt;' })
    await slack.command({ from: 'bob', channel: D, text: 'jobs' })
    const { ts: thread } = await slack.say({ channel: C, text: 'plain talk' })
    await slack.say({ channel: C, thread, text: 'and now the tests' })
    await slack.say({ from: 'bob', channel: D, text: 'hello' })
    await slack.say({ from: 'bob', channel: D, thread: '5.5', text: 'hello again' })
    const heard = await box.all()
    const team = `slack:${slack.team}`
    assert.deepEqual(
      heard.map(one => one.type === 'said' && [one.how, one.text, one.address, one.direct, one.personName]),
      [
        ['command', 'run fix <it>', undefined, undefined, 'bob'],
        ['command', 'jobs', `${team}:${D}`, true, 'bob'],
        ['reply', 'and now the tests', `${team}:${C}:${thread}`, undefined, 'ada'],
        ['direct', 'hello', `${team}:${D}`, undefined, 'bob'],
        ['direct', 'hello again', `${team}:${D}:5.5`, undefined, 'bob'],
      ],
    )
    assert.equal(heard[0]?.channel, `${team}:${C}`)
  })

  test('a pressed button brings its verb and job, and the thread it stands in', async () => {
    await using box = await open()
    const { slack } = box
    const [C] = slack.channels
    const posted = await box.platform.post(`slack:${slack.team}:${C}:9.9`, {
      text: 'running',
      buttons: [
        { label: 'Cancel', style: 'danger', press: { verb: 'cancel', job: 'j1' } },
        { label: 'Open', press: { url: 'https://hop.example/jobs/j1' } },
      ],
    })
    const message = slack.calls.find(({ ts }) => ts === posted.messageId)!
    await slack.press({ from: 'bob', message, button: 0 })
    await slack.press({ message, button: 1 })
    const heard = await box.all()
    assert.deepEqual(heard.map(plain), [
      {
        type: 'pressed',
        verb: 'cancel',
        job: 'j1',
        address: `slack:${slack.team}:${C}:9.9`,
        platform: 'slack',
        team: `slack:${slack.team}`,
        channel: `slack:${slack.team}:${C}`,
        person: `slack:${slack.team}:${slack.people.bob}`,
        personName: 'bob',
      },
    ])
  })

  test('it hears neither itself nor other bots, and no edits, deletions, joins or plain talk', async () => {
    await using box = await open()
    const { slack } = box
    const { team, bot } = slack
    const [channel] = slack.channels
    const address = `slack:${team}:${channel}:1.1`
    const { messageId } = await box.platform.post(address, { text: `<@${bot}> I mention myself` })
    await box.platform.edit(address, messageId, { text: `<@${bot}> and again` })
    const said = { type: 'message', channel, channel_type: 'channel', user: slack.people.ada, team }
    const mention = `<@${bot}> do it`
    await slack.event({ ...said, ts: '2.1', text: 'plain talk' })
    await slack.event({ ...said, ts: '2.15', text: `<@${bot}2> is somebody else` })
    await slack.event({ ...said, ts: '2.2', text: mention, bot_id: 'BOTHER', subtype: 'bot_message' })
    await slack.event({ ...said, type: 'app_mention', ts: '2.3', text: mention, bot_id: 'BOTHER' })
    await slack.event({ ...said, type: 'app_mention', ts: '2.4', text: mention, user: bot })
    await slack.event({ ...said, type: 'app_mention', ts: '2.5', text: mention, edited: { ts: '2.6' } })
    const message = { ...said, ts: '2.1', text: mention }
    await slack.event({
      type: 'message',
      subtype: 'message_changed',
      hidden: true,
      channel,
      ts: '2.7',
      message,
    })
    await slack.event({ type: 'message', subtype: 'message_deleted', channel, ts: '2.8', deleted_ts: '2.1' })
    await slack.event({
      ...said,
      subtype: 'channel_join',
      ts: '2.9',
      text: `<@${slack.people.ada}> has joined`,
    })
    await slack.event({ type: 'reaction_added', user: slack.people.ada, item: { type: 'message', channel } })
    assert.deepEqual(await box.all(), [])
    assert.ok((await box.store.count('inbox', { state: 'done' })) >= 9)
  })

  test('an envelope whose message could not be handled is not done', async () => {
    await using slack = await openTestSlack()
    await using platform = openSlack({
      token: slack.token,
      apiUrl: slack.apiUrl,
      readFile: async () => undefined,
      incoming: async () => {
        throw new Error('the disk is full')
      },
    })
    const event = { type: 'app_mention', user: 'U1', text: 'go', ts: '1.1', channel: 'C1' }
    const body = { body: { type: 'event_callback', team_id: 'T1', api_app_id: 'A1', event } }
    const envelope = {
      _id: 'k',
      rev: 1,
      platform: 'slack',
      receivedAt: 'now',
      body,
      tries: 0,
      state: 'new' as const,
    }
    await assert.rejects(platform.receive(envelope), /the disk is full/)
  })
})

void describe('slack, out', () => {
  test('a message goes into its thread as verbatim blocks with buttons, mentions nobody, and is edited in place', async () => {
    await using box = await open()
    const { slack, platform } = box
    const [C] = slack.channels
    const channel = `slack:${slack.team}:${C}`
    const opens = await platform.post(channel, { text: 'first' })
    assert.equal(opens.address, `${channel}:${opens.messageId}`)
    const wicked = '**done** <!channel> <@U1> @here [x](!here)'
    const buttons = [{ label: 'Retry', style: 'primary', press: { verb: 'retry', job: 'j1' } }] as const
    const posted = await platform.post(opens.address, { text: wicked, buttons })
    assert.equal(posted.address, opens.address)
    await platform.edit(posted.address, posted.messageId, { text: 'changed' })

    const [, call, edit] = slack.calls.filter(({ method }) => method.startsWith('chat.'))
    assert.equal(call?.thread, opens.messageId)
    assert.equal(call?.text, '*done* &lt;!channel&gt; &lt;@U1&gt; @here x (!here)')
    assert.deepEqual(call?.blocks[0]?.text, { type: 'mrkdwn', text: call?.text, verbatim: true })
    assert.deepEqual(
      call?.blocks[1]?.elements?.map(({ value }) => value),
      ['{"verb":"retry","job":"j1"}'],
    )
    assert.equal(edit?.blocks.length, 1)
    assert.deepEqual(await slack.texts(C, opens.messageId), ['first', 'changed'])
  })

  test('what only one person may see is shown to nobody else, and is never edited', async () => {
    await using box = await open()
    const { slack, platform } = box
    const [C] = slack.channels
    const message = { text: 'your link', onlyFor: `slack:${slack.team}:${slack.people.ada}` }
    const posted = await platform.post(`slack:${slack.team}:${C}`, message)
    assert.equal(posted.address, `slack:${slack.team}:${C}`)
    const call = slack.calls.find(({ method }) => method === 'chat.postEphemeral')
    assert.equal(call?.user, slack.people.ada)
    assert.deepEqual(await slack.texts(C), [])
    await assert.rejects(platform.edit(posted.address, posted.messageId, message), Undeliverable)
  })

  test('a stored file is uploaded into the thread; one that is gone cannot be delivered', async () => {
    await using box = await open()
    const { slack, platform } = box
    const [C] = slack.channels
    const { address, messageId } = await platform.post(`slack:${slack.team}:${C}`, { text: 'see below' })
    const file = { id: 'f1', name: 'output.txt' }
    const posted = await platform.post(address, { text: '', file })
    assert.match(posted.messageId, /^F/)
    const done = slack.calls.find(({ method }) => method === 'files.completeUploadExternal')
    assert.deepEqual([done?.ok, done?.channel, done?.thread], [true, C, messageId])
    assert.equal((await slack.texts(C, messageId)).length, 2)
    await assert.rejects(platform.post(address, { text: '', file: { id: 'gone', name: 'x' } }), Undeliverable)
  })

  test('a 429 says how long to wait, a channel that is gone cannot be delivered to, and neither is tried again', async () => {
    await using box = await open()
    const { slack, platform } = box
    const [C] = slack.channels
    slack.limit(C, 7)
    await assert.rejects(platform.post(`slack:${slack.team}:${C}`, { text: 'x' }), (error: unknown) => {
      assert.ok(error instanceof Limited)
      assert.equal(error.retryAfterMs, 7000)
      return true
    })
    await assert.rejects(platform.post(`slack:${slack.team}:CGONE`, { text: 'x' }), Undeliverable)
    await assert.rejects(platform.edit(`slack:${slack.team}:${C}:1.1`, '1.1', { text: 'x' }), Undeliverable)
    assert.equal(slack.calls.filter(({ method }) => method.startsWith('chat.')).length, 3)
  })
})
