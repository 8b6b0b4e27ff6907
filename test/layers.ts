import { glob, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'

/** One file of ours: its path from the root with forward slashes, and its text. */
export interface Source {
  readonly path: string
  readonly text: string
}

/** Who may import whom. A room may always import itself; `main` may import everything; what is not listed is refused. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  main: ['config', 'bot', 'views', 'runner', 'memory', 'sandbox', 'store'],
  config: [],
  bot: ['runner', 'memory', 'store'],
  views: ['runner', 'memory', 'store'],
  runner: ['memory', 'sandbox', 'store'],
  memory: ['store'],
  sandbox: [],
  store: [],
}

/** The bounds on a source file's lines: half of the files stay under the first, none passes the second. */
export const bounds = { median: 100, most: 300 }

/** Every source and test file of ours under `root`. */
export const readSources = async (root: string): Promise<readonly Source[]> => {
  const exclude = (path: string) => /(^|\/)(node_modules|\.cache|\.git|\.bellhop)$/.test(path)
  const paths = await Array.fromAsync(glob('**/*.{ts,js,mjs}', { cwd: root, exclude }))
  return Promise.all(
    paths.sort().map(async path => ({ path, text: await readFile(join(root, path), 'utf8') })),
  )
}

/** Tests, contracts and benchmarks see every room, and no size or room rule holds for them. */
export const isTest = (path: string): boolean =>
  /^(test|bench)\//.test(path) || /\.(test|contract)\.ts$/.test(path)

/**
 * The relative paths that a file imports, static and dynamic, types included, resolved from the root. Comments are left
 * out; a text that looks like an import counts as one.
 */
export const importsOf = ({ path, text }: Source): readonly string[] => {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
  const found = code.matchAll(/\b(?:from|import)\s*\(?\s*(['"`])(\.{1,2}\/[^'"`]+)\1/g)
  return [...new Set([...found].map(match => posix.join(posix.dirname(path), match[2] ?? '')))]
}

/** One sentence for each import that the table of rooms does not allow. */
export const breaches = (sources: readonly Source[]): readonly string[] =>
  sources.filter(source => !isTest(source.path)).flatMap(breachesOf)

const breachesOf = (source: Source): readonly string[] => {
  const room = roomOf(source.path)
  const allowed = rooms[room]
  if (!allowed) return [`${source.path} is in no known room: add the room to the table or move the file`]
  return importsOf(source)
    .filter(to => isTest(to) || (roomOf(to) !== room && !allowed.includes(roomOf(to))))
    .map(
      to =>
        `${source.path} imports ${to}, but ${room} may import only: ${allowed.join(', ') || 'nothing of ours'}`,
    )
}

/** The first folder of a path, or the name of a file at the root. */
const roomOf = (path: string): string => (path.split('/')[0] ?? '').replace(/\.\w+$/, '')

/** Each circle of imports as the paths along it, types included, since a circle of types ties files together as well. */
export const circles = (sources: readonly Source[]): readonly string[] => {
  const graph = new Map(sources.map(source => [source.path, importsOf(source)]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) found.push([...trail.slice(start), path].join(' → '))
    if (start >= 0 || done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return found
}

/** The middle size of the source files and the largest ones, in lines. */
export const sizes = (sources: readonly Source[]): { median: number; tooLong: readonly string[] } => {
  const lines = sources
    .filter(source => !isTest(source.path))
    .map(({ path, text }) => ({ path, count: text.split('\n').length - 1 }))
    .sort((a, b) => a.count - b.count)
  return {
    median: lines[Math.floor(lines.length / 2)]?.count ?? 0,
    tooLong: lines
      .filter(({ count }) => count > bounds.most)
      .map(({ path, count }) => `${path} has ${count} lines`),
  }
}

/** One sentence for each text that no file may hold. */
export const blemishes = (sources: readonly Source[]): readonly string[] =>
  sources.flatMap(({ path, text }) => [
    ...(/\b(TO[D]O|FIX[M]E)\b/.test(text) ? [`${path} leaves work for later: do it or write an issue`] : []),
    ...(/(?<![\w.}])\/(work|Users|root|home\/(?!agent\b)\w+)\//.test(text)
      ? [`${path} names a path of one machine`]
      : []),
    ...(!isTest(path) && !['main.ts', 'config.ts'].includes(path) && /\bprocess\s*\.\s*env\b/.test(text)
      ? [`${path} reads the environment: only main.ts does, for config.ts`]
      : []),
  ])
