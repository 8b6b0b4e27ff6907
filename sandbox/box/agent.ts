import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as elapse } from 'node:timers/promises'
import type { AgentCommand } from '../sandbox.ts'
import type { Frame } from './frames.ts'
import { kill } from './marked.ts'
import type { Reporter } from './report.ts'

/** How long an agent past its time has between SIGTERM and SIGKILL, and its output to end after it: 5 s, 2 s. */
const graceMs = 5000
const drainMs = 2000

export interface AgentParts {
  readonly command: AgentCommand
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly timeoutSeconds: number
  readonly report: Reporter
  /** Kills what the agent started and left behind. */
  readonly sweep: () => void
}

export interface AgentEnd {
  readonly code?: number
  readonly signal?: NodeJS.Signals
}

export interface RunningAgent {
  /** Gives it a line, closes its input, or signals its whole group. */
  take(frame: Frame): void
  /** Kills its whole group. */
  kill(): void
  /** Resolves when it is over, what it left is killed, and its output is reported. */
  readonly over: Promise<AgentEnd>
}

/** Starts the agent in a process group of its own. Throws when there is no such program. */
export const startAgent = async (parts: AgentParts): Promise<RunningAgent> => {
  const [file = '', ...argv] = parts.command.argv
  const child = spawn(file, argv, { cwd: parts.cwd, env: parts.env, detached: true })
  await once(child, 'spawn')
  const group = -(child.pid as number)
  const { stdin } = child
  stdin.on('error', () => {})
  const closed = once(child, 'close')
  relay(child.stdout, text => parts.report.output('out', text))
  relay(child.stderr, text => parts.report.output('err', text))
  for (const line of parts.command.input) stdin.write(`${line}\n`)
  if (!parts.command.keepOpen) stdin.end()

  let running = true
  const signal = (name: NodeJS.Signals) => {
    if (running) kill(group, name)
  }
  const late = setTimeout(() => {
    signal('SIGTERM')
    setTimeout(() => signal('SIGKILL'), graceMs).unref()
  }, parts.timeoutSeconds * 1000)

  const ending = async () => {
    const [code, name] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    running = false
    clearTimeout(late)
    kill(group, 'SIGKILL')
    parts.sweep()
    // A process that hides from the sweep may hold the output open; it ends with the box.
    await Promise.race([closed, elapse(drainMs, undefined, { ref: false })])
    return { ...(code !== null && { code }), ...(name !== null && { signal: name }) }
  }
  return {
    take: frame => {
      switch (frame.frame) {
        case 'input':
          if (stdin.writable) stdin.write(`${frame.line}\n`)
          break
        case 'close':
          stdin.end()
          break
        case 'signal':
          signal(frame.signal)
          break
        default:
          frame satisfies never
      }
    },
    kill: () => signal('SIGKILL'),
    over: ending(),
  }
}

const relay = (stream: Readable, report: (text: string) => void) =>
  stream.setEncoding('utf8').on('data', report)
