import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AgentCommand, BoxPaths, Plan } from '../sandbox.ts'

/** Replaces `{workspace}`, `{home}` and `{gateway}` by the box's own paths. */
const expand = (text: string, paths: BoxPaths): string =>
  text.replace(/\{(workspace|home|gateway)\}/g, (_, name: keyof BoxPaths) => paths[name])

/** The agent's command with its paths filled in. */
export const commandFor = (command: AgentCommand, paths: BoxPaths): AgentCommand => ({
  ...command,
  argv: command.argv.map(part => expand(part, paths)),
  env: Object.fromEntries(Object.entries(command.env).map(([name, value]) => [name, expand(value, paths)])),
})

/** Writes the plan's files, with the folders they need. */
export const writeFiles = async (files: Plan['files'], paths: BoxPaths): Promise<void> => {
  for (const [name, content] of Object.entries(files)) {
    const path = expand(name, paths)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}
