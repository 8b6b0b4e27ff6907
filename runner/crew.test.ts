import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Gateway } from '../sandbox/gateway.ts'
import { NoGateway } from '../sandbox/gateway.ts'
import { openGateway } from '../sandbox/local-gateway.ts'
import { openProcess } from '../sandbox/process.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { openBare } from '../store/bare.ts'
import { openBlobs } from '../store/blobs.ts'
import type { Event } from '../store/events.ts'
import { isOver } from '../store/lifecycle.ts'
import { openLocalBell } from '../store/local-bell.ts'
import type { Job } from '../store/records.ts'
import { openSqlite } from '../store/sqlite.ts'
import type { Entry } from '../store/store.ts'
import { tail } from '../store/tail.ts'
import { openCommand } from './agents/command.ts'
import { openScript } from './agents/script.ts'
import { openCrew } from './crew.ts'
import { openEmbedded } from './embedded.ts'
import type { Ask, Who } from './intake.ts'

/** A crew over real engines, carrying jobs as processes of this host. */
const openTestCrew = async (
  wrap: (sandbox: Sandbox) => Sandbox = sandbox => sandbox,
  wrapGateway: (gateway: Gateway) => Gateway = gateway => gateway,
) => {
  const folder = await mkdtemp(join(tmpdir(), 'crew-'))
  await mkdir(join(folder, 'boxes'), { mode: 0o711 })
  const now = () => new Date()
  const store = openSqlite(join(folder, 'bellhop.db'))
  const bell = openLocalBell()
  const repos = openBare(join(folder, 'repos'), { now })
  const files = openBlobs(join(folder, 'files'))
  const crew = openCrew({
    store,
    bell,
    queue: openEmbedded({ now }),
    repos,
    files,
    sandboxes: [wrap(openProcess({ folder: join(folder, 'boxes') }))],
    runner: 'r1',
    agents: () => [openCommand(), openScript()],
    defaultAgent: 'script',
    gateway: doors => wrapGateway(openGateway({ folder: join(folder, 'boxes', 'gateways'), doors })),
    concurrency: 4,
    log: { error: about => console.error(about) },
    now,
  })
  const user = await store.put('users', { _id: 'ann', rev: 0, name: 'Ann', roles: { web: 'member' } })
  assert.ok(user)
  const who: Who = { user, team: 'web' }
  const stop = new AbortController()
  const running = crew.run(stop.signal, () => {})
  running.catch(error => console.error(error))
  let n = 0
  return {
    store,
    repos,
    files,
    who,
    intake: crew.intake,
    submit: async (ask: Ask): Promise<Job> => {
      const job = await crew.intake.submit(who, ask, { key: `k${n++}`, at: now().toISOString() })
      assert.ok(job.ok, job.ok ? '' : job.refusal.detail)
      return job.value
    },
    /** Follows a job to its end, telling each event on the way. */
    end: async ({ _id }: Job, saw: (entry: Entry<Event>) => void = () => {}) => {
      const log: Entry<Event>[] = []
      for await (const entries of tail(store, bell, `job/${_id}`, 0, AbortSignal.timeout(60_000)))
        for (const entry of entries) {
          log.push(entry)
          saw(entry)
        }
      const job = await crew.intake.job(who, _id)
      assert.ok(job.ok && isOver(job.value.state))
      return { job: job.value, log, types: log.map(({ type }) => type) }
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

test('a command runs on the workspace, and what it changed is merged into main', async () => {
  await using crew = await openTestCrew()
  const { job, types } = await crew.end(
    await crew.submit({ agent: 'command', prompt: 'echo hi > a.txt; echo done' }),
  )
  assert.equal(job.state, 'succeeded')
  assert.deepEqual(types, ['queued', 'started', 'opened', 'said', 'exited', 'committed', 'merged', 'ended'])
  assert.equal((await crew.repos.blob(job.workspace, 'main', 'a.txt'))?.content.toString(), 'hi\n')
  assert.equal(job.exitCode, 0)
})

test('an output that is too long for a thread is kept whole as a file', async () => {
  await using crew = await openTestCrew()
  const { log } = await crew.end(await crew.submit({ agent: 'command', prompt: 'seq 1 20000' }))
  const produced = log.find(entry => entry.type === 'produced')
  assert.equal(produced?.name, 'output.txt')
  assert.equal(produced?.bytes, Array.from({ length: 20_000 }, (_, n) => `${n + 1}\n`).join('').length)
})

test('a command that fails keeps its work on its branch and does not merge it', async () => {
  await using crew = await openTestCrew()
  const { job, types } = await crew.end(
    await crew.submit({ agent: 'command', prompt: 'echo hi > a.txt; exit 3' }),
  )
  assert.equal(job.state, 'failed')
  assert.equal(job.exitCode, 3)
  assert.ok(types.includes('committed') && !types.includes('merged'))
  assert.equal(await crew.repos.blob(job.workspace, 'main', 'a.txt'), undefined)
  assert.ok(job.branch && (await crew.repos.blob(job.workspace, job.branch, 'a.txt')))
})

test('a running job that is cancelled ends as cancelled, with what it had done so far kept', async () => {
  await using crew = await openTestCrew()
  const asked = await crew.submit({ agent: 'command', prompt: 'echo hi > a.txt; echo ready; sleep 60' })
  const { job } = await crew.end(asked, entry => {
    if (entry.type === 'said') void crew.intake.cancel(crew.who, asked._id)
  })
  assert.equal(job.state, 'cancelled')
  assert.ok(job.branch && (await crew.repos.blob(job.workspace, job.branch, 'a.txt')))
})

test('a job past its time ends as timed out and says after how long', async () => {
  await using crew = await openTestCrew()
  const { job } = await crew.end(
    await crew.submit({ agent: 'command', prompt: 'sleep 60', timeoutSeconds: 1 }),
  )
  assert.equal(job.state, 'timed_out')
  assert.match(job.summary ?? '', /1 second/)
})

test('two jobs that change the same line: one is merged, the other is kept as a branch and named', async () => {
  await using crew = await openTestCrew()
  const write = (text: string) =>
    crew.submit({ agent: 'command', prompt: `sleep 0.5; echo ${text} > same.txt` })
  const ended = await Promise.all([await write('one'), await write('two')].map(job => crew.end(job)))
  const merges = ended.flatMap(({ log }) => log.filter(entry => entry.type === 'merged'))
  assert.deepEqual(
    merges.map(({ conflicts }) => conflicts).toSorted((a, b) => a.length - b.length),
    [[], ['same.txt']],
  )
  for (const { job } of ended) assert.equal(job.state, 'succeeded')
})

test('a box that vanishes is tried again as a later run, and given up after the third', async () => {
  let opened = 0
  await using crew = await openTestCrew(sandbox => ({
    ...sandbox,
    open: async order => {
      opened++
      const box = await sandbox.open(order)
      if (opened <= 4) setTimeout(() => box.signal('SIGKILL'), 300)
      return box
    },
  }))
  const first = await crew.end(await crew.submit({ agent: 'command', prompt: 'sleep 5' }))
  assert.equal(first.job.state, 'failed')
  assert.equal(first.job.reason, 'lost')
  assert.equal(first.job.attempt, 3)
  const second = await crew.end(await crew.submit({ agent: 'command', prompt: 'sleep 1; echo ok' }))
  assert.equal(second.job.state, 'succeeded')
  assert.equal(second.job.attempt, 2)
})

test('a gateway that is away is waited for, which costs no attempt, and a job can be cancelled meanwhile', async () => {
  let away = 4
  await using crew = await openTestCrew(undefined, gateway => ({
    ...gateway,
    admit: async admission => {
      if (away-- > 0) throw new NoGateway({ cause: new Error('Nobody listens.') })
      return await gateway.admit(admission)
    },
  }))
  const first = await crew.end(await crew.submit({ agent: 'command', prompt: 'echo ok' }))
  assert.equal(first.job.state, 'succeeded')
  assert.equal(first.job.attempt, 1)
  away = Number.POSITIVE_INFINITY
  const doomed = await crew.submit({ agent: 'command', prompt: 'echo no' })
  const second = await crew.end(doomed, ({ type }) => {
    if (type === 'started') void crew.intake.cancel(crew.who, doomed._id)
  })
  assert.equal(second.job.state, 'cancelled')
})

test('the scripted agent tells a plan, tools and words, and its last words are the summary', async () => {
  await using crew = await openTestCrew()
  const { job, types } = await crew.end(
    await crew.submit({ prompt: 'plan a; b\nrun echo x > b.txt\nsay all done' }),
  )
  assert.deepEqual(types.slice(3, 7), ['planned', 'used', 'returned', 'said'])
  assert.equal(job.summary, 'all done')
})

test('a job whose submitter crashed behind its record is filed before it runs', async () => {
  await using crew = await openTestCrew()
  const first = await crew.submit({ agent: 'command', prompt: 'sleep 0.5' })
  const { rev: _, ...asked } = first
  const record = { ...asked, rev: 0, _id: 'zleft', folded: 0, waitsFor: first._id } as const
  const left = await crew.store.put('jobs', record)
  const { job, types } = await crew.end(left ?? record)
  assert.deepEqual(types.slice(0, 3), ['queued', 'started', 'opened'])
  assert.equal(types.filter(type => type === 'queued').length, 1)
  assert.equal(job.state, 'succeeded')
})

test('a job whose agent this runner does not have ends with a sentence that names those it has', async () => {
  await using crew = await openTestCrew()
  const first = await crew.submit({ agent: 'command', prompt: 'sleep 0.5' })
  const { rev: _, ...asked } = first
  const record = { ...asked, rev: 0, _id: 'zother', agent: 'other', folded: 0, waitsFor: first._id } as const
  const left = await crew.store.put('jobs', record)
  const { job } = await crew.end(left ?? record)
  assert.equal(job.state, 'failed')
  assert.equal(job.attempt, 1)
  assert.match(job.summary ?? '', /agent "other"; there are: command, script/)
})

test('two uploads of one name are both in the box', async () => {
  await using crew = await openTestCrew()
  for (const [_id, text] of Object.entries({ f1: 'one\n', f2: 'two\n' })) {
    await crew.files.write(_id, text, 100)
    const about = { name: 'notes.txt', bytes: 4, mime: 'text/plain', by: 'ann', createdAt: '2026-01-01' }
    await crew.store.put('files', { _id, rev: 0, ...about })
  }
  const { log } = await crew.end(
    await crew.submit({ agent: 'command', prompt: 'cat ~/uploads/*', files: ['f1', 'f2'] }),
  )
  const said = log.map(entry => (entry.type === 'said' ? entry.text : '')).join('')
  assert.deepEqual(said.trim().split('\n').toSorted(), ['one', 'two'])
})
