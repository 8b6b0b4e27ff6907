import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as elapse } from 'node:timers/promises'
import type Docker from 'dockerode'
import type { Frame } from '../box/frames.ts'
import { boxPaths } from '../flags.ts'
import type { Box, BoxExit } from '../sandbox.ts'
import { isAway, noDaemon, statusOf } from './daemon.ts'
import type { Input } from './input.ts'
import { followLogs } from './output.ts'

/** A daemon that is away is asked again after this long: 200 ms; for the removal of a box this often, which makes a minute. */
const pauseMs = 200
const removals = 300

/** The exit code of a container that was killed: 128 and the number of SIGKILL. */
const killedCode = 137

/**
 * A started container as a box. It needs nobody to go on: what it prints is kept by the daemon, and its input stays open.
 * `letGo` hears that this process has done with it.
 */
export const openBox = (container: Docker.Container, input: Input, letGo: () => void): Box => {
  const leaving = new AbortController()
  const { signal } = leaving
  let killed = false
  let over = false
  const exit = endOf(container, signal).then((code): BoxExit => {
    over = true
    input.end()
    if (code === undefined) return {}
    return killed && code === killedCode ? { signal: 'SIGKILL' } : { code }
  })
  const kill = async () => {
    killed = true
    input.end()
    while (!over)
      try {
        return void (await container.kill({ signal: 'SIGKILL' }))
      } catch (error) {
        if (!isAway(error)) return
        await elapse(pauseMs)
      }
  }
  let closing: Promise<void> | undefined
  const close = async () => {
    await kill()
    await exit
    await removeContainer(container)
    leaving.abort()
    letGo()
  }
  const leave = async () => {
    leaving.abort()
    input.end()
    letGo()
    await exit
  }
  const tell = (frame: Frame) => input.say(JSON.stringify(frame))
  const box = {
    paths: boxPaths,
    output: (from: number) => followLogs(container, from, exit, signal),
    write: (line: string) => tell({ frame: 'input', line }),
    closeInput: () => tell({ frame: 'close' }),
    signal: (name: 'SIGINT' | 'SIGTERM' | 'SIGKILL') => {
      if (name === 'SIGKILL') void kill()
      else tell({ frame: 'signal', signal: name })
    },
    exit,
    leave: () => {
      closing ??= leave()
      return closing
    },
    close: () => {
      closing ??= close()
      return closing
    },
  }
  return { ...box, [Symbol.asyncDispose]: box.close }
}

/**
 * The exit code of a container, once it has one: 137 where it was removed. Nothing when the signal aborts before. A daemon
 * that goes away is asked again when it is back.
 */
const endOf = async (container: Docker.Container, signal: AbortSignal): Promise<number | undefined> => {
  while (!signal.aborted) {
    try {
      const { StatusCode: code } = JSON.parse(await text(await askForEnd(container, signal)))
      if (typeof code === 'number') return code
    } catch (error) {
      if (statusOf(error) === 404) return killedCode
    }
    await elapse(pauseMs, undefined, { signal }).catch(() => {})
  }
  return undefined
}

/**
 * Asks for the end of a container, and gives the answer as it comes. The client's own call would wait forever where the
 * connection is cut after its first byte, which the daemon sends at once.
 */
const askForEnd = (container: Docker.Container, abortSignal: AbortSignal): Promise<Readable> =>
  new Promise((resolve, reject) => {
    const statusCodes = { 200: true, 404: 'no such container' }
    const path = `/containers/${container.id}/wait`
    container.modem.dial(
      { path, method: 'POST', isStream: true, statusCodes, abortSignal },
      (error: unknown, answer: Readable) => (error ? reject(error) : resolve(answer)),
    )
  })

/** Removes a container, with its processes and volumes. Nothing happens when it is gone. Throws `NoDaemon` after a minute without one. */
export const removeContainer = async (container: Docker.Container): Promise<void> => {
  for (let n = 1; ; n++)
    try {
      return void (await container.remove({ v: true, force: true }))
    } catch (error) {
      if (statusOf(error) === 404) return
      // Somebody else removes it.
      const busy = statusOf(error) === 409
      if (!busy && !isAway(error)) throw error
      if (n === removals) throw busy ? error : noDaemon(error)
      await elapse(pauseMs)
    }
}
