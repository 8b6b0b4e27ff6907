import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Dispatcher } from 'undici'
import type { ModelAccess, Usage } from '../gateway.ts'
import { check } from './check.ts'
import type { Fence } from './fence.ts'
import { fromApi, toApi } from './headers.ts'
import { openMeter } from './meter.ts'
import type { Price } from './prices.ts'
import { Refused } from './refusal.ts'
import { bodyOf } from './respond.ts'

/** A model may think this long before its first byte and between two: 10 minutes. */
const patienceMs = 10 * 60 * 1000

const paths = new Set(['/v1/messages', '/v1/messages/count_tokens'])

export interface ModelRoute {
  handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void>
  /** Ends the connections to the API. */
  close(): Promise<void>
}

export interface ModelParts {
  readonly access: ModelAccess | undefined
  /** Micro-dollars; absent means no limit. */
  readonly budget: number | undefined
  readonly prices: Readonly<Record<string, Price>> | undefined
  readonly fence: Fence
  /** Micro-dollars that the attempt has spent by its log. */
  readonly spent: () => Promise<number>
  readonly metered: (usage: Usage) => Promise<void>
}

/**
 * The model route: passes messages to the API with the real credentials put in and whatever the box sent as such thrown
 * away, streams the answer back as it comes, and meters each call once by the API's own count, also one that broke off.
 */
export const openModelRoute = ({
  access,
  budget,
  prices,
  fence,
  spent: spentBefore,
  metered,
}: ModelParts): ModelRoute => {
  let upstream: ReturnType<typeof connect> | undefined
  /** Before this socket was opened, asked for with its first call, which is before it spends anything itself. */
  let earlier: Promise<number> | undefined
  let since = 0

  const withinBudget = async (budget: number, pathname: string) => {
    earlier ??= spentBefore()
    const spent = since + (await earlier.catch(again))
    if (spent >= budget)
      throw new Refused(
        402,
        pathname,
        `The budget of this job is spent: ${dollars(spent)} of the ${dollars(budget)} it had. Give it more and retry it.`,
      )
  }
  const again = (error: unknown): never => {
    earlier = undefined
    throw error
  }

  return {
    handle: async (request, response, { pathname, searchParams }) => {
      if (request.method !== 'POST' || !paths.has(pathname))
        throw new Refused(
          403,
          `${request.method} ${pathname}`,
          'Of the model API only /v1/messages and /v1/messages/count_tokens can be reached from here.',
        )
      if (!access)
        throw new Refused(
          403,
          pathname,
          'No model is connected: set ANTHROPIC_API_KEY where Bellhop runs, and start it again.',
        )
      await fence.passOften(pathname)
      if (budget !== undefined) await withinBudget(budget, pathname)
      const asked = await check(bodyOf(request))
      const gone = new AbortController()
      response.once('close', () => gone.abort())
      upstream ??= connect()
      const { ask, dispatcher } = await upstream
      const answer = await ask(
        `${access.baseUrl}${pathname}${searchParams.get('beta') === 'true' ? '?beta=true' : ''}`,
        {
          method: 'POST',
          headers: toApi(request.headers, access.headers),
          body: asked.bytes,
          dispatcher,
          signal: gone.signal,
        },
      ).catch(unreachable)
      const isStream = String(answer.headers['content-type']).includes('text/event-stream')
      const meter = openMeter(asked.model, isStream, prices)
      response.writeHead(answer.statusCode, fromApi(answer.headers))
      // Where either side breaks off the other one sees it, and what was used until then is still paid for.
      await pipeline(answer.body, meter.pass, response).catch(() => response.destroy())
      const used = meter.used()
      if (!used) return
      since += used.cost
      await metered(used)
    },
    close: async () => await (await upstream)?.dispatcher.destroy(),
  }
}

/** The HTTP client, loaded with the first call: a house without a model does not hold it in memory. */
const connect = async () => {
  const { Agent, request: ask } = await import('undici')
  return { ask, dispatcher: new Agent({ headersTimeout: patienceMs, bodyTimeout: patienceMs }) }
}

const unreachable = (error: Error & { readonly code?: string }): Dispatcher.ResponseData => {
  throw new Unreachable(
    `The model API cannot be reached from where Bellhop runs: ${error.code ?? error.message}.`,
    { cause: error },
  )
}

/** The model API gave no answer at all; the message is a sentence for the agent. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}

/** To the cent, and what is less than one to a hundredth of it: a small budget must not read as none. */
const dollars = (micro: number) => `$${(micro / 1_000_000).toFixed(micro < 10_000 ? 4 : 2)}`
