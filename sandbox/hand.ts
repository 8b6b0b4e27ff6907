import { chown } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { barrier } from './reachable.ts'
import { NoBox } from './sandbox.ts'

/**
 * Makes a box's folders its user's own, with the gateway's and the socket in it. Throws `NoBox` where that user could not
 * reach them, which bubblewrap would only call a missing file.
 */
export const hand = async (parts: {
  readonly box: string
  readonly gateway: string
  readonly cache?: string
  readonly uid: number
}): Promise<void> => {
  const { box, gateway, cache, uid } = parts
  for (const way of [box, dirname(gateway)]) {
    const closed = await barrier(way)
    if (closed !== undefined)
      throw new NoBox(
        `The server runs as root, so each box has a user of its own, and that user may not pass ${closed}. ` +
          `Open it for passing with \`chmod o+x ${closed}\`, or set BELLHOP_DATA to a folder elsewhere.`,
      )
  }
  for (const own of [join(box, 'workspace'), join(box, 'home'), gateway, ...(cache ? [cache] : [])])
    await chown(own, uid, uid)
  await chown(join(gateway, 'gateway.sock'), uid, uid).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}
