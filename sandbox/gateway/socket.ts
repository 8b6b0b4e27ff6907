import { once } from 'node:events'
import { chmod, mkdir, open, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { dirname, join } from 'node:path'

/** The kernel takes this many bytes as a socket's path, its end included: 108 on Linux, 104 elsewhere. */
export const longestPath = process.platform === 'linux' ? 108 : 104

/** The socket's name in the folder that a box sees. */
export const socketName = 'gateway.sock'

/**
 * Makes a folder that holds nothing but a listening socket. A box sees this folder alone, and no other user can list the one
 * above: so whoever sees the socket may connect to it. Throws a sentence when the path is too long for a socket.
 */
export const listenIn = async (server: Server, folder: string): Promise<void> => {
  for (const path of [dirname(folder), folder]) {
    await mkdir(path, { recursive: true })
    await chmod(path, 0o711)
  }
  const socket = join(folder, socketName)
  await rm(socket, { force: true })
  if (Buffer.byteLength(socket) < longestPath) await listen(server, socket)
  else await listenShort(server, folder)
  await chmod(socket, 0o666)
}

/**
 * A folder that is open has a short name as well, and the socket is bound by that. The folder stays open as long as the
 * server: it removes the socket at its end by the same name, which by then must not stand for another folder.
 */
const listenShort = async (server: Server, folder: string) => {
  if (process.platform !== 'linux')
    throw new Error(
      `The path ${folder} is too long for a socket: set BELLHOP_DATA, or GATEWAY_FOLDER, to a shorter one.`,
    )
  const handle = await open(folder, 'r')
  server.once('close', () => handle.close())
  await listen(server, `/proc/self/fd/${handle.fd}/${socketName}`)
}

const listen = async (server: Server, path: string): Promise<void> => {
  server.listen(path)
  await once(server, 'listening')
}
