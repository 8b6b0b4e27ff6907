import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { z } from 'zod'
import { Problem } from './problem.ts'

/** JSON, forms and envelopes may have 1 MB; what is more belongs into a file. */
export const limitBody = bodyLimit({
  maxSize: 1024 * 1024,
  onError: () => {
    throw new Problem({
      status: 413,
      detail:
        'The body is larger than the 1 MB allowed; upload long text by POST /api/v1/files and name the file in `files`.',
    })
  },
})

/** The body as JSON of this shape. Throws a `Problem` that names the field at fault. */
export const readJson = async <T>(c: Context, shape: z.ZodType<T>): Promise<T> => {
  const text = await c.req.text()
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be read'
    throw new Problem({ status: 400, detail: `The body is not JSON: ${why}.` })
  }
  return fitted(parsed, shape)
}

/** The fields of a form, in this shape. Throws a `Problem` that names the field at fault. */
export const readForm = async <T>(c: Context, shape: z.ZodType<T>): Promise<T> =>
  fitted(await c.req.parseBody(), shape)

const fitted = <T>(given: unknown, shape: z.ZodType<T>): T => {
  const read = shape.safeParse(given)
  if (read.success) return read.data
  const [issue] = read.error.issues
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.') || undefined
  const why = issue?.code === 'unrecognized_keys' ? 'there is no such field' : issue?.message
  throw new Problem({
    status: 400,
    detail: field ? `The field "${field}" cannot be used: ${why}.` : `The body cannot be used: ${why}.`,
    field,
  })
}

/** A whole number from the query. Throws a `Problem` that names it and its range. */
export const numberOf = (
  c: Context,
  name: string,
  { least, most, usual }: { readonly least: number; readonly most: number; readonly usual: number },
): number => {
  const given = c.req.query(name)
  if (given === undefined || given === '') return usual
  const number = Number(given)
  if (Number.isInteger(number) && number >= least && number <= most) return number
  throw new Problem({
    status: 400,
    detail: `"${name}" takes a whole number from ${least} to ${most}.`,
    field: name,
  })
}
