import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dispatcher } from 'undici'
import { Pool } from 'undici'

/** One job as the API shows it, as far as a benchmark looks. */
interface Job {
  readonly id: string
  readonly state: string
  readonly summary?: string
}

export interface Client extends AsyncDisposable {
  /** Asks for a job on a workspace of the team's and gives it as it was accepted. */
  submit(ask: object): Promise<Job>
  job(id: string): Promise<Job>
  cancel(id: string): Promise<void>
  /** Every `said` text of a job's log, as its server-sent events arrive, until the signal aborts or the log ends. */
  said(id: string, signal: AbortSignal): AsyncGenerator<string>
}

/** The API of a server whose data folder is at hand, as the installation's admin. */
export const openClient = async (url: string, data: string): Promise<Client> => {
  const token = (await readFile(join(data, 'admin-token'), 'utf8')).trim()
  const pool = new Pool(url, { connections: 300, headersTimeout: 0, bodyTimeout: 0 })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const call = async (method: 'GET' | 'POST', path: string, body?: object): Promise<Job> => {
    const asked = { path: `/api/v1${path}`, method, headers, ...(body && { body: JSON.stringify(body) }) }
    const answer = await pool.request(asked)
    if (answer.statusCode >= 400) throw new Error(`${path}: ${answer.statusCode} ${await answer.body.text()}`)
    return (await answer.body.json()) as Job
  }
  return {
    submit: ask => call('POST', '/jobs', ask),
    job: id => call('GET', `/jobs/${id}`),
    cancel: async id => void (await call('POST', `/jobs/${id}/cancel`)),
    said: (id, signal) =>
      said(pool, {
        path: `/api/v1/jobs/${id}/events`,
        headers: { ...headers, accept: 'text/event-stream' },
        signal,
      }),
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

/** The text of each `said` event of a stream of server-sent events. */
export async function* said(
  pool: Dispatcher,
  request: {
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly signal: AbortSignal
  },
): AsyncGenerator<string> {
  const answer = await pool.request({ method: 'GET', ...request })
  let rest = ''
  for await (const piece of answer.body) {
    const messages = (rest + String(piece)).split('\n\n')
    rest = messages.pop() ?? ''
    for (const message of messages) {
      const data = message.split('\n').find(line => line.startsWith('data: '))
      const event = data && JSON.parse(data.slice('data: '.length))
      if (event?.type === 'said') yield event.text
    }
  }
}
