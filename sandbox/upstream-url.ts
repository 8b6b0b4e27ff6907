/** An upstream repository: `https://<host>/<path>`, or plain http where the host is this machine's own. */
export interface UpstreamAddress {
  readonly url: string
  /** With its port, where that is not the usual one. */
  readonly host: string
  /** Without slashes around it. */
  readonly path: string
}

/** What a person may write; the rest of what can stand in a URL is for nobody who wants to clone. */
const written = /^(https?):\/\/([A-Za-z0-9.-]+|\[::1\])(:\d{1,5})?\/([A-Za-z0-9._~/+-]+)$/
const longest = 500

/**
 * Reads the address of an upstream repository. Gives a sentence for what is none: no other scheme, no credentials, no
 * query, nothing that git or a server could take for an option, or for a way out of a folder.
 */
export const readUpstream = (text: string): UpstreamAddress | string => {
  const [, scheme, , , rest = ''] = text.length <= longest ? (written.exec(text) ?? []) : []
  const parsed = scheme && URL.parse(text)
  if (!parsed)
    return 'The address of the upstream cannot be used: it takes https://host/path without credentials, such as https://github.com/owner/name.git, in at most 500 characters.'
  const path = rest.replace(/\/+$/, '')
  if (path.split('/').some(name => name === '' || /^\.{1,2}$|^-/.test(name)))
    return 'The address of the upstream cannot be used: no part of its path may be empty, a dot or begin with a dash.'
  if (scheme === 'http' && !isLoopback(parsed.host))
    return 'The address of the upstream has to begin with https://: over http anybody on the way could change what is cloned.'
  if (scheme === 'https' && isLoopback(parsed.host))
    return 'The address of an upstream on this machine has to begin with http://.'
  return { url: `${scheme}://${parsed.host}/${path}`, host: parsed.host, path }
}

/** Whether a host is this machine itself, which is spoken to without TLS. */
export const isLoopback = (host: string): boolean =>
  /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/.test(host)
