import type { Cause } from '../runner/intake.ts'
import { randomId } from '../store/ids.ts'
import { Problem } from './problem.ts'
import type { Asked, WebParts } from './web.ts'

/**
 * What caused a request. The same `Idempotency-Key`, or key of a form, from the same person is the same cause, so that what is sent twice does
 * its work once, for as long as the inbox keeps what is done: its first time is noted there. Throws a `Problem` for a key
 * that is none.
 */
export const causeOf = async (
  { store, now }: Pick<WebParts, 'store' | 'now'>,
  c: Asked,
  given = keyOf(c),
): Promise<Cause> => {
  const at = now().toISOString()
  if (given === undefined) return { key: `api:${randomId()}`, at }
  const _id = `api:${c.var.who.user._id}:${given}`
  const noted = { _id, rev: 0, platform: 'api', receivedAt: at, body: null, tries: 0, state: 'done' } as const
  const first = (await store.put('inbox', noted)) ?? (await store.get('inbox', _id))
  return { key: _id, at: first?.receivedAt ?? at }
}

/** The caller's `Idempotency-Key`, if there is one. */
export const keyOf = (c: Asked): string | undefined => {
  const key = c.req.header('idempotency-key')
  if (key !== undefined && !/^[\x21-\x7e]{1,200}$/.test(key))
    throw new Problem({
      status: 400,
      detail: 'The header Idempotency-Key takes 1 to 200 visible ASCII characters.',
      field: 'Idempotency-Key',
    })
  return key
}
