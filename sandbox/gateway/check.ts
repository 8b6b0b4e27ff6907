import type { Readable } from 'node:stream'
import { z } from 'zod'
import { Refused } from './refusal.ts'

/** The largest request that the API itself takes: 32 MB. */
const largestRequest = 32 * 1024 * 1024

const shape = z.looseObject({
  model: z.string(),
  tools: z.array(z.looseObject({ type: z.string().nullish() })).optional(),
})

/** Tools of the API's own kinds that the client runs by itself. */
const clientSide = /^(bash|text_editor|memory|computer)_\d+$/

/** A request to the model that may be passed on, and the bytes to pass on: what was checked and nothing else. */
export interface Checked {
  readonly model: string
  readonly bytes: string
}

/**
 * Reads a request to the model. Throws `Refused` for what would let the API act beyond the box on its behalf: tools that it
 * runs itself, servers that it calls, containers that it keeps.
 */
export const check = async (body: Readable): Promise<Checked> => {
  const given = await parse(body)
  const read = shape.safeParse(given)
  if (!read.success)
    throw new Refused(400, 'body', `The request is malformed at "${read.error.issues[0]?.path.join('.')}".`)
  for (const field of ['mcp_servers', 'container'])
    if (read.data[field] !== undefined && read.data[field] !== null)
      throw new Refused(403, field, `"${field}" cannot be used here: it would reach out past this box.`)
  for (const { type } of read.data.tools ?? [])
    if (type && type !== 'custom' && !clientSide.test(type))
      throw new Refused(
        403,
        type,
        `The tool "${type.slice(0, 100)}" runs at the model API, past this box, and cannot be used here.`,
      )
  return { model: read.data.model, bytes: JSON.stringify(given) }
}

const parse = async (body: Readable): Promise<unknown> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > largestRequest)
      throw new Refused(
        413,
        'body',
        `The request is larger than the ${largestRequest / 1024 / 1024} MB that the model API takes.`,
      )
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new Refused(400, 'body', 'The request is not JSON.')
  }
}
