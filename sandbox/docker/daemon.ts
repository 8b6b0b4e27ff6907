import { setTimeout as elapse } from 'node:timers/promises'
import Docker from 'dockerode'

/** A daemon that has not said what it is after this long does not answer: 5 s. */
const patienceMs = 5000

/** Docker's daemon does not answer, or not as one; the message is a sentence for the one who runs Bellhop. */
export class NoDaemon extends Error {
  override name = 'NoDaemon'
}

/** How a daemon is called up: at an address as `DOCKER_HOST` takes it, or where this system usually has it. */
export const openDaemon = (address?: string): Docker => {
  if (address === undefined) return new Docker()
  if (address.startsWith('unix://'))
    return new Docker({ host: '', socketPath: address.slice('unix://'.length) })
  const url = new URL(address.includes('://') ? address : `tcp://${address}`)
  const secure = url.protocol === 'https:' || url.port === '2376'
  return new Docker({
    host: url.hostname,
    port: url.port || (secure ? 2376 : 2375),
    protocol: url.protocol === 'ssh:' ? 'ssh' : secure ? 'https' : 'http',
    ...(url.username && { username: url.username }),
  })
}

/** What the daemon says of itself. Throws `NoDaemon` when it does not answer within 5 s. */
export const daemonOf = async (docker: Docker): Promise<Daemon> => {
  const patience = new AbortController()
  const late = elapse(patienceMs, undefined, patience).then(() => {
    throw new Error(`no answer after ${patienceMs / 1000} seconds`)
  })
  try {
    const asked = Promise.all([docker.version(), docker.info()])
    const [version, info] = await Promise.race([asked, late])
    return {
      id: info.ID,
      arch: version.Arch,
      api: version.ApiVersion,
      cpus: info.NCPU,
      limits: { memory: info.MemoryLimit, processes: info.PidsLimit, cpu: info.CpuCfsQuota },
      filters: (info.SecurityOptions as string[]).some(option => option.includes('seccomp')),
    }
  } catch (error) {
    throw noDaemon(error)
  } finally {
    patience.abort()
    late.catch(() => {})
  }
}

export interface Daemon {
  /** Tells it from every other daemon. */
  readonly id: string
  /** In Go's words: `amd64`, `arm64`. */
  readonly arch: string
  /** The newest API that it speaks, such as `1.41`. */
  readonly api: string
  readonly cpus: number
  /** Which limits its kernel can set. */
  readonly limits: { readonly memory: boolean; readonly processes: boolean; readonly cpu: boolean }
  /** Whether it puts containers under a filter of system calls. */
  readonly filters: boolean
}

/** Whether an error means that nobody answered, rather than that the answer was no. */
export const isAway = (error: unknown): boolean =>
  (error as { statusCode?: number }).statusCode === undefined && codeOf(error) !== undefined

/** The HTTP status of the daemon's answer, if an error is one. */
export const statusOf = (error: unknown): number | undefined => (error as { statusCode?: number }).statusCode

/** The sentence for an error that came instead of an answer. */
export const noDaemon = (error: unknown): NoDaemon => {
  const why = error instanceof Error ? error.message : String(error)
  if (codeOf(error) === 'EACCES')
    return new NoDaemon(`This user may not use Docker (${why}): add it to the group of Docker's socket.`, {
      cause: error,
    })
  return new NoDaemon(
    `Docker does not answer (${why}): start it, or say where it is with DOCKER_HOST, such as DOCKER_HOST=unix:///var/run/docker.sock.`,
    { cause: error },
  )
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code
