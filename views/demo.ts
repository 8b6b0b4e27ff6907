export interface DemoParts {
  readonly url: string
  readonly token: string
  readonly sandbox: { readonly name?: string; readonly notes: readonly string[] }
  readonly print: (line: string) => void
}

interface Message {
  readonly byName: string
  readonly text: string
  readonly buttons?: readonly { readonly press: { readonly verb?: string } }[]
}
interface Job {
  readonly id: string
  readonly state: string
  readonly agent: string
  readonly commit?: string
  readonly branch?: string
}

const words = '/hop run write down what the flaky test needs'

/**
 * Says one message in the browser chat, follows the job that it becomes, and prints the transcript as the API tells it.
 * Rejects when the job does not succeed.
 */
export const showDemo = async ({ url, token, sandbox, print }: DemoParts): Promise<void> => {
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers }
    const response = await fetch(`${url}/api/v1${path}`, { ...init, headers })
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    return response
  }
  const json = async <T>(path: string, init?: RequestInit) => (await (await call(path, init)).json()) as T

  if (!sandbox.name) throw new Error(`No sandbox works on this machine. ${sandbox.notes.join(' ')}`)
  print(`Sandbox: ${sandbox.name}. ${sandbox.notes.join(' ')}`)
  print('Model: none. A script plays the agent; all else is the real thing.\n')

  const { id } = await json<{ id: string }>('/conversations', {
    method: 'POST',
    body: JSON.stringify({ text: words }),
  })
  const job = await firstJob(() => json<{ items: readonly Job[] }>('/jobs?limit=1'))
  const events = await call(`/jobs/${job.id}/events`, { headers: { accept: 'text/event-stream' } })
  for await (const type of eventTypes(events)) print(`  · ${type}`)

  const ended = await json<Job>(`/jobs/${job.id}`)
  const messages = await shown(() => json<{ items: readonly Message[] }>(`/conversations/${id}/messages`))
  print(`\nThe thread, as the API tells it:\n`)
  for (const { byName, text } of messages) print(`${byName}:\n${indent(text)}\n`)
  print(
    `Job ${ended.id} ${ended.state}, by the agent "${ended.agent}"; commit ${ended.commit} on ${ended.branch}:\n`,
  )
  print(await (await call(`/jobs/${job.id}/diff`)).text())
  if (ended.state !== 'succeeded') throw new Error(`The demo's job ended as ${ended.state}.`)
}

const patience = 30_000

const firstJob = async (list: () => Promise<{ readonly items: readonly Job[] }>): Promise<Job> =>
  await eventually('the job', async () => (await list()).items[0])

/** The thread once it shows the end: what the person said, the status with its Retry, and the last word. */
const shown = async (
  list: () => Promise<{ readonly items: readonly Message[] }>,
): Promise<readonly Message[]> =>
  await eventually('the end in the thread', async () => {
    const { items } = await list()
    const over = items.some(({ buttons = [] }) => buttons.some(({ press }) => press.verb === 'retry'))
    return over && items.length >= 3 ? items : undefined
  })

const eventually = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  const deadline = Date.now() + patience
  while (Date.now() < deadline) {
    const seen = await look()
    if (seen) return seen
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error(`Waited ${patience / 1000} s for ${what}.`)
}

/** The types of a job's events as they come, until its log ends. */
async function* eventTypes(response: Response): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    const lines = (rest + Buffer.from(chunk).toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines)
      if (line.startsWith('data: ')) yield (JSON.parse(line.slice(6)) as { type: string }).type
  }
}

const indent = (text: string) =>
  text
    .split('\n')
    .map(line => `    ${line}`)
    .join('\n')
