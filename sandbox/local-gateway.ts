import { access, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Door } from './gateway/door.ts'
import { openDoor } from './gateway/door.ts'
import { openMemory } from './gateway/memory.ts'
import type { Price } from './gateway/prices.ts'
import { socketName } from './gateway/socket.ts'
import { openTurns } from './gateway/turns.ts'
import type { Admission, Doors, Gateway, ModelAccess } from './gateway.ts'

/** How often attempts are looked for that ended elsewhere, such as one that another runner took over: every 10 s. */
const sweepMs = 10_000

/**
 * The gateway in this process: below `folder`, which is its alone, a folder `<job>-<attempt>` with a socket for each admitted
 * attempt. What an earlier gateway had open here gets its sockets again, which admit and release wait for, and what is no
 * job's attempt any more is released, then and from time to time. Rejects to admit an attempt while a later one of the same job has its socket.
 */
export const openGateway = ({
  folder,
  doors,
  model,
  prices,
  failed = error => console.error(error),
}: {
  readonly folder: string
  readonly doors: Doors
  readonly model?: ModelAccess
  /** Prices in place of the vendor's list, by how a model's name begins. */
  readonly prices?: Readonly<Record<string, Price>>
  /** Hears of what failed in the gateway itself while it served a box. */
  readonly failed?: (error: unknown) => void
}): Gateway => {
  const open = new Map<string, Door>()
  const memory = openMemory(folder, failed)
  const turns = openTurns()
  let closing = false
  const folderOf = (job: string, attempt: number) => join(folder, `${job}-${attempt}`)

  /** Ends the socket and leaves its folder. */
  const shut = async (job: string, door: Door) => {
    await door.close()
    if (open.get(job) === door) open.delete(job)
  }
  const leave = async (job: string, attempt: number) => {
    const door = open.get(job)
    if (door?.attempt === attempt) await shut(job, door)
    await memory.forget(job, attempt)
    // Also one that an earlier process left.
    await rm(folderOf(job, attempt), { recursive: true, force: true })
  }
  const enter = async (given: Admission): Promise<string> => {
    const { job, attempt } = given
    const path = folderOf(job, attempt)
    const before = open.get(job)
    if (before && before.attempt > attempt)
      throw new Error(`Attempt ${attempt} of job ${job} comes after attempt ${before.attempt} was admitted.`)
    if (before?.attempt === attempt) {
      if (await isThere(join(path, socketName))) return path
      await shut(job, before)
    } else if (before) await leave(job, before.attempt)
    if (closing) throw new Error('The gateway is closing and lets nobody in.')
    const remembered = await memory.get(job, attempt)
    if (!remembered) await memory.keep(given)
    const admission = remembered ?? given
    open.set(job, await openDoor({ admission, folder: path, doors, access: model, prices, failed }))
    return path
  }

  const restore = async () => {
    const remembered = await memory.all()
    const entering = remembered.map(admission => turns.take(admission.job, () => enter(admission)))
    for (const { reason } of (await Promise.allSettled(entering)).filter(each => each.status === 'rejected'))
      if (!closing) failed(reason)
    return remembered
  }
  const sweep = async ({ job, attempt }: Pick<Admission, 'job' | 'attempt'>) => {
    if (closing || (await doors.current({ job, attempt }))) return
    await turns.take(job, () => leave(job, attempt))
  }
  const sweepAll = async (all: readonly Pick<Admission, 'job' | 'attempt'>[]) => {
    await Promise.all(all.map(each => sweep(each).catch(failed)))
  }
  const restored = restore().catch((error: unknown) => {
    failed(error)
    return []
  })
  let swept = restored.then(sweepAll)
  const timer = setInterval(() => {
    swept = swept.then(() => sweepAll([...open].map(([job, { attempt }]) => ({ job, attempt }))))
  }, sweepMs)

  return {
    admit: async admission => {
      await restored
      return { folder: await turns.take(admission.job, () => enter(admission)) }
    },
    release: async (job, attempt) => {
      await restored
      await turns.take(job, () => leave(job, attempt))
    },
    [Symbol.asyncDispose]: async () => {
      closing = true
      clearInterval(timer)
      await swept
      await turns.all()
      await Promise.all([...open].map(([job, door]) => shut(job, door)))
    },
  }
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
