import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Admission } from '../gateway.ts'

/** An attempt as it may be named; a job's name becomes part of a path. */
export const attemptShape = z.object({
  job: z.string().regex(/^[a-z0-9]+$/i),
  attempt: z.number().int().min(0),
})

/** What came as JSON and may be admitted. */
export const admissionShape = attemptShape.extend({
  grants: z.object({
    repository: z.string(),
    push: z.string(),
    files: z.array(z.string()),
    budget: z.number().min(0).exactOptional(),
  }),
})

/** The admissions that a gateway has open, on disk, for the one that takes its place. */
export interface Memory {
  /** Remembers an admission. A crash meanwhile leaves it whole or not at all. */
  keep(admission: Admission): Promise<void>
  /** Nothing happens when there is none. */
  forget(job: string, attempt: number): Promise<void>
  get(job: string, attempt: number): Promise<Admission | undefined>
  /** All of them, by attempt. What cannot be read is passed over, and told. */
  all(): Promise<readonly Admission[]>
}

/** The memory in the folder `admitted` beside the sockets' folders, which no box sees; only its owner may read it. */
export const openMemory = (folder: string, failed: (error: unknown) => void): Memory => {
  const admitted = join(folder, 'admitted')
  const fileOf = (name: string) => join(admitted, `${name}.json`)

  const read = async (name: string): Promise<Admission | undefined> => {
    try {
      return admissionShape.parse(JSON.parse(await readFile(fileOf(name), 'utf8')))
    } catch (cause) {
      if (isMissing(cause)) return undefined
      failed(new Error(`The admission ${name} cannot be read, so its socket is not restored.`, { cause }))
      return undefined
    }
  }
  return {
    keep: async admission => {
      await mkdir(admitted, { recursive: true, mode: 0o700 })
      const file = fileOf(nameOf(admission.job, admission.attempt))
      await writeFile(`${file}.part`, JSON.stringify(admission), { mode: 0o600 })
      await rename(`${file}.part`, file)
    },
    forget: async (job, attempt) => {
      const file = fileOf(nameOf(job, attempt))
      await Promise.all([file, `${file}.part`].map(path => rm(path, { force: true })))
    },
    get: (job, attempt) => read(nameOf(job, attempt)),
    all: async () => {
      const names = await readdir(admitted).catch((error: unknown) => {
        if (isMissing(error)) return []
        throw error
      })
      const found = await Promise.all(
        names.flatMap(name => (name.endsWith('.json') ? [read(name.slice(0, -'.json'.length))] : [])),
      )
      return found.filter(admission => admission !== undefined).sort((a, b) => a.attempt - b.attempt)
    },
  }
}

const nameOf = (job: string, attempt: number) => `${job}-${attempt}`

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT'
