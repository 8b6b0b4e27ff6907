import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { simpleGit } from 'simple-git'

/** What a git process said, and how it ended. */
interface GitResult {
  readonly code: number
  readonly out: Buffer
  readonly err: string
}

/** All that a git process is told of its surroundings: no configuration, no prompt, no transport, no replaced objects. */
const environment = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ALLOW_PROTOCOL: '',
  GIT_LITERAL_PATHSPECS: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
}

/** No hook runs, nothing tidies up in the background, and what git reports as done is on the disk. */
const settings = [
  'core.hooksPath=/dev/null',
  'safe.directory=*',
  'core.quotePath=false',
  'core.filesRefLockTimeout=5000',
  'core.fsync=all',
  'core.fsyncMethod=batch',
  'gc.auto=0',
]

/**
 * Runs git in a bare repository to its end. Throws, with what git said, when the exit code is none of `codes` (only 0
 * where none are given).
 */
export const git = async (
  repository: string,
  args: readonly string[],
  {
    codes = [0],
    input,
    env = {},
  }: {
    readonly codes?: readonly number[]
    readonly input?: string
    readonly env?: Readonly<Record<string, string>>
  } = {},
): Promise<GitResult> => {
  let result: GitResult | undefined
  const surroundings = { ...environment, ...env, GIT_DIR: repository }
  await simpleGit({
    baseDir: repository,
    config: settings,
    allowEnvironment: Object.keys(surroundings),
    unsafe: { allowUnsafeHooksPath: true, allowUnsafeConfigPaths: true, allowUnsafeTemplateDir: true },
    completion: { onClose: true, onExit: false },
    input: () => input,
    errors: (_error, { exitCode, stdOut, stdErr }) => {
      result = { code: exitCode, out: Buffer.concat(stdOut), err: Buffer.concat(stdErr).toString().trim() }
      return undefined
    },
  })
    .env(surroundings)
    .raw([...args])
  if (result && codes.includes(result.code)) return result
  throw new Error(`git ${args[0]} ended with ${result?.code ?? 'nothing'}: ${result?.err ?? ''}`)
}

/** Starts git in a bare repository and leaves its streams, and its end, to the caller. */
export const startGit = (
  repository: string,
  args: readonly string[],
  {
    stdio,
    env = {},
  }: { readonly stdio: SpawnOptions['stdio']; readonly env?: Readonly<Record<string, string>> },
): ChildProcess =>
  spawn('git', [...settings.flatMap(setting => ['-c', setting]), ...args], {
    cwd: repository,
    env: { ...environment, ...env, GIT_DIR: repository },
    stdio: stdio ?? 'ignore',
  })
