import type { IncomingHttpHeaders } from 'node:http'

/** Of a box's headers only these go on: what the API needs to understand the body, and nothing that identifies. */
const passed = ['content-type', 'anthropic-version', 'anthropic-beta', 'accept', 'user-agent']

/** Of the API's headers these do not come back: they speak of a connection that ends here, or of the account. */
const dropped = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'set-cookie',
  'anthropic-organization-id',
])

/**
 * A box's request headers as the API gets them, with the credentials put in. A beta that these need is added to those asked
 * for. The answer is asked for as plain text, for the meter reads it.
 */
export const toApi = (
  given: IncomingHttpHeaders,
  credentials: Readonly<Record<string, string>>,
): Record<string, string> => {
  const kept = Object.fromEntries(
    passed.flatMap(name => {
      const value = given[name]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )
  const betas = [kept['anthropic-beta'], credentials['anthropic-beta']].filter(beta => beta !== undefined)
  return {
    ...kept,
    ...credentials,
    ...(betas.length > 0 && { 'anthropic-beta': betas.join(',') }),
    'accept-encoding': 'identity',
  }
}

/** The API's answer headers as the box gets them. */
export const fromApi = (given: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(given).filter(([name]) => !dropped.has(name)))
