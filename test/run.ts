import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob, mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { engine, engineNames } from './engines.ts'

/**
 * What `npm test` runs: every `*.test.ts` under Node's own runner, then which engines of the machine were really used
 * and which were missing. `--soak` asks for the long counts; file names run those files alone. Exits as the runner does.
 */
const root = join(import.meta.dirname, '..')
const soak = process.argv.includes('--soak')
const named = process.argv.slice(2).filter(argument => argument !== '--soak')

/** No test may hang a run for good; a soak is as long as it is. */
const limitMs = 600_000

const exclude = (path: string) => /(^|\/)(node_modules|\.cache|\.git|\.bellhop)$/.test(path)
const files =
  named.length > 0 ? named : (await Array.fromAsync(glob('**/*.test.ts', { cwd: root, exclude }))).sort()

/** The programs that the tests start by name are this project's own, whatever node began the run. */
const bin = join(root, 'node_modules/.bin')
const node = Number.parseInt(process.versions.node, 10) >= 24 ? process.execPath : join(bin, 'node')

const notes = await mkdtemp(join(tmpdir(), 'bellhop-test-'))
const engines = join(notes, 'engines')
try {
  const flags = [
    '--import',
    './test/witness.ts',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${availableParallelism()}`,
  ]
  if (!soak) flags.push(`--test-timeout=${limitMs}`)
  const child = spawn(node, [...flags, ...files], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
      TEST_ENGINES_FILE: engines,
      ...(soak && { SOAK: '1' }),
    },
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  console.log(await summary(await readFile(engines, 'utf8').catch(() => '')))
  process.exitCode = code ?? 1
} finally {
  await rm(notes, { recursive: true, force: true })
}

interface Note {
  readonly name: string
  readonly ok: boolean
  readonly version?: string
  readonly why?: string
  /** Set in a note of a contract: the port, and the engine behind it. */
  readonly contract?: string
  readonly engine?: string
}

async function summary(noted: string): Promise<string> {
  const used = new Map([['node', process.versions.node]])
  const missing = new Set<string>()
  const contracts = new Map<string, Set<string>>()
  for (const line of noted.split('\n').filter(Boolean)) {
    const { name, ok, version, why, contract, engine }: Note = JSON.parse(line)
    if (contract && engine) contracts.set(contract, (contracts.get(contract) ?? new Set()).add(engine))
    else if (ok) used.set(name, version ?? used.get(name) ?? '')
    else missing.add(why ?? name)
  }
  for (const name of engineNames.filter(name => used.get(name) === '')) {
    const found = await engine(name)
    if (found.ok) used.set(name, found.version)
    // Something tried to start it, and it was not there.
    else used.delete(name)
  }
  const engines = [...used].map(([name, version]) => `${name} ${version}`.trim()).sort()
  const absent = [...missing].sort().map(why => `\n  ${why}`)
  const held = [...contracts].sort().map(([port, on]) => `\n  ${port}: ${[...on].sort().join(', ')}`)
  return `\nContracts, and the engines each ran on:${held.join('') || ' none'}\nEngines really used: ${engines.join(', ')}\nEngines missing, their tests skipped:${absent.join('') || ' none'}`
}
