import type { ChildProcess, StdioOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Role } from '../config.ts'

/** A real Bellhop in a process of its own. */
export interface RunningHouse extends AsyncDisposable {
  readonly url: string
  readonly process: ChildProcess
  /** Calls the API as the installation's admin. */
  api(path: string, init?: RequestInit): Promise<Response>
  /** Resolves with the exit code, or the signal that ended it. */
  readonly over: Promise<number | NodeJS.Signals>
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
  /** What it printed on standard error and output so far. */
  readonly printed: () => string
}

/**
 * Starts `entry` (main.ts, or a test's own around it) in a role with this environment and nothing else but PATH, and resolves
 * when it answers. Rejects with what it printed when it ends before. It inherits the descriptor
 * `inherited` as number 60, past those that Node closes to its own children by itself.
 */
export const startHouse = async (
  env: Readonly<Record<string, string>> & { readonly BELLHOP_DATA: string },
  {
    entry = join(import.meta.dirname, '..', 'main.ts'),
    inherited = 'ignore',
    role = 'all',
  }: { readonly entry?: string; readonly inherited?: number | 'ignore'; readonly role?: Role } = {},
): Promise<RunningHouse> => {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...Array(57).fill('ignore'), inherited]
  const child = spawn(process.execPath, [entry, 'start', role], {
    env: { PATH: process.env.PATH ?? '', PORT: '0', LOG_LEVEL: 'warn', ...env },
    stdio,
  })
  let printed = ''
  child.stderr!.setEncoding('utf8').on('data', text => {
    printed += text
  })
  const over = once(child, 'close').then(([code, signal]) => code ?? signal) as Promise<
    number | NodeJS.Signals
  >
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', line => {
      printed += `${line}\n`
      const found = /^Bellhop(?: \w+)? is at (\S+)$/.exec(line)
      if (found?.[1]) resolve(found[1])
    })
    over.then(how => reject(new Error(`Bellhop ended (${how}) before it was open:\n${printed}`)))
  })
  // Only a role with pages has an admin's token.
  const token = (await readFile(join(env.BELLHOP_DATA, 'admin-token'), 'utf8').catch(() => '')).trim()
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return await over
  }
  return {
    url,
    process: child,
    over,
    stop,
    printed: () => printed,
    api: (path, init = {}) =>
      fetch(`${url}/api/v1${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers },
      }),
    [Symbol.asyncDispose]: async () => void (await stop('SIGKILL')),
  }
}

/** Looks at something again and again until it is there; rejects with what was seen last after `ms`. */
export const until = async <T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  ms = 30_000,
): Promise<T> => {
  const deadline = Date.now() + ms
  let trouble: unknown
  while (Date.now() < deadline) {
    try {
      const seen = await look()
      if (seen) return seen
      trouble = undefined
    } catch (error) {
      trouble = error
    }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`Waited ${ms} ms for ${what}.`, { cause: trouble })
}
