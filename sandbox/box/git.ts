import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import type { Plan } from '../sandbox.ts'
import type { RunGit } from './nested.ts'
import { unnest } from './nested.ts'
import { run } from './program.ts'

export interface Git {
  /** Clones the workspace; gives the commit it stands at. */
  clone(signal: AbortSignal): Promise<string>
  /**
   * Commits all there is, when something changed since `base` was cloned; gives the commit at which the workspace then
   * stands. `left` hears of files that could not be read.
   */
  commit(base: string, left: (why: string) => void): Promise<string>
  push(): Promise<void>
}

/**
 * What git says when a connection was cut under it, as by a gateway that starts again, when what it sent before the cut is
 * still being taken in, or when the gateway waited in vain for the owner of the repositories, a minute each time. It is tried
 * three times, 500 ms apart.
 */
const brokenOff =
  /curl (18|52|55|56)\b|returned error: 50\d|Empty reply|Recv failure|Send failure|hung up unexpectedly|early EOF|unexpected disconnect|cannot lock ref/
const tries = 3
const pauseMs = 500

/**
 * Git as the entry uses it: without the machine's settings, without hooks, over HTTP only. What the repository's own
 * settings make it run stays in the box, where the agent can run anything anyway.
 */
export const openGit = (parts: {
  readonly plan: Plan['git']
  readonly workspace: string
  /** The repository's address. */
  readonly remote: string
  readonly env: Readonly<Record<string, string>>
}): Git => {
  const { plan, workspace, remote } = parts
  const env = {
    ...parts.env,
    ...identity(plan),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'http',
  }
  const git = (
    argv: readonly string[],
    more: { input?: string; answers?: readonly number[]; signal?: AbortSignal } = {},
  ) => run({ argv: ['git', ...settings, '-C', workspace, ...argv], env, ...more })
  const say: RunGit = async (argv, more) => (await git(argv, more)).printed
  const head = () => say(['rev-parse', '--verify', 'HEAD'])

  /** Tries again what broke off under git with the connection. */
  const whole = async (argv: readonly string[], signal?: AbortSignal) => {
    for (let tried = 1; ; tried++)
      try {
        return await git(argv, signal && { signal })
      } catch (error) {
        if (tried === tries || !(error instanceof Error && brokenOff.test(error.message))) throw error
        await elapse(pauseMs, undefined, { signal })
      }
  }

  return {
    clone: async signal => {
      await whole(['clone', '--quiet', '--single-branch', '--branch', plan.from, '--', remote, '.'], signal)
      return await head()
    },
    commit: async (base, left) => {
      // Left by a git of the agent's that was killed.
      await rm(join(workspace, '.git/index.lock'), { force: true })
      await unnest(say, workspace, base)
      const added = await git(['add', '--all', '--ignore-errors'], { answers: [1] })
      if (added.code !== 0) left(`Some files were not saved: ${added.complaint}`)
      const { code } = await git(['diff', '--cached', '--quiet'], { answers: [1] })
      if (code === 1) await git(['commit', '--quiet', '--no-verify', '--file', '-'], { input: plan.message })
      return await head()
    },
    push: async () => {
      await whole(['push', '--quiet', '--no-verify', remote, `HEAD:refs/heads/${plan.branch}`])
    },
  }
}

/** Who commits, for the entry's git and the agent's own. Git refuses a name that has no letter in it. */
export const identity = ({ name, email }: Pick<Plan['git'], 'name' | 'email'>): Record<string, string> => {
  const who = /[\p{L}\p{N}]/u.test(name) ? name : 'Bellhop'
  return {
    GIT_AUTHOR_NAME: who,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: who,
    GIT_COMMITTER_EMAIL: email,
  }
}

const settings = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['commit.gpgSign', 'false'],
  ['push.gpgSign', 'false'],
  ['gc.auto', '0'],
  ['advice.detachedHead', 'false'],
].flatMap(([name, value]) => ['-c', `${name}=${value}`])
