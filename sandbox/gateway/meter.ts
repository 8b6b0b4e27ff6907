import { Transform } from 'node:stream'
import { z } from 'zod'
import type { Usage } from '../gateway.ts'
import type { Price } from './prices.ts'
import { usageOf } from './prices.ts'

const count = z.number().int().min(0).optional().catch(undefined)
const usage = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
  cache_creation: z.object({ ephemeral_1h_input_tokens: count }).optional().catch(undefined),
})
const message = z.object({ model: z.string().optional(), usage: usage.optional() })
/** In a stream the first event holds the message as it begins, and the last ones its usage so far. */
const event = message.extend({ message: message.optional() })

/** What is kept of an answer to find its usage in it, where it is not a stream: 8 MB. */
const longestAnswer = 8 * 1024 * 1024

export interface Meter {
  /** Lets the answer pass unchanged and reads the usage in it. */
  readonly pass: Transform
  /** What the call has used as far as the answer went; `undefined` when it told nothing. */
  used(): Usage | undefined
}

/** Reads tokens from the API's own answer, stream or not, as it passes. `asked` is the model that was asked for. */
export const openMeter = (
  asked: string,
  stream: boolean,
  prices?: Readonly<Record<string, Price>>,
): Meter => {
  let model = asked
  let latest: z.infer<typeof usage> | undefined
  let rest = ''
  const decoder = new TextDecoder()

  const note = (text: string) => {
    const read = event.safeParse(parse(text))
    if (!read.success) return
    for (const part of [read.data.message, read.data]) {
      model = part?.model ?? model
      if (part?.usage) latest = { ...latest, ...defined(part.usage) }
    }
  }
  const lines = () => {
    const all = rest.split('\n')
    rest = all.pop() ?? ''
    for (const line of all) if (line.startsWith('data:') && line.includes('"usage"')) note(line.slice(5))
  }
  return {
    pass: new Transform({
      transform(chunk: Buffer, _encoding, done) {
        if (rest.length < longestAnswer) rest += decoder.decode(chunk, { stream: true })
        if (stream) lines()
        done(null, chunk)
      },
      flush(done) {
        if (!stream) note(rest)
        done()
      },
    }),
    used: () => {
      if (!latest) return undefined
      const written = latest.cache_creation_input_tokens ?? 0
      const hour = Math.min(written, latest.cache_creation?.ephemeral_1h_input_tokens ?? 0)
      const counted = {
        input: latest.input_tokens ?? 0,
        output: latest.output_tokens ?? 0,
        cacheRead: latest.cache_read_input_tokens ?? 0,
        cacheWrite5m: written - hour,
        cacheWrite1h: hour,
      }
      return usageOf(model, counted, prices)
    },
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const defined = <T extends object>(counts: T): Partial<T> =>
  Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined)) as Partial<T>
