import { watch } from 'node:fs'
import { open } from 'node:fs/promises'

/** How much is read at once: 64 KB. */
const piece = 64 * 1024
/** A change that the watch missed is seen after this long: 1 s. */
const lookAgainMs = 1000

/**
 * The bytes of a file that still grows, from position `from` on, as they come. Ends when `over` has settled and all was
 * read. Yields nothing where the file is gone. Leaving the loop lets go of the file.
 */
export async function* follow(
  path: string,
  from: number,
  over: Promise<unknown>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return
  let ended = false
  let changed = Promise.withResolvers<void>()
  const look = () => changed.resolve()
  const end = () => {
    ended = true
    look()
  }
  over.then(end, end)
  const watcher = watchOf(path, look)
  const timer = setInterval(look, lookAgainMs)
  try {
    let at = from
    while (true) {
      const last = ended
      changed = Promise.withResolvers<void>()
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(piece), 0, piece, at)
      if (bytesRead > 0) {
        at += bytesRead
        yield buffer.subarray(0, bytesRead)
      } else if (last) {
        return
      } else if (!ended) {
        await changed.promise
      }
    }
  } finally {
    clearInterval(timer)
    watcher?.close()
    await file.close()
  }
}

/** A watch costs one of the host's few; without it, the timer still sees what comes. */
const watchOf = (path: string, look: () => void) => {
  try {
    return watch(path, look).on('error', () => {})
  } catch {
    return undefined
  }
}
