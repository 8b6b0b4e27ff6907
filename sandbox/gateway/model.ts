import type { IncomingMessage, ServerResponse } from 'node:http'

import { pipeline } from 'node:stream/promises'
import { Agent, request as ask } from 'undici'
import { z } from 'zod'
import type { ModelAccess, Usage } from '../gateway.ts'
import { openMeter } from './meter.ts'
import { Refused, readBody, sendError } from './respond.ts'

/** The largest request the API itself takes: 32 MB. */
const largestRequest = 32 * 1024 * 1024

/** A model may think this long before its first byte and between two: 10 minutes. */
const patience = 10 * 60 * 1000

const paths = new Set(['/v1/messages', '/v1/messages/count_tokens'])

/** Of the request's headers only these go on: what the API needs to understand the body, and nothing that identifies. */
const passed = ['content-type', 'anthropic-version', 'anthropic-beta', 'accept', 'user-agent']

/** Of the answer's headers these do not come back: they speak of a connection that ends here, or of the account. */
const dropped = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'set-cookie',
  'anthropic-organization-id',
])

const body = z.looseObject({
  model: z.string().default(''),
  stream: z.boolean().default(false),
  tools: z.array(z.looseObject({ type: z.string().optional(), name: z.string().optional() })).optional(),
})

export interface ModelRoute {
  handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<void>
  close(): Promise<void>
}

export interface ModelParts {
  readonly access: ModelAccess | undefined
  /** Micro-dollars; absent means no limit. */
  readonly budget: number | undefined
  readonly metered: (usage: Usage) => Promise<void>
}

/**
 * The model route: passes messages to the API with the real credentials put in and whatever the box sent as such thrown
 * away, streams the answer back as it comes, and meters each call once, by the API's own count, also when it broke off.
 */
export const openModelRoute = ({ access, budget, metered }: ModelParts): ModelRoute => {
  const upstream = new Agent({ headersTimeout: patience, bodyTimeout: patience })
  let spent = 0

  const handle = async (request: IncomingMessage, response: ServerResponse, path: string): Promise<void> => {
    if (request.method !== 'POST' || !paths.has(path))
      throw new Refused(
        403,
        `${request.method} ${path}`,
        'Only the messages of the model API can be reached from here.',
      )
    if (!access)
      throw new Refused(
        403,
        path,
        'No model is connected: set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN where Bellhop runs and start it again.',
      )
    if (budget !== undefined && spent >= budget)
      throw new Refused(402, path, `The budget of this job, $${(budget / 1_000_000).toFixed(2)}, is spent.`)
    const raw = await readBody(request, largestRequest)
    const asked = check(raw)
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const answer = await ask(`${access.baseUrl}${path}${betaOf(request)}`, {
      method: 'POST',
      headers: {
        ...headersOf(request),
        ...mergeBeta(request, access.headers),
        'accept-encoding': 'identity',
      },
      body: raw,
      dispatcher: upstream,
      signal: gone.signal,
    })
    const isStream = String(answer.headers['content-type']).includes('text/event-stream')
    const meter = openMeter(asked.model, isStream)
    const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !dropped.has(name)))
    response.writeHead(answer.statusCode, headers as Record<string, string>)
    try {
      await pipeline(answer.body, meter.pass, response)
    } finally {
      const used = path === '/v1/messages' ? meter.used() : undefined
      if (used) {
        spent += used.cost
        await metered(used)
      }
    }
  }
  return {
    handle: async (request, response, path) => {
      try {
        await handle(request, response, path)
      } catch (error) {
        if (error instanceof Refused) throw error
        if (!response.destroyed)
          sendError(response, 502, 'api_error', `The model API could not be reached: ${reason(error)}.`)
      }
    },
    close: () => upstream.destroy(),
  }
}

const reason = (error: unknown) =>
  error instanceof Error ? ((error as { code?: string }).code ?? error.message) : String(error)

const betaOf = (request: IncomingMessage) => (request.url?.includes('beta=true') ? '?beta=true' : '')

const headersOf = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    passed.flatMap(name =>
      typeof request.headers[name] === 'string' ? [[name, request.headers[name]]] : [],
    ),
  )

/** Credentials that need a beta of their own keep those that the client asked for. */
const mergeBeta = (
  request: IncomingMessage,
  headers: Readonly<Record<string, string>>,
): Record<string, string> => {
  const own = headers['anthropic-beta']
  const asked = request.headers['anthropic-beta']
  return own && asked ? { ...headers, 'anthropic-beta': `${asked},${own}` } : { ...headers }
}

/** Refuses what would let the API act on the box's behalf: tools it runs itself, servers it calls, containers it keeps. */
const check = (raw: Buffer): z.infer<typeof body> => {
  let parsed: unknown
  try {
    parsed = JSON.parse(raw.toString('utf8'))
  } catch {
    throw new Refused(400, 'body', 'The request is not JSON.')
  }
  const read = body.safeParse(parsed)
  if (!read.success)
    throw new Refused(400, 'body', `The request is malformed at ${read.error.issues[0]?.path.join('.')}.`)
  for (const field of ['mcp_servers', 'container'])
    if (read.data[field] !== undefined)
      throw new Refused(403, field, `"${field}" cannot be used here: it would reach out past this box.`)
  for (const tool of read.data.tools ?? [])
    if (tool.type !== undefined && tool.type !== 'custom' && !isClientSide(tool.type))
      throw new Refused(403, tool.type, `The tool "${tool.type}" runs at the API and cannot be used here.`)
  return read.data
}

/** Tools of the API's own kinds that the client runs by itself. */
const isClientSide = (type: string) => /^(bash|text_editor|memory)_\d+$/.test(type)
