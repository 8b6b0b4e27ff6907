import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Who } from '../runner/intake.ts'
import type { Event } from '../store/events.ts'
import type { Job, Outbox } from '../store/records.ts'
import { openDesk } from '../test/desk.ts'
import { runNarrator } from './narrator.ts'

const started: Event = { type: 'started', runner: 'r' }
const opened: Event = { type: 'opened', sandbox: 'process', limits: ['It isolates nothing.'] }
const ended: Event = { type: 'ended', outcome: 'succeeded', reason: 'done', summary: 'All is well.' }

/** A thread whose jobs are asked for by Ann, and a narrator that can be stopped and started. */
const openThread = async () => {
  const desk = await openDesk()
  const { store, bell, intake, now } = desk
  const user = await store.put('users', { _id: 'ann', rev: 0, name: 'Ann', roles: { 'slack:T1': 'member' } })
  assert.ok(user)
  const who: Who = { user, team: 'slack:T1' }
  const thread = {
    platform: 'slack',
    team: 'slack:T1',
    channel: 'slack:T1:C1',
    createdAt: now().toISOString(),
  }
  await store.put('conversations', { _id: 'thread', rev: 0, ...thread })
  const troubles: unknown[] = []
  let stop: AbortController | undefined
  let running: Promise<void> | undefined
  let keys = 0
  const halt = async () => {
    stop?.abort()
    await running
  }
  return {
    ...desk,
    troubles,
    submit: async (prompt: string, agent = 'script'): Promise<Job> => {
      const cause = { key: `k${keys}`, at: new Date(Date.now() + keys++).toISOString() }
      const job = await intake.submit(who, { prompt, agent, conversation: 'thread' }, cause)
      assert.ok(job.ok)
      return job.value
    },
    cancel: (job: Job) => intake.cancel(who, job._id),
    start: (over = intake) => {
      stop = new AbortController()
      const log = { error: (...line: unknown[]) => void troubles.push(line) }
      running = runNarrator({
        store,
        bell,
        intake: over,
        publicUrl: 'https://hop.test',
        log,
        now,
        signal: stop.signal,
      })
    },
    halt,
    shows: (slot: string, fits: RegExp): Promise<Outbox> =>
      desk.posted('thread', row => row.slot === slot && fits.test(row.wanted.text)),
    [Symbol.asyncDispose]: async () => {
      await halt()
      await desk[Symbol.asyncDispose]()
    },
  }
}

suite('the narrator', () => {
  test('shows a job from its place in the queue to its end', async () => {
    await using thread = await openThread()
    thread.start()
    const job = await thread.submit('fix the flaky test')
    const status = `status/${job._id}`
    const first = await thread.shows(status, /Queued.*next in line/)
    assert.match(first.wanted.text, /`fix the flaky test` in main, for Ann/)
    assert.deepEqual(
      first.wanted.buttons?.map(({ label }) => label),
      ['Cancel', 'Open'],
    )
    await thread.happen(job._id, started, opened, {
      type: 'used',
      call: '1',
      tool: 'Bash',
      input: { command: 'npm test' },
    })
    await thread.shows(status, /Running[\s\S]*`Bash: npm test`[\s\S]*It isolates nothing/)
    await thread.happen(job._id, { type: 'exited', code: 0 })
    await thread.shows(status, /Saving its work/)
    await thread.happen(job._id, ended)
    const over = await thread.shows(status, /✅ \*\*Done\*\*/)
    assert.deepEqual(
      over.wanted.buttons?.map(({ label }) => label),
      ['Retry', 'Open'],
    )
    const end = await thread.shows(`end/${job._id}`, /All is well\./)
    assert.equal(end.urgent, true)
    assert.equal((await thread.posts('thread')).length, 2)
    assert.deepEqual(thread.troubles, [])
  })

  test('goes on after a restart, and shows what happened meanwhile without saying anything twice', async () => {
    await using thread = await openThread()
    thread.start()
    const job = await thread.submit('make', 'command')
    await thread.shows(`status/${job._id}`, /Queued/)
    await thread.halt()
    await thread.happen(job._id, started, opened, { type: 'said', text: 'one\ntwo\n' }, ended)
    assert.equal((await thread.posts('thread')).length, 1)
    thread.start()
    await thread.shows(`end/${job._id}`, /```\none\ntwo\n```/)
    await thread.halt()
    const before = await thread.posts('thread')
    thread.start()
    await thread.halt()
    assert.deepEqual(await thread.posts('thread'), before)
    assert.equal(await thread.store.count('deliveries', { done: false }), 0)
  })

  test('writes how far it came only after the outbox has it', async () => {
    await using thread = await openThread()
    thread.start()
    const job = await thread.submit('make')
    await thread.shows(`status/${job._id}`, /Queued/)
    await thread.halt()
    const delivery = await thread.store.get('deliveries', `thread/${job._id}`)
    assert.deepEqual([delivery?.seq, delivery?.done], [1, false])
  })

  test('says that a job waits for the one before it, and that one is being stopped', async () => {
    await using thread = await openThread()
    thread.start()
    const first = await thread.submit('one')
    await thread.happen(first._id, started, opened)
    const second = await thread.submit('two')
    await thread.shows(`status/${second._id}`, /Waiting.* for the job before it/)
    await thread.cancel(first)
    await thread.shows(`status/${first._id}`, /Stopping/)
  })

  test('is held up by no trouble with one job, and tries that again', async () => {
    await using thread = await openThread()
    let broken = true
    thread.start({
      ...thread.intake,
      place: async job => {
        if (broken && job.prompt === 'bad') throw new Error('no place')
        return 7
      },
    })
    const bad = await thread.submit('bad')
    const good = await thread.submit('good')
    await thread.happen(bad._id)
    await thread.shows(`status/${good._id}`, /Waiting/)
    assert.equal(thread.troubles.length > 0, true)
    broken = false
    await thread.shows(`status/${bad._id}`, /7 jobs before it/)
  })

  test('keeps hundreds of jobs with one timer', async () => {
    await using thread = await openThread()
    const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    for (let n = 0; n < 150; n++) await thread.submit(`job ${n}`)
    const before = timers()
    thread.start()
    await thread.shows(`status/${(await thread.submit('the last'))._id}`, /Waiting/)
    assert.ok(timers() <= before + 1, `${timers()} timers, and ${before} before`)
  })
})
