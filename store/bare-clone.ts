import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setInterval } from 'node:timers/promises'
import { startGit } from './bare-git.ts'
import { isRefName } from './bare-names.ts'
import type { Upstream } from './repos.ts'
import { BadUpstream } from './repos.ts'

/**
 * Opens the way to an upstream for the time of one clone: the address at which git finds it, and the headers to send
 * along. The upstream's own credentials stay behind that address. `refused` is a sentence for the person who named the url.
 */
export type UpstreamDoor = (url: string) => Promise<Way | { readonly refused: string }>
interface Way extends AsyncDisposable {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** A clone may have this many bytes on the disk: 1 GB. */
export const largestClone = 1024 ** 3
const patienceMs = 15 * 60 * 1000
/** What a list of refs, or git's own words, may have: some hundred thousand refs. */
const mostListBytes = 16 * 1024 * 1024

/**
 * All is checked as it comes in, but for slips of old programs that hurt nobody. Redirects are for the door to judge. A
 * server that sends less than a byte a second for two minutes is given up.
 */
const settings = [
  'fetch.fsckObjects=true',
  'fetch.fsck.badTimezone=ignore',
  'fetch.fsck.missingSpaceBeforeDate=ignore',
  'fetch.fsck.zeroPaddedFilemode=ignore',
  'fetch.unpackLimit=1',
  'http.followRedirects=false',
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=120',
].flatMap(setting => ['-c', setting])

/**
 * Fetches an upstream's branches and tags into an empty repository, under the names that they have here. Gives whether
 * there were any branches. Throws `BadUpstream`; the repository is then of no use.
 */
export const clone = async (
  repository: string,
  { url }: Upstream,
  door: UpstreamDoor,
  mostBytes: number,
): Promise<boolean> => {
  const opened = await door(url)
  if ('refused' in opened) throw new BadUpstream(opened.refused)
  await using way = opened
  const git = async (args: readonly string[], input = '') => {
    const result = await run(repository, args, { way, input, mostBytes })
    if (typeof result === 'string') return result
    throw new BadUpstream(`${url} could not be cloned: ${result.why.replaceAll(way.url, url)}`)
  }
  const list = await git(['ls-remote', '--symref', way.url, 'HEAD', 'refs/heads/*', 'refs/tags/*'])
  const names = namesOf(list)
  if (![...names.values()].includes('refs/heads/main')) return false
  const wanted = [...names].map(([theirs, ours]) => `${theirs}:${ours}\n`).join('')
  const options = ['--atomic', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance', '--quiet']
  await git(['fetch', ...options, '--no-recurse-submodules', '--stdin', way.url], wanted)
  return true
}

/** What each ref of `git ls-remote --symref` is called here. The default branch is `main`; without one there is no branch. */
const namesOf = (list: string): ReadonlyMap<string, string> => {
  const lines = list.split('\n').map(line => line.split('\t'))
  const refs = lines.flatMap(([, ref = '']) =>
    isRefName(ref) && /^refs\/(heads|tags)\//.test(ref) ? [ref] : [],
  )
  const head = lines.find(([, ref]) => ref === 'HEAD')?.[0]
  const tip = lines.find(([hash = '', ref]) => ref === 'HEAD' && !hash.startsWith('ref: '))?.[0]
  const likely = [
    head?.replace('ref: ', ''),
    lines.find(([hash, ref]) => hash === tip && ref?.startsWith('refs/heads/'))?.[1],
    'refs/heads/main',
    'refs/heads/master',
    refs.find(ref => ref.startsWith('refs/heads/')),
  ]
  const first = likely.find(ref => ref !== undefined && refs.includes(ref))
  const names = new Map<string, string>()
  for (const ref of refs) {
    const ours = ref === first ? 'refs/heads/main' : ref.replace(kept, 'refs/heads/upstream-$1')
    if (![...names.values()].includes(ours)) names.set(ref, ours)
  }
  return names
}

/** Branches that the house needs itself, with all that lies below them. */
const kept = /^refs\/heads\/(main|jobs|snapshots)(?=\/|$)/

/** What git printed, or why there is no such thing. */
const run = async (
  repository: string,
  args: readonly string[],
  { way, input, mostBytes }: { readonly way: Way; readonly input: string; readonly mostBytes: number },
): Promise<string | { readonly why: string }> => {
  const headers = Object.entries(way.headers)
  const child = startGit(repository, [...settings, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      GIT_ALLOW_PROTOCOL: 'http:https',
      // Not among the arguments, which every user of the machine can read.
      GIT_CONFIG_COUNT: String(headers.length),
      ...Object.fromEntries(
        headers.flatMap(([name, value], n) => [
          [`GIT_CONFIG_KEY_${n}`, 'http.extraHeader'],
          [`GIT_CONFIG_VALUE_${n}`, `${name}: ${value}`],
        ]),
      ),
    },
  })
  const over = new AbortController()
  const late = AbortSignal.timeout(patienceMs)
  const end = () => child.kill()
  late.addEventListener('abort', end)
  child.stdin!.on('error', () => {}).end(input)
  const grown = growth(repository, mostBytes, over.signal).then(large => large && end())
  const [[code], out, err] = await Promise.all([
    once(child, 'close'),
    textOf(child.stdout!),
    textOf(child.stderr!),
  ]).finally(() => over.abort())
  late.removeEventListener('abort', end)
  await grown
  if ((await bytesOf(repository)) > mostBytes)
    return { why: `It is larger than the ${Math.ceil(mostBytes / 1024 ** 2)} MB that a clone may have.` }
  if (late.aborted) return { why: 'It took longer than 15 minutes.' }
  return code === 0 ? out : { why: sentenceOf(err) }
}

/** Resolves with true as soon as the repository is larger than this, with false once `signal` is aborted. */
const growth = async (repository: string, mostBytes: number, signal: AbortSignal): Promise<boolean> => {
  try {
    for await (const _ of setInterval(500, undefined, { signal }))
      if ((await bytesOf(repository)) > mostBytes) return true
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return false
}

/** A fetch writes to one pack at a time. */
const bytesOf = async (repository: string): Promise<number> => {
  const folder = join(repository, 'objects', 'pack')
  const names = await readdir(folder).catch(() => [])
  const sizes = names.map(name =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0, // Renamed meanwhile.
    ),
  )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

const textOf = async (stream: NodeJS.ReadableStream): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= mostListBytes) chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** What the other side said, else git's own first complaint. */
const sentenceOf = (err: string): string => {
  const lines = err.split('\n').map(line => line.trim())
  const said = lines.filter(line => line.startsWith('remote: ')).map(line => line.slice('remote: '.length))
  const complaint = lines.find(line => /^(error|fatal): /.test(line))?.replace(/^\w+: /, '')
  const why = said.join(' ') || complaint || 'git gave no reason'
  return /[.!?]$/.test(why) ? why : `${why}.`
}
