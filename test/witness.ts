import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Loaded before every test file: notes which engines the process really used, by the modules it loaded and the programs
 * it started, in the file that `TEST_ENGINES_FILE` names. What it cannot see from outside, `engine()` notes itself.
 */
const libraries = ['@slack/bolt', 'emulate', '@copilotkit/aimock']
const programs: Record<string, string> = {
  bwrap: 'bubblewrap',
  git: 'git',
  chromium: 'chromium',
  claude: 'claude',
}

const seen = new Set<string>()
const see = (name: string, version?: string) => {
  const file = process.env.TEST_ENGINES_FILE
  if (!file || seen.has(name)) return
  seen.add(name)
  appendFileSync(file, `${JSON.stringify({ name, ok: true, ...(version && { version }) })}\n`)
}

registerHooks({
  load(url, context, nextLoad) {
    if (url === 'node:sqlite') see('sqlite', process.versions.sqlite)
    const library = libraries.find(name => url.includes(`/node_modules/${name}/`))
    if (library !== undefined && !seen.has(library)) see(library, versionOf(library, url))
    return nextLoad(url, context)
  },
})

subscribe('child_process', message => {
  const { process: child } = message as { process: { spawnfile?: string } }
  // The channel speaks before the program's name is known.
  process.nextTick(() => {
    const name = programs[basename(child.spawnfile ?? '')]
    if (name !== undefined) see(name)
  })
})

const versionOf = (library: string, url: string): string => {
  const end = url.indexOf(`/node_modules/${library}/`) + `/node_modules/${library}/`.length
  return JSON.parse(readFileSync(join(fileURLToPath(url.slice(0, end)), 'package.json'), 'utf8')).version
}
