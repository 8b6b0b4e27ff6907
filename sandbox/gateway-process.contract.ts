import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Agent, request } from 'undici'
import { openBare } from '../store/bare.ts'
import { openBlobs } from '../store/blobs.ts'
import type { Answer, Asked } from '../test/anthropic.ts'
import { openAnthropic } from '../test/anthropic.ts'
import { until } from '../test/house.ts'
import { openRemoteGateway } from './remote-gateway.ts'

/** A gateway in a process of its own, which the test kills and starts, and a runner's way to it. */
export const openProcessTrial = async (script: (asked: Asked, n: number) => Answer) => {
  await using opening = new AsyncDisposableStack()
  const root = await mkdtemp(join(tmpdir(), 'gateway-'))
  opening.defer(() => rm(root, { recursive: true, force: true }))
  await chmod(root, 0o711)
  const anthropic = opening.use(await openAnthropic({ script }))
  const repos = openBare(join(root, 'repos'), { now: () => new Date() })
  await repos.create('shop')
  await openBlobs(join(root, 'files')).write('f1', 'what was uploaded', 100)
  const folder = join(root, 'gateways')

  const opened = opening.move()
  /** Resolves when it serves, or with what it said when it ended before. */
  const start = async () => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, '../test/gateway-entry.ts'), root, anthropic.url],
      { env: { PATH: process.env.PATH ?? '' }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    opened.defer(() => end(child))
    const said = text(child.stderr)
    const over = once(child, 'close').then(async ([code]) => ({ code, said: await said }) as const)
    const serves = once(child.stdout, 'data').then(() => undefined)
    return { child, over, early: await Promise.race([serves, over]) }
  }
  const remote = opened.use(openRemoteGateway({ folder, patienceMs: 30_000 }))
  /** Resolves when that many calls are in the log, which is shortly after their answers have ended. */
  const metered = (calls: number) =>
    until(`${calls} calls to be metered`, async () => {
      const ledger = await readFile(join(root, 'metered'), 'utf8')
      return ledger.split('\n').length > calls
    })
  /** A way in that keeps the folder as a mount does: a folder of the same name in its place would not be seen. */
  const hold = async (attempt: string) => {
    const handle = await open(attempt, 'r')
    const agent = new Agent({ connect: { socketPath: `/proc/self/fd/${handle.fd}/gateway.sock` } })
    opened.defer(async () => {
      await agent.destroy()
      await handle.close()
    })
    return (path: string, body?: object) =>
      request(`http://gateway.local${path}`, {
        dispatcher: agent,
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      })
  }
  return {
    root,
    folder,
    repos,
    anthropic,
    start,
    remote,
    metered,
    hold,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Ends a process if it still runs. */
export const end = async (child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const over = once(child, 'exit')
  child.kill(signal)
  await over
}
