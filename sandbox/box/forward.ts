import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { setTimeout as elapse } from 'node:timers/promises'

/** A gateway that is away, such as one that starts again, is knocked at this often: every 100 ms; and for so long: 60 s. */
const pauseMs = 100
const usualPatienceMs = 60_000

/** Opens a port on the box's loopback that leads to the gateway's socket, for programs that speak HTTP over TCP only. */
export const openForward = async (
  socket: string,
  { patienceMs = usualPatienceMs }: { readonly patienceMs?: number } = {},
): Promise<{ readonly url: string }> => {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, async near => {
    near.on('error', () => {})
    const far = await reach(socket, near, performance.now() + patienceMs)
    if (!far) return void near.destroy()
    near.pipe(far)
    far.pipe(near)
    near.on('close', () => near.errored && far.destroy())
    far.on('close', () => far.errored && near.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Connects to the gateway for a client, as soon as it is there; nothing when it does not come or the client goes. */
const reach = async (path: string, near: Socket, deadline: number): Promise<Socket | undefined> => {
  while (!near.destroyed) {
    const far = connect({ path, allowHalfOpen: true })
    far.on('error', () => {})
    try {
      await once(far, 'connect')
      return far
    } catch {
      if (performance.now() > deadline) return undefined
      await elapse(pauseMs)
    }
  }
  return undefined
}
