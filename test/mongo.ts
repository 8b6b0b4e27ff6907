import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { engine } from './engines.ts'

/** A server that speaks MongoDB's protocol and keeps all in memory, in a process of its own that ends with this one. */
export interface TestMongo extends AsyncDisposable {
  /** Names an empty database. */
  readonly url: string
  /** Names another empty database on the same server. */
  fresh(): string
  readonly pid: number
  /** Stops it, as a hung machine would: from then on connections stay open and nothing answers. */
  stop(): void
  /** Lets it go on. What was asked of it meanwhile is done then. */
  resume(): void
}

/** Starts a server of its own on a free port. */
export const openTestMongo = async (): Promise<TestMongo> => {
  const found = await engine('mongo-java-server')
  if (!found.ok) throw new Error(found.why)
  const server = spawn(found.path, ['0', 'leashed'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const over = once(server, 'exit')
  const port = await portOf(server)
  const fresh = () => `mongodb://127.0.0.1:${port}/test-${randomUUID()}`
  return {
    url: fresh(),
    fresh,
    pid: server.pid!,
    stop: () => {
      server.kill('SIGSTOP')
      while (!stands(server.pid!));
    },
    resume: () => void server.kill('SIGCONT'),
    [Symbol.asyncDispose]: async () => {
      server.kill('SIGKILL')
      await over
    },
  }
}

const portOf = (server: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    createInterface({ input: server.stdout! }).once('line', line => resolve(Number(line)))
    server.once('error', reject)
    server.once('exit', code => reject(new Error(`mongo-java-server ended (${code}) before it was open.`)))
  })

/** Whether each thread of a process has stopped: a signal reaches them one by one. True where there is no /proc to tell. */
const stands = (pid: number): boolean => {
  const tasks = `/proc/${pid}/task`
  if (!existsSync(tasks)) return true
  return readdirSync(tasks).every(task => {
    try {
      return /\) T /.test(readFileSync(join(tasks, task, 'stat'), 'utf8'))
    } catch {
      return true // It ended meanwhile.
    }
  })
}
