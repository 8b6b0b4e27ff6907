import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Role, User } from '../store/records.ts'
import { openDesk as openTestDesk } from '../test/desk.ts'
import type { Ask, Who } from './intake.ts'
import type { Outcome } from './outcome.ts'

/** The desk with people, causes and conversations to go with it. */
const openDesk = async () => {
  const desk = await openTestDesk({ agents: ['claude', 'command'] })
  const { store, now } = desk
  let n = 0
  return {
    ...desk,
    cause: () => ({ key: `k${n++}`, at: now().toISOString() }),
    who: async (id: string, role: Role, team = 'slack:T1'): Promise<Who> => {
      const user: User = { _id: id, rev: 0, name: id, roles: { [team]: role } }
      return { user: (await store.put('users', user)) ?? user, team }
    },
    end: (job: string) =>
      desk.happen(job, { type: 'ended', outcome: 'succeeded', reason: 'done', summary: 'Done.' }),
    conversation: async (id: string, owner?: string) => {
      const record = {
        _id: id,
        rev: 0,
        platform: 'slack',
        team: 'slack:T1',
        channel: 'slack:T1:C1',
        createdAt: now().toISOString(),
      }
      await store.put('conversations', owner ? { ...record, owner } : record)
      return id
    },
  }
}

const value = <T>(outcome: Outcome<T>): T => {
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.refusal.detail)
  return outcome.value
}
const refused = <T>(outcome: Outcome<T>) => {
  assert.ok(!outcome.ok)
  return outcome.refusal
}

test('the same cause makes one job, however often and however much at once it comes', async () => {
  await using desk = await openDesk()
  const who = await desk.who('ann', 'member')
  const cause = desk.cause()
  const jobs = await Promise.all(
    Array.from({ length: 5 }, () => desk.intake.submit(who, { prompt: 'x' }, cause)),
  )
  assert.equal(new Set(jobs.map(job => value(job)._id)).size, 1)
  assert.equal(await desk.store.count('jobs', { state: 'queued' }), 1)
  const log = await desk.logbook.read(value(jobs[0]!)._id)
  assert.deepEqual(
    log.map(entry => entry.type),
    ['queued'],
  )
})

test('what was refused leaves no job behind', async () => {
  await using desk = await openDesk()
  const member = await desk.who('ann', 'member')
  const viewer = await desk.who('vic', 'viewer')
  const stranger = await desk.who('sue', 'member', 'slack:T9')
  const bad: readonly [Who, Ask, number, RegExp][] = [
    [viewer, { prompt: 'x' }, 403, /look here but not run/],
    [{ ...stranger, team: 'slack:T1' }, { prompt: 'x' }, 403, /not run/],
    [member, { prompt: 'x', workspace: 'nowhere' }, 404, /no workspace "nowhere"/],
    [member, { prompt: 'x', agent: 'gpt' }, 400, /no agent/],
    [member, { prompt: 'x', priority: 99 }, 400, /priority/],
    [member, { prompt: 'x', files: ['f'] }, 404, /no file/],
  ]
  for (const [who, ask, status, sentence] of bad) {
    const refusal = refused(await desk.intake.submit(who, ask, desk.cause()))
    assert.equal(refusal.status, status)
    assert.match(refusal.detail, sentence)
  }
  assert.equal(await desk.store.count('jobs', {}), 0)
})

test('a job is refused when there are runners and none has a sandbox, with its reason', async () => {
  await using desk = await openDesk()
  const until = new Date(Date.now() + 60_000).toISOString()
  await desk.store.put('runners', {
    _id: 'r1',
    rev: 0,
    agents: ['claude'],
    why: 'bwrap is not installed.',
    until,
  })
  const refusal = refused(
    await desk.intake.submit(await desk.who('ann', 'member'), { prompt: 'x' }, desk.cause()),
  )
  assert.equal(refusal.status, 503)
  assert.match(refusal.detail, /No sandbox.*bwrap is not installed/)
})

test('a second ask in a conversation waits for the first and is released by its end', async () => {
  await using desk = await openDesk()
  const who = await desk.who('ann', 'member')
  const conversation = await desk.conversation('c1')
  const first = value(await desk.intake.submit(who, { prompt: 'one', conversation }, desk.cause()))
  const second = value(await desk.intake.say(who, first._id, 'two', desk.cause()))
  assert.equal(second.waitsFor, first._id)
  assert.equal(second.continues, first._id)
  const stop = new AbortController()
  const delivered: string[] = []
  const working = desk.queue.work(
    async job => {
      delivered.push(job)
      if (job === first._id) await desk.end(job)
      else stop.abort()
    },
    { concurrency: 1, signal: stop.signal },
  )
  await working
  assert.deepEqual(delivered, [first._id, second._id])
})

