import type { Readable } from 'node:stream'
import { finished, PassThrough } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { Agent, request } from 'undici'
import { checkRepositoryId } from './bare-names.ts'
import type { Blob, Repos } from './repos.ts'
import { BadName, BadUpstream, OwnerAway, Unknown } from './repos.ts'
import { screen } from './screen.ts'

/** A merge waits for those before it, and git may think long before it says something. A clone of an upstream has its own time. */
const silenceMs = 5 * 60 * 1000
const cloneMs = 20 * 60 * 1000
const connectMs = 5000
const greetMs = 10_000

/**
 * The repositories of another process, through its door at `url` (`http://web:8080`). Every verb is safe to repeat, so an
 * owner that is away is asked again for `patienceMs`, 10 s where none is given, and six times as long for git, which may
 * bring a whole job's work; then `OwnerAway` is thrown. What a push may change is judged here, before any of it goes out;
 * its body is sent once, to an owner that has just answered.
 */
export const openRemoteRepos = ({
  url,
  token,
  patienceMs = 10_000,
}: {
  readonly url: string
  readonly token: string
  readonly patienceMs?: number
}): Repos & AsyncDisposable => {
  const dispatcher = new Agent({ connect: { timeout: connectMs }, bodyTimeout: silenceMs })
  const closing = new AbortController()

  const door = `${url.replace(/\/+$/, '')}/internal/repos`

  const send = async (path: string, options: Options = {}): Promise<Dispatcher.ResponseData> => {
    const answer = await request(`${door}${path}`, {
      method: 'POST',
      headersTimeout: silenceMs,
      ...options,
      headers: { ...options.headers, authorization: `Bearer ${token}` },
      dispatcher,
      signal: closing.signal,
    }).catch(away)
    await check(answer)
    return answer
  }
  const again = async <T>(attempt: () => Promise<T>, forMs = patienceMs): Promise<T> => {
    const deadline = performance.now() + forMs
    for (let pause = 100; ; pause = Math.min(2 * pause, 1000)) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof OwnerAway) || closing.signal.aborted || performance.now() + pause > deadline)
          throw error
        await setTimeout(pause, undefined, { signal: closing.signal })
      }
    }
  }
  /** Asks for a verb with these arguments, and gives what `read` makes of the answer. */
  const ask = async <T>(
    verb: keyof Repos,
    [id, ...more]: readonly [id: string, ...more: readonly unknown[]],
    read: (answer: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T> => {
    checkRepositoryId(id)
    const args = [id, ...more.slice(0, more.findLastIndex(arg => arg !== undefined) + 1)]
    const headers = { 'content-type': 'application/json' }
    const headersTimeout = verb === 'create' ? cloneMs : silenceMs
    return await again(async () => {
      const answer = await send(`/${verb}`, { headers, body: JSON.stringify(args), headersTimeout })
      return await read(answer).catch(away)
    })
  }
  /** Resolves once the owner answers at all. */
  const greet = async (): Promise<void> => {
    const { body } = await send('', { method: 'GET', headersTimeout: greetMs })
    await body.dump().catch(away)
  }
  const verb = <V extends Exclude<keyof Repos, 'blob' | 'serve'>>(name: V) =>
    ((...args: Parameters<Repos[V]>) => ask(name, args, answered)) as Repos[V]

  return {
    create: verb('create'),
    resolve: verb('resolve'),
    tree: verb('tree'),
    blob: (...args) => ask('blob', args, answeredBlob),
    history: verb('history'),
    branches: verb('branches'),
    diff: verb('diff'),
    changed: verb('changed'),
    base: verb('base'),
    merge: verb('merge'),
    shelve: verb('shelve'),
    serve: async (id, asked, rights) => {
      checkRepositoryId(id)
      const screened = await screen(asked, rights)
      if ('answer' in screened) return screened.answer
      const { service, advertise, body, head } = screened
      const { 'git-protocol': protocol, 'content-type': type } = asked.headers
      const headers = { ...(protocol && { 'git-protocol': protocol }), ...(type && { 'content-type': type }) }
      const forward = async (path: string, options: Options) => {
        const answer = await send(`/git/${id}/${path}`, { ...options, headers })
        return { status: answer.statusCode, headers: kept(answer), body: answer.body }
      }
      if (advertise)
        return await again(
          () => forward(`info/refs?service=git-${service}`, { method: 'GET' }),
          6 * patienceMs,
        )
      await again(greet, 6 * patienceMs)
      return await forward(`git-${service}`, { body: outward(body, head) })
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      await dispatcher.destroy()
    },
  }
}

type Options = Partial<Pick<Dispatcher.RequestOptions, 'body' | 'method' | 'headersTimeout'>> & {
  readonly headers?: Readonly<Record<string, string>>
}

const answered = async ({ body }: Dispatcher.ResponseData): Promise<unknown> =>
  ((await body.json()) as { readonly value?: unknown }).value

const answeredBlob = async ({ statusCode, body }: Dispatcher.ResponseData): Promise<Blob | undefined> => {
  const content = Buffer.from(await body.arrayBuffer())
  return statusCode === 204 ? undefined : { bytes: content.length, content }
}

const away = (cause: unknown): never => {
  throw new OwnerAway('The web, which owns the repositories, does not answer.', { cause })
}

/** Throws what the owner threw, by its name; an answer of git passes, whatever it says. */
const check = async ({ statusCode, body }: Dispatcher.ResponseData): Promise<void> => {
  switch (statusCode) {
    case 422:
    case 500: {
      const { name, message } = (await body.json().catch(away)) as Error
      throw new (named[name] ?? Error)(message)
    }
    case 502:
    case 503:
    case 504:
      await body.dump().catch(away)
      return away(new Error(`The answer is ${statusCode}.`))
    case 303:
    case 401:
    case 404:
      await body.dump().catch(away)
      throw new Error(
        `The web does not open its repositories to this process (${statusCode}): set the same BELLHOP_SECRET_KEY for both, and WEB_URL to its address.`,
      )
    default:
      return
  }
}

const named: Readonly<Record<string, new (message: string) => Error>> = { BadName, BadUpstream, Unknown }

const kept = ({ headers }: Dispatcher.ResponseData): Record<string, string> =>
  Object.fromEntries(
    ['content-type', 'cache-control'].flatMap(name => {
      const value = headers[name]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )

/**
 * A body as it goes out. An owner that has heard enough ends this stream and not `body`, the rest of which is read and
 * dropped; a client that goes away ends both.
 */
const outward = (body: Readable, head: Buffer | undefined): Readable => {
  const out = new PassThrough()
  out.on('error', () => {}) // Whoever reads it hears of it.
  out.on('close', () => {
    body.unpipe(out)
    body.resume()
  })
  finished(body, { writable: false }, error => {
    if (error) out.destroy(error)
  })
  if (head) out.write(head)
  return body.pipe(out)
}
