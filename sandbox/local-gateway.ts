import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Door } from './gateway/door.ts'
import { openDoor } from './gateway/door.ts'
import type { Price } from './gateway/prices.ts'
import type { Doors, Gateway, ModelAccess } from './gateway.ts'

/**
 * The gateway in this process: below `folder`, which is its alone, a folder `<job>-<attempt>` with a socket for each admitted
 * attempt. Rejects to admit an attempt while a later one of the same job has its socket.
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
  const folderOf = (job: string, attempt: number) => join(folder, `${job}-${attempt}`)

  const release = async (job: string, attempt: number) => {
    const door = open.get(job)
    if (door?.attempt === attempt) {
      await door.close()
      if (open.get(job) === door) open.delete(job)
    }
    // Also one that an earlier process left.
    await rm(folderOf(job, attempt), { recursive: true, force: true })
  }
  return {
    admit: async admission => {
      const { job, attempt } = admission
      const before = open.get(job)
      if (before && before.attempt > attempt)
        throw new Error(
          `Attempt ${attempt} of job ${job} comes after attempt ${before.attempt} was admitted.`,
        )
      if (before) await release(job, before.attempt)
      const path = folderOf(job, attempt)
      open.set(job, await openDoor({ admission, folder: path, doors, access: model, prices, failed }))
      return { folder: path }
    },
    release,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...open].map(([job, { attempt }]) => release(job, attempt)))
    },
  }
}
