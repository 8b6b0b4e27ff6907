import { execFile } from 'node:child_process'
import { chmod, mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openClient } from './client.ts'
import type { Figure } from './figure.ts'
import { programs, scratch, startServer } from './server.ts'

const run = promisify(execFile)
const jobs = 60

/** Jobs a second from the API to their ends, all asked for at once: one process, bubblewrap, a command that changes nothing. */
export const jobsEmbedded = async (): Promise<readonly Figure[]> => {
  await using folder = await scratch()
  await chmod(folder.path, 0o711)
  const data = join(folder.path, 'data')
  await using server = await startServer(programs.bellhop, { BELLHOP_DATA: data, SANDBOX: 'bubblewrap' })
  await using client = await openClient(server.url, data)
  const carry = async () => {
    const { id } = await client.submit({ agent: 'command', prompt: 'true' })
    // The stream ends with the job.
    for await (const _ of client.said(id, AbortSignal.timeout(120_000)));
    const { state, summary } = await client.job(id)
    if (state !== 'succeeded') throw new Error(`A job ended as ${state}: ${summary}`)
  }
  await carry()
  const value = await rate(() => Promise.all(Array.from({ length: jobs }, carry)))

  const repository = join(folder.path, 'raw.git')
  await run('git', ['init', '--quiet', '--bare', repository])
  const floor = await rate(() => raw(repository, folder.path))
  const cores = availableParallelism()
  const notes = `${jobs} jobs asked for at once, ${cores} at a time; floor: a shell that clones a repository and runs \`true\`, ${cores} at a time, with no isolation, log or thread`
  return [{ figure: 'jobs_embedded', value, unit: 'jobs/s', floor, n: jobs, notes }]
}

const rate = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now()
  await work()
  return (1000 * jobs) / (performance.now() - begun)
}

const raw = async (repository: string, folder: string): Promise<void> => {
  let left = jobs
  const hand = async () => {
    while (left-- > 0) {
      const work = join(folder, `raw-${left}`)
      await mkdir(work)
      await run('sh', ['-c', `git clone --quiet ${repository} . 2>/dev/null; true`], { cwd: work })
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, hand))
}
