import { createHash, timingSafeEqual } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Repos } from '../store/repos.ts'
import { BadName, BadUpstream, Unknown } from '../store/repos.ts'

const text = z.string()
/** What each verb is asked with; a file's content and git itself have routes of their own. */
const verbs = {
  create: z.tuple([text, z.strictObject({ url: text }).optional()]),
  resolve: z.tuple([text, text]),
  tree: z.tuple([text, text, text]),
  history: z.tuple([text, text, z.strictObject({ limit: z.int().min(1), after: z.exactOptional(text) })]),
  branches: z.tuple([text]),
  diff: z.tuple([text, text, text, z.int().min(0).optional()]),
  changed: z.tuple([text, text, text]),
  base: z.tuple([text, text, text]),
  merge: z.tuple([text, z.strictObject({ commit: text, into: text, message: text, at: text })]),
  shelve: z.tuple([text, text, text]),
} satisfies { [Verb in Exclude<keyof Repos, 'blob' | 'serve'>]: z.ZodType<Parameters<Repos[Verb]>> }
const blobArguments = z.tuple([text, text, text])

/**
 * The repositories for the other roles, `store/remote-repos.ts`: `/internal/repos`, for whoever sends the installation's
 * own token. Git's streams pass in both directions as they come, of any size; who may push what was judged by the caller.
 */
export const reposDoor = ({
  repos,
  token,
  log,
}: {
  readonly repos: Repos
  readonly token: string
  readonly log: Pick<Logger, 'error'>
}): Hono => {
  const door = new Hono()
  door.use(async (c, next) => {
    if (!same(c.req.header('authorization') ?? '', `Bearer ${token}`))
      return c.json({ name: 'Error', message: 'This token opens nothing here.' }, 401)
    await next()
    return undefined
  })
  door.onError((error, c) => {
    const { name, message } = error
    if ([BadName, BadUpstream, Unknown].some(known => error instanceof known))
      return c.json({ name, message }, 422)
    log.error({ err: error, path: c.req.path }, 'the repositories failed at a request')
    return c.json({ name: 'Error', message }, 500)
  })

  door.get('/', c => c.body(null, 204))
  for (const [verb, shape] of Object.entries(verbs))
    door.post(`/${verb}`, async c => {
      const call = repos[verb as keyof Repos] as (...args: readonly unknown[]) => Promise<unknown>
      return c.json({ value: await call(...shape.parse(await c.req.json())) })
    })
  door.post('/blob', async c => {
    const blob = await repos.blob(...blobArguments.parse(await c.req.json()))
    return blob ? c.body(new Uint8Array(blob.content)) : c.body(null, 204)
  })
  door.on(['GET', 'POST'], '/git/:id/:path{.+}', async c => {
    const body = c.req.raw.body ? Readable.fromWeb(c.req.raw.body as ReadableStream) : Readable.from([])
    const request = {
      method: c.req.method,
      path: `/${c.req.param('path')}`,
      query: new URL(c.req.url).searchParams,
      headers: c.req.header(),
      body,
    }
    const answer = await repos.serve(c.req.param('id'), request, { push: () => undefined }).catch(error => {
      body.resume() // Who is still sending has to hear of it.
      throw error
    })
    const content = typeof answer.body === 'string' ? answer.body : Readable.toWeb(answer.body)
    return c.body(content as string, answer.status as ContentfulStatusCode, answer.headers)
  })
  door.all('*', c => c.json({ name: 'Error', message: 'There is no such verb.' }, 404))
  return door
}

/** Compared by digest, so that the time it takes tells nothing of either. */
const same = (given: string, expected: string): boolean => timingSafeEqual(digest(given), digest(expected))
const digest = (secret: string) => createHash('sha256').update(secret).digest()