test('a reply to a command goes to the usual agent and is not run by a shell', async () => {
  await using desk = await openDesk()
  const who = await desk.who('ann', 'member')
  const first = value(await desk.intake.submit(who, { prompt: 'ls', agent: 'command' }, desk.cause()))
  assert.equal(value(await desk.intake.say(who, first._id, 'thanks; rm -rf .', desk.cause())).agent, 'claude')
})

test('the requester, the owner of the workspace and an admin may cancel; a bystander and a stranger may not', async () => {
  await using desk = await openDesk()
  const [ann, bob, root] = [
    await desk.who('ann', 'member'),
    await desk.who('bob', 'member'),
    await desk.who('root', 'admin'),
  ]
  const stranger = await desk.who('sue', 'member', 'slack:T9')
  const job = value(await desk.intake.submit(ann, { prompt: 'x' }, desk.cause()))._id
  assert.equal(refused(await desk.intake.cancel(bob, job)).status, 403)
  const hidden = refused(await desk.intake.cancel(stranger, job))
  const missing = refused(await desk.intake.cancel(stranger, 'nope'))
  assert.equal(hidden.status, 404)
  assert.equal(hidden.detail.replace(job, ''), missing.detail.replace('nope', ''))
  assert.equal(value(await desk.intake.cancel(root, job)).state, 'cancelled')
  assert.equal(refused(await desk.intake.cancel(root, job)).status, 409)
})

test('a retry asks the same again, once the job is over', async () => {
  await using desk = await openDesk()
  const ann = await desk.who('ann', 'member')
  const job = value(await desk.intake.submit(ann, { prompt: 'x', budgetUsd: 1.5, priority: 7 }, desk.cause()))
  assert.equal(refused(await desk.intake.retry(ann, job._id, desk.cause())).status, 409)
  await desk.intake.cancel(ann, job._id)
  const again = value(await desk.intake.retry(ann, job._id, desk.cause()))
  assert.equal(again.retryOf, job._id)
  assert.deepEqual(
    [again.prompt, again.budget, again.priority, again.workspace],
    ['x', 1_500_000, 7, job.workspace],
  )
})

test('direct messages work on the private workspace, which nobody else sees', async () => {
  await using desk = await openDesk()
  const [ann, bob] = [await desk.who('ann', 'member'), await desk.who('bob', 'admin')]
  const conversation = await desk.conversation('d1', 'ann')
  const job = value(await desk.intake.submit(ann, { prompt: 'x', conversation }, desk.cause()))
  assert.equal(value(await desk.intake.workspace(ann, job.workspace)).visibility, 'private')
  assert.equal(refused(await desk.intake.job(bob, job._id)).status, 404)
  assert.deepEqual(value(await desk.intake.jobs(bob, {})), [])
  assert.equal(refused(await desk.intake.messages(bob, conversation)).status, 404)
})

test('the place in the queue counts what is more urgent and what came before', async () => {
  await using desk = await openDesk()
  const ann = await desk.who('ann', 'member')
  for (const priority of [5, 9, 1])
    value(await desk.intake.submit(ann, { prompt: 'x', priority }, desk.cause()))
  const job = value(await desk.intake.submit(ann, { prompt: 'x' }, desk.cause()))
  assert.equal(await desk.intake.place(job), 2)
})

test('nobody else gets on with a job from a private conversation there: saying is refused, a retry stands alone', async () => {
  await using desk = await openDesk()
  const ann = await desk.who('ann', 'member')
  const admin = await desk.who('ada', 'admin')
  const conversation = await desk.conversation('c1', 'ann')
  const workspace = value(await desk.intake.createWorkspace(ann, { name: 'shop' }, desk.cause()))._id
  const job = value(await desk.intake.submit(ann, { prompt: 'x', conversation, workspace }, desk.cause()))
  await desk.end(job._id)
  assert.equal(refused(await desk.intake.say(admin, job._id, 'tell me', desk.cause())).status, 403)
  assert.equal(value(await desk.intake.retry(admin, job._id, desk.cause())).conversation, undefined)
  assert.equal(value(await desk.intake.say(ann, job._id, 'go on', desk.cause())).conversation, conversation)
})

test('who is a viewer in the team of a workspace runs nothing on it, whatever they are elsewhere', async () => {
  await using desk = await openDesk()
  const ann = await desk.who('ann', 'member', 'slack:T2')
  const theirs = value(await desk.intake.createWorkspace(ann, { name: 'theirs' }, desk.cause()))
  const roles = { 'slack:T1': 'member', 'slack:T2': 'viewer' } as const
  const bob = await desk.store.put('users', { _id: 'bob', rev: 0, name: 'Bob', roles })
  assert.ok(bob)
  const who = { user: bob, team: 'slack:T1' }
  assert.equal(
    refused(await desk.intake.submit(who, { prompt: 'x', workspace: theirs._id }, desk.cause())).status,
    403,
  )
})
