import type { Readable } from 'node:stream'
import { setTimeout as elapse } from 'node:timers/promises'
import type Docker from 'dockerode'
import { statusOf } from './daemon.ts'

/** A stream that was cut is followed again after this long: 200 ms. */
const pauseMs = 200

/** Each piece of a log comes behind eight bytes: which stream it is of, and at the fourth its length. */
const headBytes = 8

/**
 * The bytes of a container's standard output from position `from` on, as they come, over as many connections as it takes.
 * Ends when `over` has settled and all was read, when the container is gone, and when `signal` aborts.
 */
export async function* followLogs(
  container: Docker.Container,
  from: number,
  over: Promise<unknown>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let ended = false
  const end = over.then(() => {
    ended = true
  })
  let at = from
  while (!signal.aborted) {
    const last = ended
    try {
      let position = 0
      for await (const bytes of piecesOf(container, signal)) {
        const known = Math.max(0, at - position)
        position += bytes.length
        if (known >= bytes.length) continue
        at = position
        yield bytes.subarray(known)
      }
      // What came between the end of the stream and that of the box is in the next one.
      if (last) return
      await Promise.race([end, elapse(pauseMs)])
    } catch (error) {
      if (statusOf(error) === 404) return
      await elapse(pauseMs)
    }
  }
}

async function* piecesOf(container: Docker.Container, signal: AbortSignal) {
  const stream = (await container.logs({ stdout: true, stderr: false, follow: true })) as Readable
  const stop = () => stream.destroy()
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    yield* unframe(stream)
  } finally {
    signal.removeEventListener('abort', stop)
    stream.destroy()
  }
}

/** What stands in the frames of a log. */
async function* unframe(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let head = Buffer.alloc(0)
  let left = 0
  for await (let bytes of stream)
    while (bytes.length > 0)
      if (left > 0) {
        const piece = bytes.subarray(0, left)
        left -= piece.length
        bytes = bytes.subarray(piece.length)
        yield piece
      } else {
        const missing = headBytes - head.length
        head = Buffer.concat([head, bytes.subarray(0, missing)])
        bytes = bytes.subarray(missing)
        if (head.length < headBytes) continue
        left = head.readUInt32BE(4)
        head = Buffer.alloc(0)
      }
}
