import { z } from 'zod'
import type { Report } from '../sandbox/sandbox.ts'

/** What the entry says in a word or two; the agent may write here too, at any length. */
const short = z.string().max(100)

const report = z.discriminatedUnion('report', [
  z.object({ report: z.literal('cloned'), commit: z.string() }),
  z.object({ report: z.literal('output'), stream: z.enum(['out', 'err']), text: z.string() }),
  z.object({ report: z.literal('exited'), code: z.number().optional(), signal: short.optional() }),
  z.object({ report: z.literal('committed'), commit: z.string() }),
  z.object({ report: z.literal('pushed'), commit: z.string() }),
  z.object({ report: z.literal('failed'), step: short, why: z.string() }),
])

/** A report and the position in the spool at which its line began, which names it for good. */
export interface Placed {
  readonly at: number
  readonly report: Report
}

/** A line longer than this is no report of ours and is passed over: 1 MB. */
const longestLine = 1024 * 1024

/**
 * Reads a box's output into reports, a group for each piece that came. Lines that are none are passed over: whatever runs
 * in the box can write there.
 */
export async function* reportsOf(output: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Placed[]> {
  let rest = Buffer.alloc(0)
  let at = 0
  for await (const piece of output) {
    rest = Buffer.concat([rest, piece])
    const placed: Placed[] = []
    let from = 0
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10, from)) {
      const parsed = parse(rest.toString('utf8', from, end))
      if (parsed) placed.push({ at: at + from, report: parsed })
      from = end + 1
    }
    at += from
    rest = rest.subarray(from)
    if (rest.length > longestLine) {
      at += rest.length
      rest = Buffer.alloc(0)
    }
    if (placed.length > 0) yield placed
  }
}

const parse = (line: string): Report | undefined => {
  try {
    const parsed = report.safeParse(JSON.parse(line))
    return parsed.success ? (parsed.data as Report) : undefined
  } catch {
    return undefined
  }
}
