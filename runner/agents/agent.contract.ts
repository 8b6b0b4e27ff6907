import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { commandFor, writeFiles } from '../../sandbox/box/expand.ts'
import type { Trial } from '../../sandbox/gateway/trial.contract.ts'
import { openTrial } from '../../sandbox/gateway/trial.contract.ts'
import { openGateway } from '../../sandbox/local-gateway.ts'
import { unfolded } from '../../store/lifecycle.ts'
import type { Job } from '../../store/records.ts'
import type { Answer, Asked } from '../../test/anthropic.ts'
import { ranOn } from '../../test/contract.ts'
import type { Agent, AgentEvent, Reader, Task } from './agent.ts'

export interface AgentParts {
  readonly agent: Agent
  readonly skip: false | string
  /** A prompt at which it writes `made` to made.txt and says "It is made." */
  readonly speaking: string
  /** A prompt at which it fails. */
  readonly failing: string
  /** What the model answers, for an agent that asks one. */
  readonly script?: (asked: Asked, n: number) => Answer
}

/** An agent may only tell these; a job's state and cost are not for it to say. */
const allowed = new Set<string>(['planned', 'said', 'thought', 'used', 'returned', 'noted'])

const jobOf = (agent: string, prompt: string): Job => ({
  ...{ _id: 'j1', rev: 1, agent, prompt, workspace: 'w', requester: 'u', team: 'web', priority: 5 },
  ...{ files: [], timeoutSeconds: 60, createdAt: '', ...unfolded },
})

type Printed = readonly (readonly [stream: 'out' | 'err', text: string])[]

/** Hands what was printed to a fresh reader in pieces of this size. */
const readAgain = (reader: Reader, printed: Printed, size: number) => {
  const events: AgentEvent[] = []
  for (const [stream, text] of printed)
    for (let at = 0; at < text.length; at += size)
      events.push(...reader.read(stream, text.slice(at, at + size)))
  const { events: late, ...last } = reader.end()
  return { events: [...events, ...late], ...last }
}

const saidIn = (events: readonly AgentEvent[]) =>
  events.map(event => (event.type === 'said' ? event.text : '')).join('')
const othersIn = (events: readonly AgentEvent[]) => events.filter(({ type }) => type !== 'said')

/** What every agent promises: how it is started, and how its output is read. */
export const agentContract = ({ agent, skip, speaking, failing, script }: AgentParts): void => {
  void describe(`the ${agent.name} agent`, { skip, concurrency: 2 }, () => {
    if (!skip) ranOn('agent', agent.name)
    const options = { timeout: 60_000 }

    /** Runs it for real, as a box's entry does, and gives all that it printed with how it was read. */
    const run = async (trial: Trial, prompt: string, given: Partial<Task> = {}) => {
      const root = await mkdtemp(join(trial.root, 'box-'))
      const places = { workspace: join(root, 'workspace'), home: join(root, 'home') }
      for (const path of Object.values(places)) await mkdir(path)
      const { folder } = await trial.admit()
      const paths = { ...places, gateway: folder }
      const task = {
        job: jobOf(agent.name, prompt),
        briefing: 'Be brief.',
        resumes: false,
        uploads: [],
        ...given,
      }
      const start = agent.start(task)
      await writeFiles(start.files, paths)
      const { argv, env, input, keepOpen } = commandFor(start.command, paths)
      const [file = '', ...rest] = argv
      const child = spawn(file, rest, {
        cwd: places.workspace,
        env: { PATH: process.env.PATH ?? '', HOME: places.home, TMPDIR: tmpdir(), ...env },
      })
      for (const line of input) child.stdin.write(`${line}\n`)
      if (!keepOpen) child.stdin.end()
      const reader = agent.read()
      const printed: ['out' | 'err', string][] = []
      const events: AgentEvent[] = []
      for (const [stream, source] of [
        ['out', child.stdout],
        ['err', child.stderr],
      ] as const)
        source.setEncoding('utf8').on('data', (text: string) => {
          printed.push([stream, text])
          events.push(...reader.read(stream, text))
          if (reader.done) child.stdin.end()
        })
      const [code] = await once(child, 'close')
      const { events: late, ...last } = reader.end()
      return { code, printed, events: [...events, ...late], places, ...last }
    }

    test('does what it is asked in its workspace, says so, and ends with 0', options, async () => {
      await using trial = await openTrial(openGateway, script && { script })
      const { code, events, places, failed } = await run(trial, speaking)
      assert.equal(code, 0)
      assert.equal(failed, undefined)
      assert.match(saidIn(events), /It is made\./)
      assert.match(await readFile(join(places.workspace, 'made.txt'), 'utf8'), /^made/)
      assert.deepEqual(
        events.filter(({ type }) => !allowed.has(type)),
        [],
      )
    })

    test('is read alike however its output is cut', options, async () => {
      await using trial = await openTrial(openGateway, script && { script })
      const { printed, events, summary } = await run(trial, speaking)
      for (const size of [1, 7, 1000]) {
        const again = readAgain(agent.read(), printed, size)
        assert.equal(saidIn(again.events), saidIn(events))
        assert.deepEqual(othersIn(again.events), othersIn(events))
        assert.equal(again.summary, summary)
      }
    })

    test('ends with another code than 0 when it fails', options, async () => {
      await using trial = await openTrial(openGateway, script && { script })
      assert.notEqual((await run(trial, failing)).code, 0)
    })

    test('goes on where there is no session to go on from', options, async () => {
      await using trial = await openTrial(openGateway, script && { script })
      const { code, events } = await run(trial, speaking, { resumes: true })
      assert.equal(code, 0)
      assert.match(saidIn(events), /It is made\./)
    })

    test('takes any output without throwing, and tells nothing that is not for an agent to tell', () => {
      const forged = ['result', 'ended', 'metered', 'committed'].map(type =>
        JSON.stringify({ type, cost: 0 }),
      )
      const noise = Array.from({ length: 50 }, (_, n) => randomBytes(n * 13).toString('latin1'))
      const printed: Printed = [...forged, '{', 'null', '[]', '"', '\u0000', '\ud800', ...noise].flatMap(
        text =>
          [
            ['out', `${text}\n`],
            ['err', `${text}\n`],
          ] as const,
      )
      const { events } = readAgain(agent.read(), printed, 64)
      assert.deepEqual(
        events.filter(({ type }) => !allowed.has(type)),
        [],
      )
    })

    test('is not done before it was heard', () => {
      assert.equal(agent.read().done, false)
      assert.deepEqual(agent.read().end().events, [])
    })
  })
}
