import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'

export interface Relay extends AsyncDisposable {
  /** As `DOCKER_HOST` takes it. */
  readonly address: string
  /** Cuts all connections, as a daemon does that starts again; gives how many. New ones go through unless it stays `away`. */
  cut(how?: { readonly away: boolean }): number
  /** Resolves when this many connections were refused since it went away. */
  refused(count: number): Promise<void>
  /** Lets connections through again. */
  restore(): void
}

/** A socket in `folder` that leads to Docker's own, and can be cut. */
export const openDockerRelay = async (folder: string, target = '/var/run/docker.sock'): Promise<Relay> => {
  const path = join(folder, 'docker.sock')
  const open = new Set<Socket>()
  const knocks = new EventEmitter()
  let away = false
  const server = createServer({ allowHalfOpen: true }, near => {
    if (away) {
      near.destroy()
      return void knocks.emit('refused')
    }
    const far = connect({ path: target, allowHalfOpen: true })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
    open.add(near)
    near.on('close', () => open.delete(near))
  })
  server.listen(path)
  await once(server, 'listening')
  const cut = (how = { away: false }) => {
    away = how.away
    const count = open.size
    for (const socket of open) socket.destroy()
    return count
  }
  return {
    address: `unix://${path}`,
    cut,
    refused: async count => {
      for (let n = 0; n < count; n++) await once(knocks, 'refused')
    },
    restore: () => {
      away = false
    },
    [Symbol.asyncDispose]: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
