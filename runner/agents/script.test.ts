import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { noTokens } from '../../store/events.ts'
import type { Job } from '../../store/records.ts'
import { openScript } from './script.ts'

const job = (prompt: string): Job => ({
  _id: 'j',
  rev: 1,
  agent: 'script',
  prompt,
  workspace: 'w',
  requester: 'u',
  team: 'web',
  priority: 5,
  files: [],
  timeoutSeconds: 60,
  createdAt: '',
  state: 'running',
  folded: 0,
  attempt: 1,
  cost: 0,
  tokens: noTokens,
})
/** Runs a script in a real shell and reads what it prints. */
const play = (prompt: string) => {
  const agent = openScript()
  const { files } = agent.start({ job: job(prompt), briefing: '', resumes: false, uploads: [] })
  const text = execFileSync('/bin/sh', ['-c', Object.values(files)[0] ?? ''], { encoding: 'utf8', cwd: '/' })
  const reader = agent.read()
  const events = [...text].flatMap(character => [...reader.read('out', character)])
  const last = reader.end()
  return { events: [...events, ...last.events], summary: last.summary }
}

test('each step becomes the events that a real agent would report', () => {
  const { events, summary } = play("plan one; two\nthink hm\nrun printf 'a b' && exit 3\nsay it's done")
  assert.deepEqual(events, [
    {
      type: 'planned',
      items: [
        { text: 'one', state: 'pending' },
        { text: 'two', state: 'pending' },
      ],
    },
    { type: 'thought', text: 'hm' },
    { type: 'used', call: '2', tool: 'Bash', input: { command: "printf 'a b' && exit 3" } },
    { type: 'returned', call: '2', ok: false, text: 'a b' },
    { type: 'said', text: "it's done" },
  ])
  assert.equal(summary, "it's done")
})
