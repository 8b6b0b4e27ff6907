import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { engine } from './engines.ts'

/** A real Redis of its own, in a process that ends with this one. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The process that runs now; another one after each `restart`. */
  readonly pid: number
  /** Ends it as a crash would, and resolves once it is gone. What it had written stays on disk. */
  kill(): Promise<void>
  /** Starts it again on the same port with what is on disk, after a crash if it still ran. */
  restart(): Promise<void>
  /** Has it forget everything. */
  flush(): Promise<void>
}

/** Starts a server on a free port of the loopback, which appends what it is told to a file every second and evicts nothing. */
export const openTestRedis = async (): Promise<TestRedis> => {
  const found = await engine('redis')
  if (!found.ok) throw new Error(found.why)
  const { path } = found
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-redis-'))
  const port = await freePort()
  let server = await start()

  async function start(): Promise<Server> {
    const settings = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'yes' }
    const kept = { appendfsync: 'everysec', 'maxmemory-policy': 'noeviction' }
    const options = Object.entries({ ...settings, ...kept }).flatMap(([key, value]) => [
      `--${key}`,
      `${value}`,
    ])
    const child = spawn(path, options, { stdio: ['ignore', 'pipe', 'inherit'] })
    const over = once(child, 'exit')
    await isReady(child)
    // Its input closes when this process ends, however that comes about.
    const leash = spawn('sh', ['-c', `cat >/dev/null; kill -9 ${child.pid}`], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const loose = once(leash, 'exit')
    return {
      pid: child.pid!,
      end: async () => {
        leash.kill('SIGKILL')
        child.kill('SIGKILL')
        await Promise.all([over, loose])
      },
    }
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid
    },
    kill: () => server.end(),
    restart: async () => {
      await server.end()
      server = await start()
    },
    flush: async () => {
      const socket = connect(port, '127.0.0.1').end('FLUSHALL\r\n')
      socket.resume()
      await once(socket, 'close')
    },
    [Symbol.asyncDispose]: async () => {
      await server.end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Server {
  readonly pid: number
  end(): Promise<void>
}

const isReady = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let printed = ''
    createInterface({ input: child.stdout! }).on('line', line => {
      printed += `${line}\n`
      if (line.includes('Ready to accept connections')) resolve()
    })
    child.once('error', reject)
    child.once('exit', code =>
      reject(new Error(`redis-server ended (${code}) before it was open:\n${printed}`)),
    )
  })

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('A port was expected.')
  return address.port
}
