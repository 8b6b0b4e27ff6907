import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { basename, join, relative } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { mimeOf } from './mime.ts'
import { run } from './program.ts'

export interface Files {
  /** Fetches a file into a folder, under its base name. */
  fetch(file: { readonly id: string; readonly name: string }, folder: string): Promise<void>
  /** Unpacks a kept session into the agent's folder for it. */
  restore(id: string, folder: string): Promise<void>
  /** Sends the agent's session out, if there is one. */
  keep(folder: string): Promise<void>
  /** Sends out every plain file below a folder; `failed` hears of those that were not taken. */
  produce(folder: string, failed: (why: string) => void): Promise<void>
}

/** The gateway's files route, at its address in the box. Each call throws with the gateway's own sentence when it refuses. */
export const openFiles = (url: string, env: Readonly<Record<string, string>>): Files => {
  const get = (id: string) => exchange(url, 'GET', `/files/${encodeURIComponent(id)}`)
  const put = async (path: string, body: Readable) => {
    const answer = await exchange(url, 'PUT', path, body)
    answer.resume()
  }
  return {
    fetch: async ({ id, name }, folder) => {
      await mkdir(folder, { recursive: true })
      await pipeline(await get(id), createWriteStream(join(folder, basename(name))))
    },
    restore: async (id, folder) => {
      await mkdir(folder, { recursive: true })
      await run({ argv: ['tar', '-xzf', '-', '-C', folder], env, input: await get(id) })
    },
    keep: async folder => {
      if (!(await isFolder(folder))) return
      await run({
        argv: ['tar', '-czf', '-', '-C', folder, '.'],
        env,
        output: packed => put('/files/session', packed),
      })
    },
    produce: async (folder, failed) => {
      if (!(await isFolder(folder))) return
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue
        const path = join(entry.parentPath, entry.name)
        const query = new URLSearchParams({ name: relative(folder, path), mime: mimeOf(path) })
        await put(`/files/produced?${query}`, createReadStream(path)).catch((error: Error) =>
          failed(`The file ${relative(folder, path)} was not kept: ${error.message}`),
        )
      }
    },
  }
}

const isFolder = (path: string) =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )

const exchange = async (url: string, method: string, path: string, body?: Readable) => {
  // Loaded only when it is needed: it takes longer than all the rest of the entry.
  const { request } = await import('node:http')
  const asked = request(`${url}${path}`, { method, headers: { host: 'gateway.local' } })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  asked.on('response', resolve).on('error', reject)
  // An answer may come before the body was sent, and its sentence says more than the broken pipe.
  const sent = body ? pipeline(body, asked) : Promise.resolve(asked.end())
  sent.catch(reject)
  const answer = await promise
  if (answer.statusCode === 200 || answer.statusCode === 201) return answer
  body?.destroy()
  throw new Error((await text(answer)).trim().slice(0, 2000) || `the gateway answered ${answer.statusCode}`)
}
