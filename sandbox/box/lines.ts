import type { Readable } from 'node:stream'
import type { Frame, Start } from './frames.ts'

export interface HostLines {
  /** The first line. */
  readonly start: Promise<Start>
  /** Has each further line handled, those that came before included. */
  handle(handler: (frame: Frame) => void): void
  /** Settles when the server is gone. */
  readonly ended: Promise<void>
}

/** Reads what the server says to the entry: one JSON object a line. */
export const readLines = (input: Readable): HostLines => {
  const start = Promise.withResolvers<Start>()
  const ended = Promise.withResolvers<void>()
  const early: Frame[] = []
  let begun = false
  let handler = (frame: Frame): unknown => early.push(frame)
  let rest = ''
  input.setEncoding('utf8')
  input.on('data', (text: string) => {
    const lines = text.split('\n')
    lines[0] = rest + lines[0]
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const said = parsed(line)
      if (said === undefined) continue
      if (begun) handler(said as Frame)
      else start.resolve(said as Start)
      begun = true
    }
  })
  input.on('end', () => ended.resolve())
  input.on('error', () => ended.resolve())
  return {
    start: start.promise,
    handle: next => {
      handler = next
      for (const frame of early.splice(0)) next(frame)
    },
    ended: ended.promise,
  }
}

/** Nothing for half a line, which a server leaves that ended while it wrote; the one after it begins with a line of its own. */
const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
