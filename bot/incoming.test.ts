import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Intake } from '../runner/intake.ts'
import { redeemLogin } from '../runner/logins.ts'
import { idFrom } from '../store/ids.ts'
import type { Role } from '../store/records.ts'
import { openDesk } from '../test/desk.ts'
import { openIncoming } from './incoming.ts'
import type { Pressed, Said } from './platform.ts'

const thread = 'slack:T1:C1:1.1'

/** People of a Slack team speaking to the bot, one envelope a second. */
const openTeam = async (role: Role = 'member', change: (intake: Intake) => Intake = intake => intake) => {
  const desk = await openDesk()
  const { store, bell, now } = desk
  const logged: unknown[] = []
  const incoming = openIncoming({
    store,
    bell,
    intake: change(desk.intake),
    defaultRoles: { slack: role },
    admins: ['slack:T1:UADMIN'],
    publicUrl: 'https://hop.test',
    log: {
      warn: (...line: unknown[]) => void logged.push(line),
      error: (...line: unknown[]) => void logged.push(line),
    },
    now,
  })
  let n = 0
  const arrived = (person: string) => {
    const at = new Date(Date.now() - 3_600_000 + 1000 * n).toISOString()
    return {
      platform: 'slack',
      key: `e${n++}`,
      at,
      team: 'slack:T1',
      channel: 'slack:T1:C1',
      person: `slack:T1:${person}`,
    }
  }
  const said = (how: Said['how'], text: string, more: Partial<Said> = {}): Said => ({
    type: 'said',
    how,
    text,
    files: [],
    ...arrived('UANN'),
    ...(how !== 'command' && { address: thread }),
    ...more,
  })
  const take = async (envelope: Said | Pressed, times = 1) => {
    for (let time = 0; time < times; time++) await incoming.take(envelope)
    return envelope
  }
  return {
    ...desk,
    ...incoming,
    logged,
    said,
    say: (how: Said['how'], text: string, more?: Partial<Said>) => take(said(how, text, more)),
    twice: (how: Said['how'], text: string, more?: Partial<Said>) => take(said(how, text, more), 2),
    press: (verb: Pressed['verb'], job: string, person = 'UANN', times = 1) =>
      take({ type: 'pressed', verb, job, address: thread, ...arrived(person) }, times),
    /** What was answered in the conversation that an envelope opened, or in the thread. */
    answers: async (envelope?: Said | Pressed) => {
      const [there] = await store.find('conversations', { where: { address: envelope?.address ?? thread } })
      const id = envelope && !envelope.address ? idFrom(envelope, 'conversation') : (there?._id ?? '')
      return (await desk.posts(id)).map(({ wanted }) => wanted)
    },
    turns: async () => {
      const [there] = await store.find('conversations', { where: { address: thread } })
      return there ? (await store.after(`conversation/${there._id}`, 0)).map(({ text }) => text) : []
    },
  }
}

