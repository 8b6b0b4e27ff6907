import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Event } from '../store/events.ts'
import { fold, unfolded } from '../store/lifecycle.ts'
import type { Job } from '../store/records.ts'
import type { Entry } from '../store/store.ts'
import { render } from './render.ts'
import type { Context } from './render-context.ts'
import { code, plain, tailOfMarkdown } from './render-text.ts'
import { emptyScene, see } from './scene.ts'
import { split } from './split.ts'
import { elapsed, money, took } from './words.ts'

const begin = Date.parse('2026-01-01T00:00:00.000Z')
const context: Context = {
  now: new Date(begin + 20_000),
  publicUrl: 'https://hop.test',
  workspace: 'shop',
  asker: 'Ann',
}
const asked: Job = {
  _id: 'j1',
  rev: 1,
  agent: 'claude',
  prompt: 'fix it',
  workspace: 'w',
  requester: 'ann',
  team: 'slack:T1',
  priority: 5,
  files: [],
  timeoutSeconds: 60,
  createdAt: new Date(begin).toISOString(),
  ...unfolded,
}

/** What a thread shows after these events, one a second. */
const shown = (events: readonly Event[], job: Partial<Job> = {}, more: Partial<Context> = {}) => {
  const entries = events.map((event, n): Entry<Event> => {
    const at = new Date(begin + 1000 * n).toISOString()
    return { ...event, seq: n + 1, attempt: 1, key: `k${n}`, at, digest: '' }
  })
  const { status, posts } = render(fold({ ...asked, ...job }, entries), entries.reduce(see, emptyScene), {
    ...context,
    ...more,
  })
  return { status: status.text, posts, end: posts.find(({ slot }) => slot === 'end/j1')?.message }
}
const queued: Event = { type: 'queued', by: 'ann' }
const running: readonly Event[] = [
  queued,
  { type: 'started', runner: 'r' },
  { type: 'opened', sandbox: 'bubblewrap' },
]
const ended = (outcome: Extract<Event, { readonly type: 'ended' }>['outcome'], summary: string): Event => ({
  type: 'ended',
  outcome,
  reason: outcome === 'succeeded' ? 'done' : 'exit',
  summary,
})

suite('the status of a job', () => {
  for (const [what, events, more, says] of [
    ['queued', [queued], { place: 0 }, /^⏳ \*\*Queued\*\*, next in line {2}\n`fix it` in shop, for Ann$/],
    ['behind others', [queued], { place: 2 }, /Queued\*\*, 2 jobs before it/],
    ['behind one', [queued], { place: 1 }, /, 1 job before it/],
    ['waiting', [queued], { waits: true }, /\*\*Waiting\*\* for the job before it/],
    ['starting', running.slice(0, 2), {}, /^🔧 \*\*Starting\*\*/],
    ['running', running, {}, /^▶️ \*\*Running\*\* · 15 s /],
    ['saving', [...running, { type: 'exited', code: 0 }], {}, /^💾 \*\*Saving its work\*\*/],
    [
      'tried again',
      [...running, { type: 'retrying', why: 'Lost.', notBefore: '' }],
      {},
      /Queued again\*\* after attempt 1[\s\S]*Lost\./,
    ],
  ] as const satisfies readonly (readonly [string, readonly Event[], Partial<Context>, RegExp])[])
    test(`says that it is ${what}`, () => {
      assert.match(shown(events, {}, more).status, says)
    })

  test('says what it is doing, which step of the plan that is, and what it cost', () => {
    const { status } = shown([
      ...running,
      {
        type: 'planned',
        items: [
          { text: 'Look', state: 'completed' },
          { text: 'Write `x`', state: 'in_progress' },
        ],
      },
      { type: 'used', call: '1', tool: 'Edit', input: { file_path: 'src/a.ts', old_string: 'x' } },
      {
        type: 'metered',
        model: 'm',
        tokens: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 },
        cost: 1_230_000,
      },
    ])
    assert.match(status, / · \$1\.23 {2}\n/)
    assert.match(status, /Step 2 of 2: `Write 'x'` {2}\n🔹 `Edit: src\/a\.ts`/)
  })

  test('changes in steps of five seconds, not with every second', () => {
    const at = (ms: number) => shown(running, {}, { now: new Date(begin + ms) }).status
    assert.equal(at(12_000), at(16_999))
    assert.notEqual(at(12_000), at(17_000))
  })

  test('says what a sandbox cannot do once, and goes on saying it', () => {
    const opened: Event = { type: 'opened', sandbox: 'process', limits: ['This isolates nothing.'] }
    const { status } = shown([...running.slice(0, 2), opened, opened, ended('succeeded', 'ok')])
    assert.equal(status.match(/This isolates nothing\./g)?.length, 1)
  })

  test('shows what an agent or a person wrote as nothing but text', () => {
    const said: Event = { type: 'said', text: '**bold** `x` <!channel>\n\u001b[31mred\u001b[0m\u0007' }
    const { status } = shown([...running, said], { prompt: '`a`\n# b' }, { asker: '*[me](http://x)*' })
    assert.match(status, /^`'a' # b` in shop, for me http:\/\/x {2}$/m)
    assert.match(status, /🔹 `red`/)
  })
})

