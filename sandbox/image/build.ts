import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type Docker from 'dockerode'
import { daemonOf, openDaemon, statusOf } from '../docker/daemon.ts'
import { publish } from '../reachable.ts'
import { boxFiles, boxFolder, digestLabel, imageDigest } from './digest.ts'

/** As many of the build's last lines as an error repeats. */
const keptLines = 20

/** The image could not be built; the message says at which part, and what to do. */
export class NoImage extends Error {
  override name = 'NoImage'
}

export interface BuildParts {
  /** The daemon's address, where it is not the usual one. */
  readonly docker?: string
  /** The image's name. */
  readonly tag: string
  /** The image that it begins from: a Debian, or something close to it. */
  readonly base: string
  readonly print: (line: string) => void
  /** The program that fetches Node and Claude Code, with its user's own settings. */
  readonly npm?: string
  readonly signal?: AbortSignal
}

/**
 * Builds the image of the boxes on the daemon's own host, for the licence of Claude Code lets nobody publish one. npm runs
 * here, not in the build, and checks what it fetches against the lock file beside this one; the processor is the daemon's,
 * whatever this host's is. Throws `NoDaemon`, or `NoImage` with a sentence.
 */
export const buildImage = async ({
  docker: address,
  tag,
  base,
  print,
  npm = 'npm',
  signal,
}: BuildParts): Promise<void> => {
  const docker = openDaemon(address)
  const { arch } = await daemonOf(docker)
  const cpu = { amd64: 'x64', arm64: 'arm64' }[arch]
  if (!cpu)
    throw new NoImage(`Node and Claude Code are made for amd64 and arm64, and Docker's host is ${arch}.`)
  await bringBase(docker, base, print)
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-image-'))
  try {
    print('Fetching Node, npm and Claude Code by npm')
    const programs = join(folder, 'programs')
    await fetchPrograms({ npm, cpu, folder: programs, signal })
    const context = join(folder, 'context')
    await layOut({ programs, context, cpu })
    print(`Building the image ${tag} from ${base}`)
    const labels = await labelsOf()
    const opts = { t: tag, networkmode: 'host', buildargs: { BASE: base }, labels, rm: true, forcerm: true }
    const before = await idOf(docker, tag)
    await build({ docker, context, opts, print, ...(signal && { signal }) })
    // It stays where a box still runs on it; `docker image prune` removes it then.
    if (before !== undefined && before !== (await idOf(docker, tag)))
      await docker
        .getImage(before)
        .remove()
        .catch(() => {})
    print(`The image ${tag} is built`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Has Docker pull the base where it is not there. */
const bringBase = async (docker: Docker, base: string, print: (line: string) => void) => {
  if ((await idOf(docker, base)) !== undefined) return
  print(`Pulling ${base}`)
  await pull(docker, base).catch((cause: Error) => {
    const sentence = `The base image ${base} is not there and cannot be pulled: ${cause.message.trim()}`
    throw new NoImage(`${sentence}. Name one that is there with --base.`, { cause })
  })
}

const idOf = async (docker: Docker, image: string): Promise<string | undefined> => {
  try {
    return (await docker.getImage(image).inspect()).Id
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw error
  }
}

const pull = async (docker: Docker, name: string): Promise<void> => {
  const progress = await docker.pull(name.includes(':') || name.includes('@') ? name : `${name}:latest`)
  for await (const line of createInterface({ input: progress })) {
    const { error } = line === '' ? {} : JSON.parse(line)
    if (error !== undefined) throw new Error(error)
  }
}

const claudeOf = (cpu: string) => `@anthropic-ai/claude-code-linux-${cpu}`
const nodeOf = (cpu: string) => `node-linux-${cpu}`

const fetchPrograms = async (parts: {
  readonly npm: string
  readonly cpu: string
  readonly folder: string
  readonly signal: AbortSignal | undefined
}) => {
  const { npm, cpu, folder, signal } = parts
  await mkdir(folder)
  for (const name of ['package.json', 'package-lock.json'])
    await cp(join(import.meta.dirname, name), join(folder, name))
  const argv = ['ci', '--ignore-scripts', '--include=optional', '--no-audit', '--no-fund', '--no-progress']
  const platform = ['--os=linux', `--cpu=${cpu}`, '--libc=glibc']
  const child = spawn(npm, [...argv, ...platform], { cwd: folder, ...(signal && { signal }) })
  child.stdout.resume()
  const said = text(child.stderr)
  const [code] = await once(child, 'close').catch((error: Error) => {
    signal?.throwIfAborted()
    throw new NoImage(`${npm} cannot be started (${error.message}): install it; it comes with Node.`)
  })
  const complaint = (await said).trim()
  if (code !== 0) throw new NoImage(`npm could not fetch what goes into the image:\n${complaint}`)
  // npm passes over an optional package that it could not fetch.
  for (const name of [nodeOf(cpu), claudeOf(cpu)])
    await access(join(folder, 'node_modules', name)).catch(() => {
      throw new NoImage(`npm did not bring ${name}. Is the registry reachable? ${complaint}`.trim())
    })
}

/** Puts what the recipe copies in its place. */
const layOut = async (parts: {
  readonly programs: string
  readonly context: string
  readonly cpu: string
}) => {
  const { programs, context, cpu } = parts
  const modules = join(programs, 'node_modules')
  await mkdir(join(context, 'bin'), { recursive: true })
  await rename(join(modules, nodeOf(cpu), 'bin/node'), join(context, 'bin/node'))
  await rename(join(modules, claudeOf(cpu), 'claude'), join(context, 'bin/claude'))
  await rename(join(modules, 'npm'), join(context, 'npm'))
  await cp(join(import.meta.dirname, 'Dockerfile'), join(context, 'Dockerfile'))
  for (const name of await boxFiles()) {
    await mkdir(dirname(join(context, 'box', name)), { recursive: true })
    await cp(join(boxFolder, name), join(context, 'box', name))
  }
  await publish(context)
}

const labelsOf = async () => {
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'))
  const { optionalDependencies } = JSON.parse(
    await readFile(join(import.meta.dirname, 'package.json'), 'utf8'),
  )
  return {
    'bellhop.version': version as string,
    'bellhop.claude': optionalDependencies[claudeOf('x64')] as string,
    [digestLabel]: await imageDigest(),
  }
}

const build = async (parts: {
  readonly docker: Docker
  readonly context: string
  readonly opts: Docker.ImageBuildOptions
  readonly print: (line: string) => void
  readonly signal?: AbortSignal
}) => {
  const { docker, context, opts, print, signal } = parts
  // One of the systems that Bellhop runs on puts files of its own into an archive unless it is told so.
  const tar = spawn('env', ['COPYFILE_DISABLE=1', 'tar', '-C', context, '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    ...(signal && { signal }),
  })
  tar.on('error', () => {})
  const progress = await docker
    .buildImage(tar.stdout, { ...opts, ...(signal && { abortSignal: signal }) })
    .catch((error: Error) => {
      throw new NoImage(`Docker refused to build the image: ${error.message}`, { cause: error })
    })
  const last: string[] = []
  try {
    for await (const line of createInterface({ input: progress })) if (line !== '') take(JSON.parse(line))
  } finally {
    tar.kill()
  }

  function take(said: { readonly stream?: string; readonly error?: string }) {
    if (said.error !== undefined)
      throw new NoImage(`The image could not be built: ${said.error}\n${last.join('\n')}`)
    const line = (said.stream ?? '').trimEnd()
    if (line.startsWith('Step ')) print(line)
    if (line.trim() !== '') last.push(line)
    if (last.length > keptLines) last.shift()
  }
}