suite('what is said', () => {
  test('becomes one job and one turn however often it comes', async () => {
    await using team = await openTeam()
    const mention = team.said('mention', 'fix the flaky test')
    for (let time = 0; time < 5; time++) await team.take(mention)
    const [job, ...more] = await team.jobs()
    assert.equal(job?.prompt, 'fix the flaky test')
    assert.deepEqual(more, [])
    assert.deepEqual(await team.turns(), ['fix the flaky test'])
    assert.deepEqual(await team.answers(), [])
  })

  test('becomes one job when it comes five times at once', async () => {
    await using team = await openTeam()
    const command = team.said('command', 'sh make')
    await Promise.all(Array.from({ length: 5 }, () => team.take(command)))
    assert.equal((await team.jobs()).length, 1)
  })

  test('carries its options into the job', async () => {
    await using team = await openTeam()
    await team.say('command', 'sh priority=9 budget=1.5 timeout=2m make')
    const [job] = await team.jobs()
    assert.deepEqual([job?.agent, job?.prompt, job?.priority], ['command', 'make', 9])
    assert.deepEqual([job?.budget, job?.timeoutSeconds], [1_500_000, 120])
  })

  test('in a direct message belongs to its person alone', async () => {
    await using team = await openTeam()
    const address = 'slack:T1:D1'
    await team.say('direct', 'look around', { address, channel: address })
    await team.say('command', 'jobs', { channel: address, direct: true })
    const [job] = await team.jobs()
    const there = await team.store.get('conversations', job?.conversation ?? '')
    assert.equal(there?.owner, job?.requester)
    assert.equal((await team.store.get('workspaces', job?.workspace ?? ''))?.visibility, 'private')
    const person = 'slack:T1:UBOB'
    await team.say('direct', 'let me in', { address, channel: address, person })
    assert.equal((await team.jobs()).length, 1)
  })

  for (const [text, says] of [
    ['frob it', /no verb "frob"/],
    ['run', /prompt is missing/],
    ['run in=nowhere fix', /no workspace "nowhere"/],
    ['run agent=nobody fix', /no agent "nobody".*script/],
    ['run priority=99 fix', /priority is 99.*0 \(last\) to 9/],
    ['run budget=-1 fix', /budget is -1.*above 0/],
    ['run timeout=0 fix', /timeout is 0/],
    [`run ${'x'.repeat(50_001)}`, /50,001 characters and may have 50,000; attach the rest as a file/],
    ['cancel', /no jobs yet/],
    ['logs nosuchjob', /no job "nosuchjob"/],
  ] as const)
    test(`is refused in one sentence, with no job left behind: /hop ${text.slice(0, 40)}`, async () => {
      await using team = await openTeam()
      const answers = await team.answers(await team.twice('command', text))
      assert.equal(answers.length, 1)
      assert.match(answers[0]?.text ?? '', says)
      assert.deepEqual(await team.jobs(), [])
    })

  test('by a viewer runs nothing and says why', async () => {
    await using team = await openTeam('viewer')
    await team.say('mention', 'fix it')
    assert.match((await team.answers())[0]?.text ?? '', /may look here but not run jobs; an admin/)
    assert.deepEqual(await team.jobs(), [])
  })

  test('is refused where no sandbox is available', async () => {
    await using team = await openTeam()
    const until = new Date(Date.now() + 60_000).toISOString()
    await team.store.put('runners', {
      _id: 'r',
      rev: 0,
      agents: ['script'],
      until,
      why: 'Install bubblewrap.',
    })
    const answers = await team.answers(await team.say('command', 'run fix'))
    assert.match(
      answers[0]?.text ?? '',
      /No sandbox is available here, so no job can run. Install bubblewrap\./,
    )
    assert.deepEqual(await team.jobs(), [])
  })
})

suite('a reply', () => {
  test('of who asked goes on with the newest job, once', async () => {
    await using team = await openTeam()
    await team.say('mention', 'first')
    await team.twice('reply', 'and then?')
    const [first, second, ...more] = await team.jobs()
    assert.deepEqual(
      [second?.prompt, second?.continues, second?.waitsFor],
      ['and then?', first?._id, first?._id],
    )
    assert.deepEqual(more, [])
  })

  test('of anybody else counts for nothing', async () => {
    await using team = await openTeam()
    await team.say('mention', 'first')
    await team.say('reply', 'do something else', { person: 'slack:T1:UBOB' })
    assert.equal((await team.jobs()).length, 1)
    assert.deepEqual(await team.turns(), ['first'])
  })

  test('in a thread that Bellhop does not know leaves nothing behind', async () => {
    await using team = await openTeam()
    await team.say('reply', 'hello all')
    assert.equal(await team.store.get('identities', 'slack:T1:UANN'), undefined)
    assert.deepEqual(await team.store.find('conversations', {}), [])
  })
})

suite('a reply below a message of the bot that a crash left behind', () => {
  test('is told so, and starts nothing', async () => {
    await using team = await openTeam()
    await team.say('reply', 'and then?', { underBot: true })
    const [conversation] = await team.store.find('conversations', {})
    const [row] = await team.store.find('outbox', {
      where: { conversation: conversation?._id ?? '' },
      by: 'n',
    })
    assert.match(row?.wanted.text ?? '', /do not know this thread.*mention me/)
    assert.deepEqual(await team.jobs(), [])
  })
})

suite('a command without a job id', () => {
  test('means the newest job of the thread, and the same one when it comes again', async () => {
    await using team = await openTeam()
    await team.say('mention', 'one')
    await team.say('mention', 'two')
    await team.twice('mention', 'cancel')
    const states = (await team.jobs()).map(({ state }) => state)
    assert.deepEqual(states, ['queued', 'cancelled'])
    assert.deepEqual(await team.answers(), [])
  })

  test('means the newest of the person where there is no thread, and says so there', async () => {
    await using team = await openTeam()
    await team.say('mention', 'one')
    const [answer] = await team.answers(await team.say('command', 'cancel'))
    const [job] = await team.jobs()
    assert.equal(job?.state, 'cancelled')
    assert.match(answer?.text ?? '', new RegExp(`${job?._id}.*is asked to stop`))
  })

  test('retries once however often it comes', async () => {
    await using team = await openTeam()
    await team.say('mention', 'one')
    await team.say('mention', 'cancel')
    await team.twice('mention', 'retry')
    const [first, second, ...more] = await team.jobs()
    assert.equal(second?.retryOf, first?._id)
    assert.deepEqual(more, [])
    assert.deepEqual(await team.answers(), [])
  })

  test('shows the end of the log in its own thread, and elsewhere only to the asker', async () => {
    await using team = await openTeam()
    await team.say('mention', 'one')
    const [job] = await team.jobs()
    await team.happen(
      job?._id ?? '',
      { type: 'said', text: 'first line\n' },
      { type: 'noted', level: 'warn', text: 'odd' },
    )
    await team.say('mention', 'logs')
    const here = await team.answers()
    assert.match(here[0]?.text ?? '', /```\nfirst line\n\n\(odd\)\n```/)
    assert.equal(here[0]?.onlyFor, undefined)
    const [there] = await team.answers(await team.say('command', 'logs'))
    assert.equal(there?.onlyFor, 'slack:T1:UANN')
  })
})

