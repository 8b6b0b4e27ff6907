import { execFile } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { Agent, request } from 'undici'
import { openBare } from '../../store/bare.ts'
import { openBlobs } from '../../store/blobs.ts'
import type { Answer, Asked } from '../../test/anthropic.ts'
import { openAnthropic, says } from '../../test/anthropic.ts'
import { openForward } from '../box/forward.ts'
import type { Doors, Gateway, Grants, ModelAccess, Usage } from '../gateway.ts'

export type OpenGateway = (parts: {
  readonly folder: string
  readonly doors: Doors
  readonly model?: ModelAccess
  readonly failed?: (error: unknown) => void
}) => Gateway

type Init = NonNullable<Parameters<typeof request>[1]>

export const grants: Grants = { repository: 'shop', push: 'refs/heads/jobs/j1', files: ['f1'] }

/** The credentials that no box may see or bring. */
export const key = 'key-of-the-house'

/** What a client of the messages API sends at the least. */
export const messages = (body: object = {}) => ({
  model: 'claude-opus-5-5',
  max_tokens: 100,
  stream: true,
  messages: [{ role: 'user', content: 'hello' }],
  ...body,
})

/** A gateway under test between a stand-in model API and doors that take note of what went through them. */
export const openTrial = async (
  openGateway: OpenGateway,
  {
    script = () => says('Hello.'),
    model,
  }: {
    readonly script?: (asked: Asked, n: number) => Answer | Promise<Answer>
    /** `null`: no model is connected. */
    readonly model?: ModelAccess | null
  } = {},
) => {
  await using opening = new AsyncDisposableStack()
  const root = await mkdtemp(join(tmpdir(), 'gateway-'))
  opening.defer(() => rm(root, { recursive: true, force: true }))
  const anthropic = opening.use(await openAnthropic({ script }))
  const repos = openBare(join(root, 'repos'), { now: () => new Date() })
  const files = openBlobs(join(root, 'files'))
  await files.write('f1', 'what was uploaded', 100)

  const metered: Usage[] = []
  const events = new EventEmitter()
  const refused: Parameters<Doors['refused']>[1][] = []
  const kept: { readonly name: string; readonly mime: string; readonly purpose: string }[] = []
  const failures: unknown[] = []
  const past = new Set<string>()
  const doors: Doors = {
    git: (repository, asked, push) => repos.serve(repository, asked, { push }),
    readFile: id => files.read(id),
    keepFile: async (_at, { body, ...file }, limit) => {
      await files.write(`kept${kept.length}`, body, limit)
      kept.push(file)
      return `kept${kept.length - 1}`
    },
    current: async ({ job, attempt }) => !past.has(`${job}-${attempt}`),
    spent: async () => metered.reduce((sum, { cost }) => sum + cost, 0),
    metered: async (_at, usage) => {
      metered.push(usage)
      events.emit('metered')
    },
    refused: async (_at, refusal) => void refused.push(refusal),
  }
  const access = model === undefined ? { baseUrl: anthropic.url, headers: { 'x-api-key': key } } : model
  const open = () =>
    openGateway({
      folder: join(root, 'gateways'),
      doors,
      failed: error => failures.push(error),
      ...(access && { model: access }),
    })
  const gateway = opening.use(open())
  /** Lets an attempt in and gives a way to ask at its socket. */
  const admit = async (more: Partial<Grants> = {}, attempt = 1, through: Gateway = gateway) => {
    const { folder } = await through.admit({ job: 'j1', attempt, grants: { ...grants, ...more } })
    const socketPath = join(folder, 'gateway.sock')
    const agent = new Agent({ connect: { socketPath } })
    opened.defer(() => agent.destroy())
    const ask = (path: string, { method = 'GET', ...init }: Init = {}) =>
      request(`http://gateway.local${path}`, { method, dispatcher: agent, ...init })
    const post = (body: unknown, init: Init = {}, path = '/v1/messages?beta=true') =>
      ask(path, {
        method: 'POST',
        body: body instanceof Readable ? body : JSON.stringify(body),
        ...init,
      })
    const git = async (...argv: string[]) => {
      const { url } = await openForward(socketPath)
      const env = { PATH: process.env.PATH ?? '', HOME: root, GIT_CONFIG_NOSYSTEM: '1' }
      const remote = `${url}/git/workspace.git`
      const given = argv.map(argument => argument.replace('{remote}', remote))
      return await promisify(execFile)('git', given, { env, cwd: root })
    }
    /** Sends bytes as they are and gives the connection. */
    const raw = async (bytes: string) => {
      const socket = connect(socketPath)
      await once(socket, 'connect')
      socket.write(bytes)
      return socket
    }
    /** Resolves when what was asked is over, also on the gateway's side. */
    const gone = () => through.release('j1', attempt)
    return { folder, socketPath, ask, post, git, raw, gone }
  }
  const opened = opening.move()
  return {
    root,
    anthropic,
    repos,
    gateway,
    /** Opens the gateway that takes the place of one that was disposed, once what that had open is restored. */
    again: async () => {
      const next = opened.use(open())
      await next.release('nobody', 1)
      return next
    },
    /** From now on this attempt is its job's no more. */
    pass: (attempt: number, job = 'j1') => void past.add(`${job}-${attempt}`),
    doors,
    admit,
    metered,
    /** Resolves at the next call that is metered. */
    nextMetered: () => once(events, 'metered'),
    refused,
    kept,
    failures,
    stored: async (id: string) => buffer((await files.read(id))!),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

export type Trial = Awaited<ReturnType<typeof openTrial>>
