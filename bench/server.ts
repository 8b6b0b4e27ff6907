import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '..')

/** What `npm start` runs, without the `node` in front. */
const startScript = (): readonly string[] => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return scripts.start
    .split(' ')
    .slice(1)
    .map((word: string) => (word.endsWith('.ts') ? join(root, word) : word))
}

/** The real program and the bare servers it is measured against, by the arguments that node is started with. */
export const programs = {
  bellhop: startScript(),
  /** Hono and node:sqlite with one page: what any server of this make must be. */
  hono: [join(root, 'bench/floors/hono.mjs')],
  /** Hono and a stream of server-sent events, one a second. */
  sse: [join(root, 'bench/floors/sse.mjs')],
  /** Bolt, discord.js, BullMQ and the mongodb driver, connected, and Hono; with the options that node has in `npm start`. */
  chat: [...startScript().filter(word => word.startsWith('--')), join(root, 'bench/floors/chat.mjs')],
  /** node:http and node:sqlite, one insert a request. */
  insert: [join(root, 'bench/floors/insert.mjs')],
}

export interface Server extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Milliseconds from the spawn until `/readyz` answered 200. */
  readonly readyMs: number
}

/** Starts a program with nothing but PATH and `env` in its environment, and resolves when its `/readyz` answers 200. */
export const startServer = async (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Server> => {
  const begun = performance.now()
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH ?? '', HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const over = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    await over
  }
  try {
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', text => {
        const found = / at (http:\S+)$/.exec(text)
        if (found?.[1]) resolve(found[1])
      })
      over.then(([code]) => reject(new Error(`${args.join(' ')} ended with ${code} before it was open.`)))
    })
    while (!(await answers(`${url}/readyz`)));
    return { url, pid: child.pid ?? 0, readyMs: performance.now() - begun, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const answers = async (url: string): Promise<boolean> => {
  const response = await fetch(url)
  await response.body?.cancel()
  return response.ok
}

export interface Scratch extends AsyncDisposable {
  readonly path: string
}

/** A temporary folder that goes away with its owner; boxes of other users can pass through it. */
export const scratch = async (): Promise<Scratch> => {
  const path = await mkdtemp(join(tmpdir(), 'bellhop-bench-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
