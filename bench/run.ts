import type { Figure } from './figure.ts'
import { line } from './figure.ts'

/**
 * What `npm run bench [name …]` runs: each benchmark alone, one after another, one JSON line per figure on standard output.
 */
const benches: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  start_bubblewrap: async () => (await import('./start.ts')).startBubblewrap(),
  start_docker: async () => (await import('./docker.ts')).startDocker(),
  acknowledge: async () => (await import('./acknowledge.ts')).acknowledge(),
  jobs_embedded: async () => (await import('./jobs.ts')).jobsEmbedded(),
  jobs_scaled: async () => (await import('./scaled.ts')).jobsScaled(),
  event_to_browser: async () => (await import('./browser.ts')).eventToBrowser(),
  ready: async () => (await import('./ready.ts')).ready(),
  idle_memory: async () => (await import('./memory.ts')).idleMemory(),
  idle_memory_chat: async () => (await import('./memory.ts')).idleMemoryChat(),
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(benches)
const unknown = wanted.filter(name => !Object.hasOwn(benches, name))
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}.`)
  process.exit(2)
}
for (const name of wanted) for (const figure of (await benches[name]?.()) ?? []) console.log(line(figure))
