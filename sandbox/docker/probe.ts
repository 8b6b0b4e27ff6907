import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import type Docker from 'dockerode'
import { NoBox } from '../sandbox.ts'
import { removeContainer } from './box.ts'

/** A probe's box that is not over after this long will not be: 30 s. */
export const usualProbeMs = 30_000

/** Runs a probe's box to its end and removes it. Throws `NoBox` with its complaint when it did not get to its first word. */
export const runProbe = async (container: Docker.Container, ms: number): Promise<void> => {
  try {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true })
    const [out, err] = [new PassThrough(), new PassThrough()]
    container.modem.demuxStream(stream, out, err)
    stream.on('close', () => [out, err].map(half => half.end()))
    const said = Promise.all([text(out), text(err)])
    await container.start()
    const late = setTimeout(() => container.kill().catch(() => {}), ms)
    const [ready, complaint] = await said
    clearTimeout(late)
    if (!ready.includes('"ready"')) throw new NoBox(`Docker's box does not work: ${complaint.trim()}`)
  } finally {
    await removeContainer(container)
  }
}

/**
 * Clears away what a process left that was killed between the making and the start of its probe: called with all probes
 * that are made and not started, it removes those that it has known as such for `ms`. It goes by no clock but its own.
 */
export const openProbeSweep = (
  docker: Docker,
  ms: number,
): ((unstarted: readonly Docker.ContainerInfo[]) => Promise<void>) => {
  let since: ReadonlyMap<string, number> = new Map()
  return async unstarted => {
    const time = performance.now()
    since = new Map(unstarted.map(({ Id }) => [Id, since.get(Id) ?? time]))
    for (const [id, seen] of since) if (time - seen >= ms) await removeContainer(docker.getContainer(id))
  }
}
