import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Box, Plan, Report, Sandbox } from './sandbox.ts'
import type { Standin } from './standin.contract.ts'
import { openStandin } from './standin.contract.ts'

export type OpenSandbox = (parts: { readonly folder: string }) => Sandbox

export interface Trial extends AsyncDisposable {
  readonly folder: string
  /** The job of its boxes; the attempt counts from 1. */
  readonly job: string
  readonly boxes: string
  readonly sandbox: Sandbox
  readonly standin: Standin
  plan(script: string, more?: Change): Plan
  /** Opens a box whose agent is a shell script. */
  open(script: string, more?: Change): Promise<Box>
  /** Opens a box and follows it to its end; it is closed then. */
  run(script: string, more?: Change): Promise<Run>
}

export interface Change extends Partial<Omit<Plan, 'agent'>> {
  readonly agent?: Partial<Plan['agent']>
}

export interface Run {
  readonly reports: readonly Report[]
  readonly out: string
  readonly err: string
  readonly code: number | undefined
}

/** A sandbox engine in a folder of its own, with a gateway's stand-in to open its boxes to. */
export const openTrial = async (openSandbox: OpenSandbox): Promise<Trial> => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'box-'))
  opening.defer(() => rm(folder, { recursive: true }))
  await chmod(folder, 0o711)
  const boxes = join(folder, 'boxes')
  const standin = opening.use(await openStandin(folder))
  const sandbox = openSandbox({ folder: boxes })
  const job = `j${process.pid}`
  let attempt = 0
  const opened = opening.move()

  const plan = (script: string, { agent, ...more }: Change = {}): Plan => ({
    job: 'j1',
    attempt: 1,
    git: { from: 'main', branch: 'jobs/j1', name: 'Ann', email: 'ann@example.org', message: 'Do it' },
    files: {},
    uploads: [],
    timeoutSeconds: 60,
    ...more,
    agent: { argv: ['/bin/sh', '-c', script], env: {}, input: [], keepOpen: false, ...agent },
  })
  const open = async (script: string, more?: Change) => {
    attempt += 1
    const box = await sandbox.open({ job, attempt, gateway: standin.folder, plan: plan(script, more) })
    return opened.use(box)
  }
  const run = async (script: string, more?: Change): Promise<Run> => {
    await using box = await open(script, more)
    const reports = await reportsOf(box)
    return { reports, ...printed(reports), code: (await box.exit).code }
  }
  return {
    folder,
    job,
    boxes,
    sandbox,
    standin,
    plan,
    open,
    run,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** All reports of a box, once it is over. */
export const reportsOf = async (box: Box): Promise<readonly Report[]> => {
  const lines = Buffer.concat(await Array.fromAsync(box.output(0)))
    .toString()
    .split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as Report)
}

export const printed = (reports: readonly Report[]) => {
  const of = (stream: 'out' | 'err') =>
    reports.map(said => (said.report === 'output' && said.stream === stream ? said.text : '')).join('')
  return { out: of('out'), err: of('err') }
}

/** Resolves when the box's output so far holds a text. */
export const hears = async (box: Box, text: string): Promise<void> => {
  let heard = ''
  for await (const bytes of box.output(0)) {
    heard += Buffer.from(bytes)
    if (heard.includes(text)) return
  }
  throw new Error(`The box ended without saying ${text}: ${heard}`)
}

/** The processes of this host whose command line holds a text. */
export const processesWith = async (text: string): Promise<readonly number[]> => {
  const found: number[] = []
  for (const pid of (await readdir('/proc')).map(Number).filter(Number.isInteger)) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (pid !== process.pid && line.replaceAll('\0', ' ').includes(text)) found.push(pid)
  }
  return found
}
