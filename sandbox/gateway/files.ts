import type { IncomingMessage, ServerResponse } from 'node:http'
import { basename } from 'node:path'
import type { Doors, Grants } from '../gateway.ts'
import { Refused, send } from './respond.ts'

const MB = 1024 * 1024
const sessionLimit = 50 * MB
const producedLimit = 25 * MB
const mostProduced = 100
const longestName = 200

export interface FileRoute {
  handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void>
}

/** The files route: granted files in, the session and what was produced out, each within its limit. */
export const openFileRoute = (
  at: { readonly job: string; readonly attempt: number },
  grants: Grants,
  doors: Pick<Doors, 'readFile' | 'keepFile'>,
): FileRoute => {
  let produced = 0

  const keep = async (request: IncomingMessage, purpose: 'session' | 'produced', url: URL, limit: number) => {
    const name = cleanName(url.searchParams.get('name') ?? purpose)
    const mime =
      /^[\w.+-]+\/[\w.+-]+$/.exec(url.searchParams.get('mime') ?? '')?.[0] ?? 'application/octet-stream'
    try {
      return await doors.keepFile(at, { purpose, name, mime, body: request }, limit)
    } catch (cause) {
      if (!(cause instanceof Error) || cause.name !== 'TooLarge') throw cause
      throw new Refused(413, name, `"${name}" is larger than the ${limit / MB} MB that a file may have.`)
    }
  }
  const answer = (response: ServerResponse, id: string) =>
    send(response, {
      status: 201,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id }),
    })

  return {
    handle: async (request, response, url) => {
      const name = url.pathname.slice('/files/'.length)
      if (request.method === 'PUT' && name === 'session')
        return await answer(response, await keep(request, 'session', url, sessionLimit))
      if (request.method === 'PUT' && name === 'produced') {
        if (++produced > mostProduced)
          throw new Refused(
            413,
            'produced',
            `A job shows at most ${mostProduced} files; pack the rest into one.`,
          )
        return await answer(response, await keep(request, 'produced', url, producedLimit))
      }
      const file =
        request.method === 'GET' && grants.files.includes(name) ? await doors.readFile(name) : undefined
      if (!file) throw new Refused(404, name, 'There is no such file for this job.')
      await send(response, {
        status: 200,
        headers: { 'content-type': 'application/octet-stream' },
        body: file,
      })
    },
  }
}

/** The last part of a path without control characters, never empty and never a dot name. */
const cleanName = (given: string): string => {
  const name = basename(given.replaceAll('\\', '/'))
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(0, longestName)
    .toWellFormed()
  return /^\.*$/.test(name) ? 'file' : name
}
