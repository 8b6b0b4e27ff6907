import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { engine, skipOf } from './engines.ts'
import type { RunningHouse } from './house.ts'
import { startHouse, until } from './house.ts'
import type { Slack } from './slack.ts'
import { openTestSlack } from './slack.ts'

const skip = skipOf(await engine('bubblewrap'))

interface Job {
  readonly id: string
  readonly state: string
  readonly prompt: string
  readonly commit: string
  readonly thread: string
}

/** The whole product in a process of its own, over Slack's HTTP mode, with jobs in bubblewrap boxes. */
void describe('slack, end to end', { skip }, () => {
  let slack: Slack
  let house: RunningHouse
  let data: string

  before(async () => {
    slack = await openTestSlack({ pausesMs: [50, 100, 200] })
    data = await mkdtemp(join(tmpdir(), 'bellhop-e2e-'))
    house = await startHouse({
      BELLHOP_DATA: data,
      SANDBOX: 'bubblewrap',
      AGENT: 'script',
      SLACK_BOT_TOKEN: slack.token,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
    })
    slack.sendTo(`${house.url}/slack/events`)
  })
  after(async () => {
    assert.equal(await house.stop(), 0, house.printed())
    await slack[Symbol.asyncDispose]()
    await rm(data, { recursive: true })
  })

  const jobs = async () => ((await (await house.api('/jobs')).json()) as { items: readonly Job[] }).items
  const jobOf = (prompt: string) =>
    until(`the job "${prompt}"`, async () => (await jobs()).find(job => job.prompt.includes(prompt)))
  /** Messages of the bot in a thread, as they stand now, once one of them fits. */
  const shown = async (channel: string, thread: string, pattern: RegExp) => {
    const text = await until(`${pattern} in the thread`, async () =>
      (await slack.texts(channel, thread)).find(text => pattern.test(text)),
    )
    return text
  }
  const file = async (path: string) => await (await house.api(`/workspaces/main/files/${path}`)).text()

  test('a command in a channel is acknowledged, shown, updated and ended, and its commit is in the workspace', async () => {
    const [channel] = slack.channels
    assert.equal(
      (await slack.command({ channel, text: 'sh echo from slack > a.txt; echo all good' })).status,
      200,
    )
    const status = await slack.until(() =>
      slack.calls.find(call => call.method === 'chat.postMessage' && call.ok),
    )
    const thread = String(status.ts)
    assert.match(await shown(channel, thread, /Done[\s\S]*all good/), /a\.txt/)
    await slack.until(() =>
      slack.calls.some(
        call => call.method === 'chat.update' && call.ts === thread && /Done/.test(call.text ?? ''),
      ),
    )
    assert.equal(await file('a.txt'), 'from slack\n')
    assert.equal((await jobOf('from slack')).state, 'succeeded')
  })

  test('a mention makes one job, though Slack sends two events for it; a reply by the requester makes the next', async () => {
    const [, channel] = slack.channels
    const { ts } = await slack.mention({ channel, text: 'run run echo one > b.txt' })
    await shown(channel, ts, /Done/)
    await slack.say({ channel, thread: ts, from: 'bob', text: 'nice one' })
    await slack.say({ channel, thread: ts, text: 'run echo two > b.txt' })
    const reply = await jobOf('echo two')
    await until('the reply to end', async () => (await jobOf('echo two')).state === 'succeeded')
    assert.equal(await file('b.txt'), 'two\n')
    assert.equal(reply.thread, `slack:${slack.team}:${channel}:${ts}`)
    assert.equal((await jobs()).filter(job => job.thread === reply.thread).length, 2)
  })

  test('the same event five times at once makes one job', async () => {
    const [channel] = slack.channels
    const ts = '1763720000.000100'
    const event = {
      type: 'app_mention',
      channel,
      user: slack.people.ada,
      team: slack.team,
      ts,
      event_ts: ts,
      text: `<@${slack.bot}> sh echo five`,
    }
    const sent = await Promise.all(Array.from({ length: 5 }, () => slack.event(event, 'EvFive')))
    assert.deepEqual(
      sent.map(({ status }) => status),
      [200, 200, 200, 200, 200],
    )
    await until('the job to end', async () => (await jobOf('echo five')).state === 'succeeded')
    assert.equal((await jobs()).filter(({ prompt }) => prompt === 'echo five').length, 1)
  })

  test('a direct message is answered there, on a workspace that the team does not see', async () => {
    const channel = await slack.direct()
    await slack.say({ channel, text: 'run echo private > c.txt' })
    await until('the end in the direct message', async () =>
      (await slack.texts(channel)).some(text => /Done/.test(text)),
    )
    assert.equal((await house.api('/workspaces/main/files/c.txt')).status, 404)
  })

  test('a button cancels a running job, and the thread says so', async () => {
    const [, , channel] = slack.channels
    assert.ok(channel)
    const { ts } = await slack.mention({ channel, text: 'sh echo started; sleep 60' })
    const message = await slack.until(() =>
      slack.calls.find(call => call.thread === ts && call.blocks?.some(block => block.elements?.[0]?.value)),
    )
    await until('the job to run', async () => (await jobOf('sleep 60')).state === 'running')
    await slack.press({ message, button: 0 })
    await shown(channel, ts, /Cancelled/)
    await until('the job to end', async () => (await jobOf('sleep 60')).state === 'cancelled')
  })

  test('what cannot be done is said in one sentence in the thread, and leaves no job', async () => {
    const [channel] = slack.channels
    const before = (await jobs()).length
    const long = 'x'.repeat(50_001)
    const bad: readonly [string, RegExp][] = [
      ['dance now', /does not know|dance/],
      ['sh', /command is missing|what.*command|needs/i],
      ['run in=nowhere x', /no workspace "nowhere"/],
      ['run agent=gpt x', /no agent "gpt"/],
      ['run priority=99 x', /priority.*99.*0.*9/],
      ['run budget=-1 x', /budget.*-1/],
      [`run ${long}`, /50,00\d characters.*file/],
    ]
    for (const [text, sentence] of bad) {
      await slack.command({ channel, text })
      await until(`${sentence}`, async () => (await slack.texts(channel)).some(said => sentence.test(said)))
    }
    assert.equal((await jobs()).length, before)
  })

  test('the link to the page is shown to the asker alone, and the bot answered none of its own messages', async () => {
    const [channel] = slack.channels
    await slack.command({ channel, text: 'web' })
    const call = await slack.until(() =>
      slack.calls.find(({ method, text }) => method === 'chat.postEphemeral' && /\/login\//.test(text ?? '')),
    )
    assert.equal(call.user, slack.people.ada)
    const asked = await jobs()
    assert.ok(asked.every(({ prompt }) => !/Done|Queued|Cancelled/.test(prompt)))
  })
})