suite('an answer for one person', () => {
  test('holds a link that logs the asker in once', async () => {
    await using team = await openTeam()
    const [answer] = await team.answers(await team.twice('command', 'web'))
    assert.equal(answer?.onlyFor, 'slack:T1:UANN')
    const secret = /https:\/\/hop\.test\/login\/([\w-]+)/.exec(answer?.text ?? '')?.[1] ?? ''
    const user = (await team.store.get('identities', 'slack:T1:UANN'))?.user
    assert.equal((await redeemLogin(team.store, secret, team.now()))?.user._id, user)
    assert.equal(await redeemLogin(team.store, secret, team.now()), undefined)
  })

  test('lists their own jobs with state and what was asked', async () => {
    await using team = await openTeam()
    await team.say('mention', 'mine `here`')
    await team.say('mention', 'of another', { person: 'slack:T1:UBOB' })
    const [answer, ...more] = await team.answers(await team.say('command', 'jobs'))
    assert.deepEqual(more, [])
    assert.match(
      answer?.text ?? '',
      /^- ⏳ Queued · asked (59 min|1 h) ago · \[\w{17}\]\(https:\/\/hop\.test\/jobs\/\w{17}\) · `mine 'here'`$/,
    )
    assert.equal(answer?.onlyFor, 'slack:T1:UANN')
  })

  test('is an ordinary message in the browser chat, which nobody else reads', async () => {
    await using team = await openTeam()
    await team.store.put('users', { _id: 'ann', rev: 0, name: 'Ann', roles: { web: 'member' } })
    const web = { platform: 'web', team: 'web', channel: 'web:c1', address: 'web:c1', person: 'web:ann' }
    const [answer] = await team.answers(await team.say('command', 'help', web))
    assert.match(answer?.text ?? '', /\/hop run fix the flaky test/)
    assert.equal(answer?.onlyFor, undefined)
    assert.equal(await team.store.get('identities', 'web:ann'), undefined)
  })
})

suite('a button', () => {
  test('cancels, and retries, for who asked', async () => {
    await using team = await openTeam()
    await team.say('mention', 'one')
    const [job] = await team.jobs()
    await team.press('cancel', job?._id ?? '', 'UANN', 2)
    await team.press('retry', job?._id ?? '', 'UANN', 2)
    assert.deepEqual(
      (await team.jobs()).map(({ state, retryOf }) => [state, retryOf]),
      [
        ['cancelled', undefined],
        ['queued', job?._id],
      ],
    )
    assert.deepEqual(await team.answers(), [])
  })

  test('of somebody else’s job is refused to that person alone, but not to an admin', async () => {
    await using team = await openTeam()
    await team.say('mention', 'one')
    const [job] = await team.jobs()
    await team.press('cancel', job?._id ?? '', 'UBOB')
    const [answer] = await team.answers()
    assert.match(
      answer?.text ?? '',
      /Only who asked for the job, the owner of its workspace or an admin may cancel it/,
    )
    assert.equal(answer?.onlyFor, 'slack:T1:UBOB')
    await team.press('cancel', job?._id ?? '', 'UADMIN')
    assert.equal((await team.jobs())[0]?.state, 'cancelled')
  })
})

test('who said something that could not be handled is told in the thread', async () => {
  await using team = await openTeam('member', intake => ({
    ...intake,
    submit: async () => {
      throw new Error('the disk is full')
    },
  }))
  const mention = team.said('mention', 'fix it')
  await assert.rejects(team.take(mention), /disk is full/)
  const envelope = {
    _id: mention.key,
    rev: 1,
    platform: 'slack',
    receivedAt: mention.at,
    body: {},
    tries: 4,
    state: 'new',
  } as const
  await team.tellDead(envelope, new Error('the disk is full'))
  assert.match((await team.answers())[0]?.text ?? '', /could not be taken in, after five tries\..*log: e0\./)
  await team.tellDead({ ...envelope, _id: 'never parsed' }, new Error('no idea'))
  assert.equal((await team.answers()).length, 1)
  assert.equal(team.logged.length, 2)
})