suite('the end of a job', () => {
  test('is a message of its own with the last words, the files and the commit', () => {
    const { end, status } = shown([
      ...running,
      { type: 'committed', base: 'c', branch: 'jobs/j1', commit: 'aaaaaaaaaaaa', files: ['a.ts', 'b.ts'] },
      { type: 'merged', into: 'main', commit: 'bbbbbbbbbbbbbb', conflicts: [] },
      ended('succeeded', 'I fixed **it**.'),
    ])
    assert.equal(
      end?.text,
      '✅ **Done** in 3 s\n\nI fixed **it**.\n\n📝 2 files changed (`a.ts`, `b.ts`), now in `main` at `bbbbbbbbbb`',
    )
    assert.match(status, /^✅ \*\*Done\*\* in 3 s {2}\n.*\n📝 2 files changed/)
    assert.deepEqual(
      end?.buttons?.map(({ label }) => label),
      ['Open'],
    )
  })

  test('says where the work stays when it does not fit', () => {
    const { end } = shown([
      ...running,
      { type: 'committed', base: 'c', branch: 'jobs/j1', commit: 'a', files: ['a.ts'] },
      { type: 'merged', into: 'main', conflicts: ['a.ts'] },
      ended('succeeded', 'ok'),
    ])
    assert.match(
      end?.text ?? '',
      /does not fit the newest `main` \(`a\.ts`\), so it stays on the branch `jobs\/j1`/,
    )
  })

  test('of a command shows what it printed, as it reads on a terminal', () => {
    const said: Event = { type: 'said', text: '10%\r50%\r100%\r\n\u001b[32mok\u001b[0m ``` \n' }
    const { end } = shown([...running, said, ended('failed', 'The command ended with exit code 1.')], {
      agent: 'command',
    })
    assert.match(
      end?.text ?? '',
      /❌ \*\*Failed\*\* after 2 s\n\nThe command ended with exit code 1\.\n\n````\n100%\nok ```\n````$/,
    )
    assert.deepEqual(
      end?.buttons?.map(({ label }) => label),
      ['Retry', 'Open'],
    )
  })

  test('of a silent command says so', () => {
    assert.match(
      shown([...running, ended('succeeded', 'Done.')], { agent: 'command' }).end?.text ?? '',
      /It printed nothing\./,
    )
  })

  test('before it ran tells why and nothing else', () => {
    const { end } = shown([queued, ended('failed', 'No sandbox is available here.')], { agent: 'command' })
    assert.equal(end?.text, '❌ **Failed**\n\nNo sandbox is available here.')
  })

  for (const [outcome, sign] of [
    ['cancelled', '⏹ **Cancelled** after'],
    ['timed_out', '⏱ **Timed out** after'],
  ] as const)
    test(`says that it was ${outcome}`, () => {
      const { end } = shown([...running, { type: 'said', text: 'half' }, ended(outcome, 'It was stopped.')])
      assert.ok(end?.text.startsWith(sign))
      assert.match(end?.text ?? '', /It was stopped\.\n\nhalf/)
    })

  test('shows the tail of a long text with its fences whole, a link to the rest and the file that holds it', () => {
    const text = `intro\n\`\`\`ts\n${'const a = 1\n'.repeat(400)}\`\`\`\nthe end`
    const { end } = shown([...running, { type: 'said', text, file: 'f1' }, ended('succeeded', text)])
    assert.ok((end?.text.length ?? 0) < 3400)
    assert.match(
      end?.text ?? '',
      /^✅.*\n\n```\nconst a = 1\n[\s\S]*```\nthe end\n\nThis is the last part; \[the page has all of it\]\(https:\/\/hop\.test\/jobs\/j1\)/,
    )
    assert.equal(end?.file?.id, 'f1')
  })

  test('comes with the files that the job produced, but not its session', () => {
    const file = (id: string, name: string): Event => ({
      type: 'produced',
      file: id,
      name,
      bytes: 1,
      mime: 'text/plain',
    })
    const { posts } = shown([
      ...running,
      file('f1', 'a.png'),
      file('f2', '.session'),
      ended('succeeded', 'ok'),
    ])
    assert.deepEqual(
      posts.map(({ slot }) => slot),
      ['file/j1/f1', 'end/j1'],
    )
  })
})

test('a question is a message of its own', () => {
  const { posts, status } = shown([
    ...running,
    { type: 'asked', question: 'q', kind: 'question', text: 'Which one?', choices: ['this', 'that'] },
  ])
  assert.deepEqual(
    [posts[0]?.slot, posts[0]?.message.text],
    ['question/j1/q', '❓ Which one?\n- this\n- that'],
  )
  assert.match(status, /Waiting for an answer/)
})

test('a scene stays small however much is said', () => {
  const said = {
    type: 'said',
    text: 'x'.repeat(50_000),
    seq: 1,
    attempt: 1,
    key: 'k',
    at: '',
    digest: '',
  } as const
  const scene = Array.from({ length: 100 }, () => said).reduce(see, emptyScene)
  assert.ok(JSON.stringify(scene).length < 40_000)
})

test('a tail of markdown is balanced wherever it is cut', () => {
  const text = 'one\n```sh\ntwo\n```\nthree\n~~~\nfour\n~~~\n'
  for (let most = 1; most <= text.length; most++) {
    const tail = tailOfMarkdown(text, most)
    assert.equal(split(tail, 10_000)[0], tail)
    assert.equal((tail.match(/^(```|~~~)/gm)?.length ?? 0) % 2, 0, `${most}: ${tail}`)
  }
})

test('times, money and names read well', () => {
  assert.deepEqual([0, 4, 59, 60, 75, 601, 3600, 7380, 200_000].map(elapsed), [
    '0 s',
    '0 s',
    '55 s',
    '1 min',
    '1 min 15 s',
    '10 min',
    '1 h',
    '2 h 3 min',
    '2 d 7 h',
  ])
  assert.deepEqual([0.34, 3, 59.9, 61, 3600].map(took), ['0.3 s', '3 s', '59 s', '1 min 1 s', '1 h'])
  assert.deepEqual([0, 4200, 10_000, 1_239_000].map(money), ['$0.00', '$0.0042', '$0.01', '$1.24'])
  assert.equal(plain('`*Ann* [x](y)\n'), 'Ann x y')
  assert.equal(code('a\n`b`'), "`a 'b'`")
})
