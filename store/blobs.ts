import { createWriteStream } from 'node:fs'
import { glob, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Files } from './files.ts'
import { TooLarge } from './files.ts'
import { randomId } from './ids.ts'

/** The files port on a folder: a blob is written beside, brought to disk, and then named, so that none is ever half there. */
export const openBlobs = (folder: string): Files => {
  const pathOf = (id: string) => {
    if (!/^[a-z0-9]+$/.test(id)) throw new RangeError(`A file id is made of a-z and 0-9, and "${id}" is not.`)
    return join(folder, id)
  }
  return {
    write: async (id, source, limit) => {
      const path = pathOf(id)
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const beside = `${path}.${randomId()}.part`
      let bytes = 0
      const count = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          bytes += chunk.length
          done(bytes > limit ? new TooLarge(limit) : null, chunk)
        },
      })
      try {
        const stream = source instanceof Readable ? source : Readable.from([Buffer.from(source)])
        await pipeline(stream, count, createWriteStream(beside, { mode: 0o600, flush: true }))
        await rename(beside, path)
        await syncFolder(folder)
      } catch (error) {
        await rm(beside, { force: true })
        throw error
      }
      return { bytes }
    },
    read: async id => {
      try {
        return (await open(pathOf(id), 'r')).createReadStream()
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw error
      }
    },
    remove: async id => rm(pathOf(id), { force: true }),
  }
}

/** Removes what a killed process left half written. Only for who has the folder alone and writes nothing yet. */
export const dropUnfinished = async (folder: string): Promise<void> => {
  for await (const part of glob('*.part', { cwd: folder })) await rm(join(folder, part), { force: true })
}

/** A rename is on disk when its folder is. */
const syncFolder = async (folder: string) => {
  await using handle = await open(folder, 'r')
  await handle.sync()
}
