import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

export interface Program {
  readonly argv: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What it reads: a stream, or a text. */
  readonly input?: Readable | string
  /** Where it prints to; otherwise what it prints is given back. */
  readonly output?: (printed: Readable) => Promise<unknown>
  /** Exit codes that are answers rather than failures, besides 0. */
  readonly answers?: readonly number[]
  readonly signal?: AbortSignal
}

export interface Ran {
  readonly code: number
  readonly printed: string
  /** The end of what it wrote to its standard error. */
  readonly complaint: string
}

/** Runs one of the entry's own programs to its end. Throws with its last words when it fails. */
export const run = async (program: Program): Promise<Ran> => {
  const [file, ...rest] = program.argv
  const child = spawn(file, rest, {
    env: program.env,
    ...(program.cwd !== undefined && { cwd: program.cwd }),
    ...(program.signal && { signal: program.signal, killSignal: 'SIGKILL' }),
  })
  const ended = once(child, 'close') as Promise<[number | null, string | null]>
  const complaints = text(child.stderr)
  const printed = program.output ? program.output(child.stdout).then(() => '') : text(child.stdout)
  const [[code, signal], said, errors] = await Promise.all([
    ended,
    printed,
    complaints,
    feed(child.stdin, program.input),
  ])
  const complaint = errors.trim().slice(-2000)
  if (code !== 0 && !(code !== null && program.answers?.includes(code)))
    throw new Error(complaint || `${file} ended with ${signal ?? `exit code ${code}`}`)
  return { code, printed: said.trim(), complaint }
}

/** A program that ends before it has read all says why by its exit code, so a broken pipe is no news. */
const feed = async (stdin: Writable, input: Readable | string | undefined) => {
  try {
    if (input === undefined || typeof input === 'string') {
      stdin.on('error', () => {})
      stdin.end(input)
    } else await pipeline(input, stdin)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}
