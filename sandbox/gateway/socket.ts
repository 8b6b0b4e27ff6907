import { chmod, mkdir, open, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { platform } from 'node:os'
import { join } from 'node:path'

/** A path of a unix socket may have this many bytes, on Linux; elsewhere a few less. */
const longestPath = 104

/**
 * Makes a folder that holds one listening socket. The folder's name is known to the host alone, and a box sees only its own:
 * so anybody who sees the socket may connect. Rejects with a sentence when the path is too long for a socket.
 */
export const listenIn = async (server: Server, folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o711 })
  const socket = join(folder, 'gateway.sock')
  if (Buffer.byteLength(socket) < longestPath) await listen(server, socket)
  else await listenShort(server, folder)
  await chmod(socket, 0o666)
}

/** A folder that is open has a short name as well: the socket is bound by that. */
const listenShort = async (server: Server, folder: string) => {
  if (platform() !== 'linux')
    throw new Error(`The path ${folder} is too long for a socket; set BELLHOP_DATA to a shorter one.`)
  await using handle = await open(folder, 'r')
  await listen(server, `/proc/self/fd/${handle.fd}/gateway.sock`)
}

const listen = (server: Server, path: string) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
