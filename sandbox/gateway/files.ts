import type { IncomingMessage, ServerResponse } from 'node:http'
import { basename } from 'node:path'
import type { Doors, Grants } from '../gateway.ts'
import { Refused } from './refusal.ts'
import { bodyOf, send } from './respond.ts'

const MB = 1024 * 1024
const limits = { session: 50 * MB, produced: 25 * MB }
/** How many files one attempt may show. */
const mostProduced = 100
const longestName = 200

/** The files route: granted files in, the session and what was produced out, each within its limit. */
export const openFileRoute = (
  at: { readonly job: string; readonly attempt: number },
  grants: Grants,
  doors: Pick<Doors, 'readFile' | 'keepFile'>,
) => {
  let produced = 0

  const keep = async (request: IncomingMessage, purpose: 'session' | 'produced', query: URLSearchParams) => {
    const name = cleanName(query.get('name') ?? purpose)
    if (purpose === 'produced' && ++produced > mostProduced)
      throw new Refused(413, name, `A job shows at most ${mostProduced} files: pack the rest into one.`)
    const limit = limits[purpose]
    const file = { purpose, name, mime: mimeOf(query.get('mime') ?? ''), body: bodyOf(request) }
    try {
      return await doors.keepFile(at, file, limit)
    } catch (cause) {
      if (!(cause instanceof Error) || cause.name !== 'TooLarge') throw cause
      const what = purpose === 'session' ? 'The session' : `The file "${name}"`
      throw new Refused(413, name, `${what} is larger than the ${limit / MB} MB it may have.`)
    }
  }

  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const name = url.pathname.slice('/files/'.length)
    if (request.method === 'PUT' && (name === 'session' || name === 'produced')) {
      const body = JSON.stringify({ id: await keep(request, name, url.searchParams) })
      return await send(response, { status: 201, headers: { 'content-type': 'application/json' }, body })
    }
    const granted = request.method === 'GET' && grants.files.includes(name)
    const body = granted ? await doors.readFile(name) : undefined
    if (!body) throw new Refused(404, name, 'There is no such file for this job.')
    await send(response, { status: 200, headers: { 'content-type': 'application/octet-stream' }, body })
  }
}

const mimeOf = (given: string) =>
  /^[\w.+-]{1,100}\/[\w.+-]{1,100}$/.test(given) ? given : 'application/octet-stream'

/** The last part of a path without control characters, at most 200 characters, never empty and never a dot name. */
const cleanName = (given: string): string => {
  const name = basename(given.replaceAll('\\', '/'))
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(0, longestName)
    .toWellFormed()
  return /^[.\s]*$/.test(name) ? 'file' : name
}
