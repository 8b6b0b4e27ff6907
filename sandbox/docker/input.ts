import type { Duplex } from 'node:stream'
import { setTimeout as elapse } from 'node:timers/promises'
import type Docker from 'dockerode'
import { isAway } from './daemon.ts'

/** A connection that was cut is made again after this long: 200 ms. */
const pauseMs = 200

export interface Input {
  /** Connects, so that what follows is a matter of writing. Throws where the daemon refuses. */
  connect(): Promise<void>
  /** Writes a line after those before it, over a new connection where one was cut; that begins with an empty line. */
  say(line: string): void
  /** Lets go of it; the box's input stays open. */
  end(): void
}

/** The standard input of a container. Nothing but this is attached: whoever attaches to output and does not read it holds up its end. */
export const openInput = (container: Docker.Container): Input => {
  let socket: Duplex | undefined
  let ended = false
  let writing = Promise.resolve()

  const connect = async (): Promise<Duplex> => {
    const made = (await container.attach({ stream: true, stdin: true, hijack: true })) as Duplex
    made.on('error', () => {})
    made.on('close', () => {
      if (socket === made) socket = undefined
    })
    made.resume()
    socket = made
    if (ended) made.destroy()
    return made
  }
  const write = async (line: string) => {
    while (!ended)
      try {
        // The connection before may have broken off in the middle of a line.
        if (socket) await put(socket, `${line}\n`)
        else await put(await connect(), `\n${line}\n`)
        return
      } catch (error) {
        if (!isAway(error)) return
        await elapse(pauseMs)
      }
  }
  return {
    connect: async () => void (await connect()),
    say: line => {
      writing = writing.then(() => write(line))
    },
    end: () => {
      ended = true
      socket?.destroy()
    },
  }
}

const put = (socket: Duplex, text: string) =>
  new Promise<void>((resolve, reject) => {
    socket.write(text, error => (error ? reject(error) : resolve()))
  })
