import { writeSync } from 'node:fs'
import type { Report } from '../sandbox.ts'

/**
 * As much text as goes in one report, and as many bytes as it may take in JSON, where a character takes up to six. A line
 * stays below 16 KB, for Docker's log splits a longer one, and some versions lose its end.
 */
const mostText = 10_000
const mostBytes = 16_000

/** Past this the agent's output is left out, so that a loop cannot fill the host's disk: 64 MB. */
const mostOutput = 64 * 1024 * 1024

export interface Reporter {
  (report: Report): void
  /** Reports what the agent printed, in as many lines as it takes. */
  output(stream: 'out' | 'err', text: string): void
}

/** Writes reports to standard output, each before the call returns: whoever prints faster than the disk takes it waits. */
export const openReporter = (write = writeWaiting): Reporter => {
  let left = mostOutput
  const report = (what: Report) => {
    for (let bytes = Buffer.from(`${JSON.stringify(what)}\n`); bytes.length > 0; )
      bytes = bytes.subarray(write(bytes))
  }
  const output = (stream: 'out' | 'err', text: string) => {
    if (left <= 0) return
    left -= text.length
    for (const piece of pieces(text)) report({ report: 'output', stream, text: piece })
    if (left <= 0)
      report({ report: 'output', stream: 'err', text: '\nOutput past 64 MB is left out from here on.\n' })
  }
  return Object.assign(report, { output })
}

/** Cuts a text without cutting a character in two. */
function* pieces(text: string) {
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + mostText, text.length)
    while (Buffer.byteLength(JSON.stringify(text.slice(from, to))) > mostBytes)
      to = from + Math.ceil((to - from) / 2)
    if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to -= 1
    yield text.slice(from, to)
    from = to
  }
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff

/** How long a full pipe is left alone before it is written to again: 2 ms. */
const pauseMs = 2
const clock = new Int32Array(new SharedArrayBuffer(4))

/** Writes to standard output, waiting while a pipe that does not wait by itself is full. Gives how much was taken. */
const writeWaiting = (bytes: Buffer): number => {
  while (true)
    try {
      return writeSync(1, bytes)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(clock, 0, 0, pauseMs)
    }
}
