import { STATUS_CODES } from 'node:http'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Outcome } from '../runner/outcome.ts'

/** An answer in place of what was asked for: thrown anywhere in a handler, sent as problem+json or as a page. */
export class Problem extends Error {
  override name = 'Problem'
  readonly status: number
  readonly field: string | undefined
  constructor({
    status,
    detail,
    field,
  }: {
    readonly status: number
    readonly detail: string
    readonly field?: string | undefined
  }) {
    super(detail)
    this.status = status
    this.field = field
  }
}

/** Gives the value of an outcome, or throws its refusal as a `Problem`. */
export const granted = <T>(outcome: Outcome<T>): T => {
  if (outcome.ok) return outcome.value
  throw new Problem(outcome.refusal)
}

/** RFC 9457, with `field` where one field is to blame. */
export const sendProblem = (c: Context, { status, message, field }: Problem): Response =>
  c.body(
    JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: message,
      field,
    }),
    status as ContentfulStatusCode,
    // The rest of a body that is too large is not read, so its connection cannot be used again.
    { 'content-type': 'application/problem+json', ...(status === 413 && { connection: 'close' }) },
  )
