import type { ChildProcess, StdioOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Frame, Start } from './box/frames.ts'
import type { Box, BoxExit, BoxPaths } from './sandbox.ts'
import { NoBox } from './sandbox.ts'
import { follow } from './spool.ts'

/** A box that has not said a word after this long will not: 30 s. */
const readyMs = 30_000
/** As much of its complaints as is kept for a sentence: 4 KB. */
const keptComplaint = 4096

export interface Launch {
  readonly argv: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  readonly uid?: number
  /** Bytes that the started program reads from its descriptor 3. */
  readonly extra?: Buffer
  /** The box's folder on the host; the spool is kept in it. */
  readonly folder: string
  readonly paths: BoxPaths
  /** What the entry is told first; without it, its input ends at once. */
  readonly start?: Start
  /** Ends all processes of the box at once. */
  kill(child: ChildProcess): unknown
  /** Called when the box has begun; resolves when the last of its processes is gone, after the first one is. */
  watch(child: ChildProcess): () => Promise<void>
  /** Removes what the box leaves on the host; called when it is closed, and not when it never began. */
  remove(): Promise<void>
}

/**
 * Starts a box's entry, gives it the plan, and waits for its first word. Its output goes straight to a file, so nobody
 * who reads it slowly, or dies, holds it up. Throws `NoBox` with the program's own complaint when it ends before that word.
 */
export const launch = async (parts: Launch): Promise<Box> => {
  const spool = join(parts.folder, 'output')
  const child = start(parts, spool)
  const complaint = tailOf(child.stderr as Readable)
  const stdin = child.stdin as Writable
  stdin.on('error', () => {})
  const say = (line: Start | Frame) => {
    if (stdin.writable) stdin.write(`${JSON.stringify(line)}\n`)
  }
  if (parts.start) say(parts.start)
  else stdin.end()

  const first = exitOf(child)
  const late = setTimeout(() => parts.kill(child), readyMs)
  const ready = await begins(spool, first)
  clearTimeout(late)
  if (!ready) {
    const { why } = await first
    throw new NoBox(why ?? (complaint() || `it did not start within ${readyMs / 1000} seconds`))
  }
  const gone = parts.watch(child)
  const exit = first.then(async ({ why: _, ...how }): Promise<BoxExit> => {
    await gone()
    return how
  })
  const kill = () => {
    if (child.exitCode === null && child.signalCode === null) parts.kill(child)
  }
  let closing: Promise<void> | undefined
  const close = async () => {
    kill()
    await exit
    await parts.remove()
  }
  const box = {
    paths: parts.paths,
    output: (from: number) => follow(spool, from, exit),
    write: (line: string) => say({ frame: 'input', line }),
    closeInput: () => say({ frame: 'close' }),
    signal: (signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL') =>
      signal === 'SIGKILL' ? kill() : say({ frame: 'signal', signal }),
    exit,
    leave: () => {
      closing ??= close()
      return closing
    },
    close: () => {
      closing ??= close()
      return closing
    },
  }
  return { ...box, [Symbol.asyncDispose]: box.close }
}

const start = ({ argv: [file, ...argv], env, uid, extra }: Launch, spool: string): ChildProcess => {
  const output = openSync(spool, 'a', 0o600)
  try {
    const stdio: StdioOptions = ['pipe', output, 'pipe', ...(extra ? (['pipe'] as const) : [])]
    const child = spawn(file, argv, {
      env,
      stdio,
      cwd: '/',
      detached: true,
      ...(uid !== undefined && { uid, gid: uid }),
    })
    const pipe = child.stdio[3] as Writable | undefined
    pipe?.on('error', () => {})
    pipe?.end(extra)
    return child
  } finally {
    closeSync(output)
  }
}

/** How a program ended, or why it could not be started. */
const exitOf = (child: ChildProcess) =>
  new Promise<BoxExit & { readonly why?: string }>(resolve => {
    child.on('error', error => resolve({ why: error.message }))
    child.once('exit', (code, signal) =>
      resolve({ ...(code !== null && { code }), ...(signal !== null && { signal }) }),
    )
  })

const begins = async (spool: string, over: Promise<unknown>): Promise<boolean> => {
  for await (const _ of follow(spool, 0, over)) return true
  return false
}

const tailOf = (stream: Readable) => {
  let tail = ''
  stream.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-keptComplaint)
  })
  return () => tail.trim()
}
