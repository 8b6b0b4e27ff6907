#!/usr/bin/env node
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Platform } from './bot/platform.ts'
import type { Config } from './config.ts'
import type { CrewParts } from './runner/crew.ts'

enableCompileCache()

/** The ports with an engine in each: all that the house needs from outside. */
export interface Engines extends AsyncDisposable, Omit<CrewParts, 'defaultAgent' | 'concurrency'> {
  /** What each chat platform passes through as it is opened. */
  readonly platform: (platform: Platform) => Platform
  /** Where the token of the installation's own admin is kept. */
  readonly adminTokenFile: string
  readonly log: Logger
}

/** A house that is open: its address, and the ways in for the one who runs it. */
export interface House extends AsyncDisposable {
  readonly url: string
  readonly adminToken: string
  /** A one-time link, good for 15 minutes. */
  loginLink(): Promise<string>
  /** The sandbox in use, once its probe box has run; why there is none otherwise. */
  readonly sandbox: Promise<{ readonly name?: string; readonly notes: readonly string[] }>
}

/** Opens the engines that the configuration names. `unisolated` lets jobs run on the host itself where nothing isolates. */
export const openEngines = async (config: Config, { unisolated = false } = {}): Promise<Engines> => {
  const now = () => new Date()
  const [{ openFolder }, { openSqlite }, { openLocalBell }, { openBare }, { openBlobs }] = await Promise.all([
    import('./store/folder.ts'),
    import('./store/sqlite.ts'),
    import('./store/local-bell.ts'),
    import('./store/bare.ts'),
    import('./store/blobs.ts'),
  ])
  const [{ kept }, { randomId }] = await Promise.all([import('./store/kept.ts'), import('./store/ids.ts')])
  const [{ openEmbedded }, { openGateway }, { openBubblewrap }, { openProcess }, { openAgents }] =
    await Promise.all([
      import('./runner/embedded.ts'),
      import('./sandbox/local-gateway.ts'),
      import('./sandbox/bubblewrap.ts'),
      import('./sandbox/process.ts'),
      import('./runner/agents/agents.ts'),
    ])
  await using opening = new AsyncDisposableStack()
  const log = await openLog(config)
  const folder = opening.use(await openFolder(config.data))
  const { agents, tools } = await openAgents(config)
  const isolating = openBubblewrap({ folder: folder.boxes, tools })
  const unisolating = openProcess({ folder: folder.boxes, tools })
  const engines = {
    store: opening.use(openSqlite(folder.database)),
    bell: opening.use(openLocalBell()),
    queue: opening.use(openEmbedded({ now })),
    repos: openBare(folder.repos, { now }),
    files: openBlobs(folder.files),
    sandboxes:
      config.sandbox === 'process' ? [unisolating] : [isolating, ...(unisolated ? [unisolating] : [])],
    runner: await kept(folder.runner, randomId),
    agents,
    gateway: (doors: Parameters<CrewParts['gateway']>[0]) =>
      openGateway({
        folder: join(folder.boxes, 'gateways'),
        doors,
        ...(config.model && { model: config.model }),
        failed: error => log.error({ err: error }, 'the gateway failed at a request'),
      }),
    platform: (platform: Platform) => platform,
    adminTokenFile: folder.adminToken,
    log,
    now,
  }
  const opened = opening.move()
  return { ...engines, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** Opens the house over its engines: web, bot and runner in one process, until disposed. */
export const openHouse = async (config: Config, engines: Engines): Promise<House> => {
  const { store, bell, files, log, now } = engines
  const [
    { openCrew },
    { runBot },
    { openWebChat },
    { openApp },
    { serveApp },
    { adminToken },
    { offerLogin },
  ] = await Promise.all([
    import('./runner/crew.ts'),
    import('./bot/bot.ts'),
    import('./bot/web.ts'),
    import('./views/app.ts'),
    import('./views/serve.ts'),
    import('./runner/admin.ts'),
    import('./runner/logins.ts'),
  ])
  const stopping = new AbortController()
  const { signal } = stopping
  const crew = openCrew({ ...engines, defaultAgent: config.agent, concurrency: config.concurrency })
  const token = await adminToken(store, engines.adminTokenFile)
  const sandbox = Promise.withResolvers<Awaited<House['sandbox']>>()

  const app = openApp({
    ...engines,
    intake: crew.intake,
    publicUrl: () => publicUrl,
    ...(config.slack?.signingSecret && { slack: { signingSecret: config.slack.signingSecret } }),
    ready: () => readiness(store),
    version: await version(),
  })
  const web = await serveApp(app, { port: config.port, host: config.host })
  const publicUrl = config.publicUrl ?? web.url

  const running = Promise.all([
    crew.run(signal, found =>
      sandbox.resolve(found.ok ? { name: found.engine.name, notes: found.notes } : { notes: [found.why] }),
    ),
    runBot(
      {
        store,
        bell,
        intake: crew.intake,
        platforms: async incoming => {
          const chats: Platform[] = [openWebChat({ incoming })]
          if (config.slack) {
            const { openSlack } = await import('./bot/slack.ts')
            chats.push(openSlack({ ...config.slack, incoming, readFile: id => files.read(id) }))
          }
          return chats.map(engines.platform)
        },
        defaultRoles: { slack: config.defaultRole ?? 'member', web: 'viewer' },
        admins: config.admins,
        publicUrl,
        log,
        now,
      },
      signal,
    ),
  ])
  running.catch(error => {
    log.fatal({ err: error }, 'Bellhop stops: a part of it failed')
    process.exit(1)
  })
  return {
    url: publicUrl,
    adminToken: token,
    sandbox: sandbox.promise,
    loginLink: async () => `${publicUrl}/login/${await offerLogin(store, 'admin', now())}`,
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await web.close()
      await running
    },
  }
}

/** Opens the house and keeps it until it is told to stop, by SIGINT or SIGTERM, or the demo is over. */
const start = async (config: Config, { demo = false, once: ends = false } = {}): Promise<number> => {
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await using engines = await openEngines(config, { unisolated: demo })
  await using house = await openHouse(config, engines)
  engines.log.info({ url: house.url, version: await version() }, 'Bellhop is open')
  house.sandbox.then(found => engines.log.info(found, 'the sandbox was probed'))
  console.log(`Bellhop is at ${house.url}`)
  console.log(`Log in once, within 15 minutes: ${await house.loginLink()}`)
  if (demo) {
    const { showDemo } = await import('./views/demo.ts')
    await showDemo({
      url: house.url,
      token: house.adminToken,
      sandbox: await house.sandbox,
      print: console.log,
    })
    if (ends) return 0
    console.log(`The page stays open until Ctrl-C: ${await house.loginLink()}`)
  }
  await stopped
  engines.log.info('Bellhop stops')
  return 0
}

const usage = `Usage:
  node main.ts start          everything in one process, from the environment (README.md has the table)
  node main.ts demo [--once]  a throwaway installation that carries one scripted job; --once ends when it has succeeded`

/** Runs one command of the program and gives its exit code. */
const main = async ([command, ...rest]: readonly string[]): Promise<number> => {
  const { readConfig, demoConfig } = await import('./config.ts')
  if (command === 'start' && (rest.length === 0 || rest[0] === 'all')) return await start(readConfig())
  if (command === 'demo' && rest.every(option => option === '--once')) {
    const data = await mkdtemp(join(tmpdir(), 'bellhop-demo-'))
    try {
      const ends = rest.includes('--once')
      return await start(demoConfig(data, ends), { demo: true, once: ends })
    } finally {
      await rm(data, { recursive: true, force: true })
    }
  }
  console.log(usage)
  return command === undefined || command === 'help' ? 0 : 2
}

/** This program's own version. */
const version = async (): Promise<string> =>
  JSON.parse(await readFile(join(import.meta.dirname, 'package.json'), 'utf8')).version

/** Whether the engines answer: an orchestrator sends no work where they do not. */
const readiness = async (store: Engines['store']) => {
  try {
    await store.count('runners', {})
    return [{ name: 'store', ok: true }]
  } catch (error) {
    return [{ name: 'store', ok: false, why: error instanceof Error ? error.message : String(error) }]
  }
}

/** The log: on standard error, or in a file that is rotated at 10 MB and kept five times. */
const openLog = async ({ logLevel, logFile }: Config): Promise<Logger> => {
  const { pino } = await import('pino')
  if (!logFile) return pino({ level: logLevel }, pino.destination(2))
  const options = { file: logFile, size: '10m', limit: { count: 5 }, mkdir: true }
  return pino({ level: logLevel, transport: { target: 'pino-roll', options } })
}

if (import.meta.main) {
  try {
    const { closeInherited } = await import('./sandbox/descriptors.ts')
    const { parentChannel } = await import('./config.ts')
    closeInherited({ spare: [parentChannel()].filter(fd => fd !== undefined) })
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    const known = error instanceof Error && ['BadConfig', 'Unusable', 'NoAddress'].includes(error.name)
    console.error(known ? error.message : error)
    process.exitCode = 1
  }
}
