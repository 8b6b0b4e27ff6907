import { join } from 'node:path'
import { z } from 'zod'
import { longestPath } from './socket.ts'

/**
 * How a runner and the gateway of its host speak, as HTTP over a socket: `POST /admit` takes an `Admission` and answers 200
 * with `{ name }`, the attempt's folder below the one that both see; `POST /release` takes `{ job, attempt }` and answers
 * 204. Anything else is answered with `{ error }`, a sentence.
 */
export const admitted = z.object({ name: z.string().regex(/^[a-z0-9]+-\d+$/i) })
export const failure = z.object({ error: z.string() })

/** The socket that runners ask at. Throws a sentence where its path is too long for a socket. */
export const controlSocket = (folder: string): string => {
  const path = join(folder, 'control.sock')
  if (Buffer.byteLength(path) >= longestPath)
    throw new Error(`The path ${path} is too long for a socket: set GATEWAY_FOLDER to a shorter one.`)
  return path
}
