import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/** A way to a server on this machine, with all that can go wrong with a way. It begins open. */
export interface Way extends AsyncDisposable {
  /** The same address by this way, which leads there from now on. */
  by(url: string): string
  /** Ends every connection; new ones go through. */
  cut(): void
  /** Resets every connection, and each new one at once, as a host does where nobody listens. */
  refuse(): void
  /** Connections stay open and carry nothing, new ones too. What is on its way is kept. */
  stall(): void
  /** Lets everything through again, what was kept first. */
  restore(): void
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export const openProxy = async (): Promise<Way> => {
  const pairs = new Set<Pair>()
  let target = 0
  let state: 'open' | 'stalled' | 'refused' = 'open'

  const join = ({ near, far }: Pair) => {
    near.pipe(far)
    far.pipe(near)
  }
  const part = ({ near, far }: Pair) => {
    near.unpipe(far).pause()
    far.unpipe(near).pause()
  }
  const server = createServer(near => {
    near.on('error', () => {})
    if (state === 'refused') return void near.resetAndDestroy()
    const far = connect(target, '127.0.0.1')
    const pair = { near, far }
    pairs.add(pair)
    far.on('error', () => near.resetAndDestroy())
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('close', () => {
        other.destroy()
        pairs.delete(pair)
      })
    if (state === 'open') join(pair)
    else part(pair)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const cut = () => {
    for (const { near } of pairs) near.destroy()
  }
  return {
    by: url => {
      const address = new URL(url)
      target = Number(address.port)
      address.port = String(port)
      return address.href
    },
    cut,
    refuse: () => {
      state = 'refused'
      for (const { near } of pairs) near.resetAndDestroy()
    },
    stall: () => {
      state = 'stalled'
      for (const pair of pairs) part(pair)
    },
    restore: () => {
      if (state === 'stalled') for (const pair of pairs) join(pair)
      state = 'open'
    },
    [Symbol.asyncDispose]: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
