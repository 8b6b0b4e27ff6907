import { access, constants, realpath } from 'node:fs/promises'
import { basename, delimiter, join } from 'node:path'
import type { Agent } from './agent.ts'
import { openClaude } from './claude.ts'
import { openCommand } from './command.ts'
import { openScript } from './script.ts'

/** The agents that can be offered, and the programs of the host that their boxes need to see. */
export interface Offered {
  /** What the boxes of a sandbox have, by the sandbox's name; all that there may be, without one. */
  readonly agents: (sandbox: string | undefined) => readonly Agent[]
  readonly tools: readonly { readonly from: string; readonly to: string }[]
}

/** Where Claude Code lies in a box: on its path. */
const claudeInBox = '/opt/bellhop/bin/claude'

/**
 * `command` always; `claude` in Docker's boxes, whose image has it, and elsewhere where its program is found on `path` or in
 * `.cache`; `script` only when it was asked for by name: it is for tests and the demo.
 */
export const openAgents = async ({
  path,
  agent,
}: {
  readonly path: string
  readonly agent: string
}): Promise<Offered> => {
  const claude = await find('claude', [
    ...path.split(delimiter),
    join('.cache', 'claude', 'node_modules', '.bin'),
  ])
  const others = [openCommand(), ...(agent === 'script' ? [openScript()] : [])]
  const withClaude = [...others, openClaude({ command: basename(claudeInBox) })]
  return {
    agents: sandbox =>
      sandbox === undefined || sandbox === 'docker' || claude !== undefined ? withClaude : others,
    tools: claude ? [{ from: claude, to: claudeInBox }] : [],
  }
}

const find = async (name: string, folders: readonly string[]): Promise<string | undefined> => {
  for (const folder of folders) {
    const file = join(folder, name)
    try {
      await access(file, constants.X_OK)
      return await realpath(file)
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}
