import type { Readable } from 'node:stream'
import { isRefName } from './bare-names.ts'

/** What a client asks to change, read before git has seen any of it. */
export interface Push {
  readonly commands: readonly { readonly ref: string; readonly deletes: boolean }[]
  readonly capabilities: readonly string[]
  /** All that was read of the body, to be handed to git as it came. */
  readonly bytes: Buffer
}

/** The body is no push that git itself would have sent. Its message is a sentence for the client. */
export class BadPush extends Error {
  override name = 'BadPush'
}

const mostListBytes = 1_000_000
/** LARGE_PACKET_MAX in git's pkt-line.h. */
const mostLineBytes = 65_520

/**
 * Reads the list of commands at the head of a push, up to its flush packet, and leaves the rest in `body`. It is stricter
 * than git, so that both can only understand the same: throws `BadPush` for what it does not know.
 */
export const readPush = async (body: Readable): Promise<Push> => {
  const commands: { ref: string; deletes: boolean }[] = []
  const capabilities: string[] = []
  const read: Buffer[] = []
  using taker = openTaker(body)
  for (let bytes = 0; ; ) {
    const prefix = await taker.take(4)
    read.push(prefix)
    if (prefix.toString('latin1') === '0000') return { commands, capabilities, bytes: Buffer.concat(read) }
    const length = /^[0-9a-f]{4}$/.test(prefix.toString('latin1'))
      ? Number.parseInt(prefix.toString(), 16)
      : 0
    bytes += length
    if (length < 5 || length > mostLineBytes)
      throw new BadPush('The push holds a packet of an impossible length.')
    if (bytes > mostListBytes)
      throw new BadPush(
        `The push changes too many refs at once: its list is longer than ${mostListBytes} bytes.`,
      )
    const line = await taker.take(length - 4)
    read.push(line)
    const [command = '', words = '', ...rest] = textOf(line).replace(/\n$/, '').split('\0')
    if (rest.length > 0) throw new BadPush('The push holds a line with more than one list of capabilities.')
    capabilities.push(...words.split(' '))
    if (!/^shallow [0-9a-f]{40}$/.test(command)) commands.push(parse(command))
  }
}

const parse = (line: string): Push['commands'][number] => {
  const [, to = '', ref = ''] = /^[0-9a-f]{40} ([0-9a-f]{40}) (refs\/.+)$/s.exec(line) ?? []
  if (!isRefName(ref)) throw new BadPush('The push holds a line that is no change of a well-named ref.')
  return { ref, deletes: /^0+$/.test(to) }
}

const textOf = (bytes: Buffer): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new BadPush('The push holds a line that is not UTF-8.', { cause })
  }
}

/** Takes exactly as many bytes from the head of a stream as it is asked for. */
const openTaker = (body: Readable) => {
  // One listener for all waits: one that is added anew would at once be told of the bytes that are too few.
  let wake = () => {}
  const wakeUp = () => wake()
  const events = ['readable', 'end', 'close', 'error'] as const
  for (const event of events) body.on(event, wakeUp)
  return {
    take: async (size: number): Promise<Buffer> => {
      for (;;) {
        const bytes: Buffer | null = body.read(size)
        if (bytes?.length === size) return bytes
        if (bytes || body.readableEnded || body.destroyed)
          throw new BadPush('The push ended in the middle of its list of refs.')
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    [Symbol.dispose]: () => {
      for (const event of events) body.off(event, wakeUp)
    },
  }
}
