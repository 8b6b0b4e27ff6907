import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setInterval } from 'node:timers/promises'
import { openLocalBell } from '../store/local-bell.ts'
import { openSqlite } from '../store/sqlite.ts'
import { openTestSlack } from '../test/slack.ts'
import { runOutbox, want } from './outbox.ts'
import { openSlack } from './slack.ts'

/** The real thing is three minutes long; a sample shows the same rules at work. */
const seconds = process.env.SOAK ? 180 : 20

test(`50 live threads of a team keep Slack's limits for ${seconds} seconds, one channel being refused meanwhile`, async () => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-pace-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const store = opening.use(openSqlite(join(folder, 'db')))
  const bell = opening.use(openLocalBell())
  const slack = opening.use(await openTestSlack({ channels: 10 }))
  const platform = opening.use(
    openSlack({
      token: slack.token,
      apiUrl: slack.apiUrl,
      readFile: async () => undefined,
      incoming: async () => {},
    }),
  )
  const warned: unknown[] = []
  const stop = new AbortController()
  const outbox = runOutbox({
    store,
    bell,
    platforms: new Map([['slack', platform]]),
    now: () => new Date(),
    signal: stop.signal,
    log: { warn: (what: unknown) => void warned.push(what) },
  })
  opening.defer(() => outbox)
  opening.defer(() => stop.abort())

  const threads = Array.from({ length: 50 }, (_, n) => ({
    id: `c${n}`,
    channel: slack.channels[n % 10] ?? '',
  }))
  for (const { id, channel } of threads)
    await store.put('conversations', {
      _id: id,
      rev: 0,
      platform: 'slack',
      team: `slack:${slack.team}`,
      channel: `slack:${slack.team}:${channel}`,
      createdAt: new Date().toISOString(),
    })
  const wants = (conversation: string, slot: string, text: string, urgent: boolean) =>
    want(
      store,
      bell,
      { platform: 'slack', conversation, slot, urgent, message: { text } },
      new Date().toISOString(),
    )
  const posted = (text: string) =>
    slack.calls.find(call => call.ok && call.method === 'chat.postMessage' && call.text === text)

  await Promise.all(threads.map(({ id }) => wants(id, 'status', `status of ${id}`, false)))
  await slack.until(() => threads.every(({ id }) => posted(`status of ${id}`)), 30_000)

  const refused = slack.channels[3]
  const limitedFrom = Date.now()
  slack.limit(refused ?? '', 8)
  const ends = new Map<string, { readonly at: number; readonly channel: string }>()
  let second = 0
  for await (const _ of setInterval(1000)) {
    if (++second > seconds) break
    await Promise.all(threads.map(({ id }) => wants(id, 'status', `status of ${id} at ${second}`, false)))
    if (second % 2 === 0) continue
    const { id, channel } = threads[second % 50]!
    ends.set(`end ${second}`, { at: Date.now(), channel })
    await wants(id, `end/${second}`, `end ${second}`, true)
  }
  await slack.until(() => [...ends.keys()].every(posted), 20_000)

  assert.ok(slack.mostEdits() <= 45, `${slack.mostEdits()} edits in a minute`)
  assert.ok(slack.mostEdits() >= Math.min(40, seconds / 2), `only ${slack.mostEdits()} edits in a minute`)
  for (const [channel, calls] of Map.groupBy(
    slack.calls.filter(({ method }) => method === 'chat.postMessage'),
    ({ channel }) => channel,
  ))
    for (const [n, { at }] of calls.entries()) {
      const gap = at - (calls[n - 1]?.at ?? 0)
      assert.ok(gap >= 1000, `two posts in ${channel} within ${gap} ms`)
    }
  for (const [text, { at, channel }] of ends) {
    const late = (posted(text)?.at ?? 0) - at
    const allowed = channel === refused && at < limitedFrom + 9000 ? 12_000 : 3000
    assert.ok(late <= allowed, `${text} came ${late} ms late`)
  }
  assert.equal(slack.calls.filter(({ status }) => status === 429).length, 1)
  assert.deepEqual(warned, [])
})
