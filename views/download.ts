import { Readable } from 'node:stream'
import type { Asked } from './web.ts'

export interface Sendable {
  readonly name: string
  readonly bytes: number
  readonly body: Readable | Buffer
  /** `inline` lets a browser show text and pictures; nothing else is ever shown. */
  readonly as: 'inline' | 'attachment'
}

/**
 * Sends somebody's bytes so that no browser takes them for a page of ours: text as plain text, pictures as themselves, all
 * else as a download, in a sandbox of their own. A page in HTML or a drawing in SVG is text here.
 */
export const sendFile = (c: Asked, { name, bytes, body, as }: Sendable) => {
  const picture = pictures[name.split('.').at(-1)?.toLowerCase() ?? '']
  const text = Buffer.isBuffer(body) && !body.subarray(0, 8000).includes(0)
  const type = picture ?? (text ? 'text/plain; charset=utf-8' : 'application/octet-stream')
  const shown = as === 'inline' && type !== 'application/octet-stream'
  const stream = Buffer.isBuffer(body) ? new Uint8Array(body) : (Readable.toWeb(body) as ReadableStream)
  return c.body(stream, 200, {
    'content-type': type,
    'content-length': String(bytes),
    'content-disposition': `${shown ? 'inline' : 'attachment'}; filename*=UTF-8''${encoded(name)}`,
    'content-security-policy': "sandbox; default-src 'none'",
    'cache-control': 'private, no-cache',
  })
}

const pictures: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
}

/** RFC 8187 allows fewer characters than a URL does. */
const encoded = (name: string) =>
  encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, char => `%${char.charCodeAt(0).toString(16)}`)
