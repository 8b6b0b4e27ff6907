#!/usr/bin/env node
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import type { Platform } from './bot/platform.ts'
import type { Config, Role } from './config.ts'
import type { CrewParts } from './runner/crew.ts'
import type { Facts } from './runner/facts.ts'
import type { Store } from './store/store.ts'
import type { Beside } from './views/serve.ts'

enableCompileCache()

/** The ports with an engine in each: all that the house needs from outside. */
export interface Engines extends AsyncDisposable, Facts, Omit<CrewParts, 'defaultAgent' | 'concurrency'> {
  /** What each chat platform passes through as it is opened. */
  readonly platform: (platform: Platform) => Platform
  /** Where the token of the installation's own admin is kept. */
  readonly adminTokenFile: string
  /** A secret of the installation for one purpose: the same in each of its processes. */
  readonly secret: (purpose: string) => string
  /** What a gateway of its own answers over HTTP: the way to repositories elsewhere, which only its credentials open. */
  readonly beside?: Beside
  readonly log: Logger
}

/** A house that is open: its address, and the ways in for the one who runs it. */
export interface House extends AsyncDisposable {
  readonly role: Role
  readonly url: string
  readonly adminToken: string
  /** A one-time link, good for 15 minutes. */
  loginLink(): Promise<string>
  /** The sandbox in use, once its probe box has run; why there is none otherwise. */
  readonly sandbox: Promise<{ readonly name?: string; readonly notes: readonly string[] }>
}

/** Opens the engines that the configuration names. `unisolated` lets jobs run on the host itself where nothing isolates. */
export const openEngines = async (
  config: Config,
  { role = 'all', unisolated = false }: { readonly role?: Role; readonly unisolated?: boolean } = {},
): Promise<Engines> => {
  const now = () => new Date()
  const [{ openFolder }, { secretFor }] = await Promise.all([
    import('./store/folder.ts'),
    import('./store/secret.ts'),
  ])
  const [{ openEmbeddedFacts, openSharedFacts }, { openRepositories }, { openAgents }] = await Promise.all([
    import('./runner/facts.ts'),
    import('./runner/repositories.ts'),
    import('./runner/agents/agents.ts'),
  ])
  const [{ openSandboxes }, { openGateways }, { openUpstreams }, { besideOf }] = await Promise.all([
    import('./sandbox/sandboxes.ts'),
    import('./sandbox/gateways.ts'),
    import('./sandbox/upstream.ts'),
    import('./sandbox/upstream-door.ts'),
  ])
  await using opening = new AsyncDisposableStack()
  const log = await openLog(config)
  const folder = opening.use(await openFolder(config.data))
  const secret = (purpose: string) => secretFor(config.secretKey ?? folder.secretKey, purpose)
  const { agents, tools } = await openAgents(config)
  const upstreams = opening.use(openUpstreams(config.upstream))
  const failed = (error: unknown) => log.error({ err: error }, 'a repository elsewhere could not be reached')
  const runs = role === 'all' || role === 'runner'
  const owns = role === 'all' || role === 'web'
  const facts = config.shared
    ? await openSharedFacts(config.shared, { opening, log, now })
    : await openEmbeddedFacts(folder, { opening, now })
  const { url } = config.gateway
  const engines = {
    ...facts,
    ...(role === 'gateway' && { beside: besideOf(upstreams, secret('upstreams'), failed) }),
    repos: await openRepositories(
      owns
        ? { folder: folder.repos, ...(url && { gateway: { url, token: secret('upstreams') } }) }
        : { url: config.webUrl ?? '', token: secret('repositories') },
      { upstreams, opening, failed, now },
    ),
    sandboxes: runs
      ? await openSandboxes({
          ...{ wanted: config.sandbox, image: config.image, unisolated, folder: folder.boxes, tools },
          ...(config.docker && { docker: config.docker }),
          installation: secret('installation').slice(0, 12),
        })
      : [],
    runner: folder.name,
    agents,
    gateway: await openGateways({
      folder: resolve(config.gateway.folder ?? join(folder.boxes, 'gateways')),
      apart: config.gateway.folder !== undefined && role === 'runner',
      ...(config.model && { model: config.model }),
      failed: error => log.error({ err: error }, 'the gateway failed at a request'),
    }),
    platform: (platform: Platform) => platform,
    adminTokenFile: folder.adminToken,
    secret,
    log,
    now,
  }
  const opened = opening.move()
  return { ...engines, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** Opens what a role is over its engines, until disposed: all of the house, or one part of it. */
export const openHouse = async (config: Config, engines: Engines, role: Role = 'all'): Promise<House> => {
  const { log, now, store } = engines
  const [{ openCrew }, { adminToken }, { offerLogin }, { serveApp }, { health, readiness }] =
    await Promise.all([
      import('./runner/crew.ts'),
      import('./runner/admin.ts'),
      import('./runner/logins.ts'),
      import('./views/serve.ts'),
      import('./views/health.ts'),
    ])
  const is = (part: Role) => role === 'all' || role === part
  const stopping = new AbortController()
  const { signal } = stopping
  await using opening = new AsyncDisposableStack()
  /** What is asked for is refused while the database is away; what is under way waits for it. */
  const crewOver = (facts: Store) =>
    openCrew({ ...engines, store: facts, defaultAgent: config.agent, concurrency: config.concurrency })
  const crew = crewOver(engines.patient(signal))
  const { intake } = crewOver(store)
  const sandbox = Promise.withResolvers<Awaited<House['sandbox']>>()
  const checks: Record<string, () => Promise<unknown>> = { ...engines.checks }
  const check = (name: string, answers: () => Promise<unknown>) => {
    checks[name] = answers
  }
  const common = { ready: () => readiness(checks), version: await version() }

  const app = is('web')
    ? (await import('./views/app.ts')).openApp({
        ...{ ...engines, ...common, intake, publicUrl: () => publicUrl },
        ...(config.shared && { reposToken: engines.secret('repositories') }),
        ...(config.slack?.signingSecret && { slack: { signingSecret: config.slack.signingSecret } }),
      })
    : health(common)
  const { port, host } = config
  const web = await serveApp(app, { port, host, ...(engines.beside && { beside: engines.beside }) })
  opening.defer(() => web.close())
  opening.defer(() => stopping.abort())
  const publicUrl = config.publicUrl ?? (is('web') ? web.url : (config.webUrl ?? web.url))

  if (role === 'gateway') {
    const { serveGateway } = await import('./sandbox/gateway-door.ts')
    const folder = resolve(config.gateway.folder ?? '')
    opening.use(await serveGateway({ folder, gateway: () => engines.gateway(crew.doors) }))
  }
  if (role === 'runner') check('sandbox', async () => orThrow(await sandbox.promise))
  const { slack, discord, defaultRole, admins } = config
  const running = Promise.all([
    is('runner') &&
      crew.run(signal, found =>
        sandbox.resolve(found.ok ? { name: found.engine.name, notes: found.notes } : { notes: [found.why] }),
      ),
    is('bot') &&
      (await import('./bot/chats.ts')).runChats(
        {
          ...{ ...engines, holder: engines.runner, intake, admins, publicUrl, check },
          ...{ through: engines.platform, readFile: (id: string) => engines.files.read(id) },
          ...(slack && { slack }),
          ...(discord && { discord }),
          ...(defaultRole && { defaultRole }),
        },
        signal,
      ),
  ])
  running.catch(error => {
    log.fatal({ err: error }, 'Bellhop stops: a part of it failed')
    process.exit(1)
  })
  const token = is('web') ? await adminToken(store, engines.adminTokenFile) : ''
  const opened = opening.move()
  return {
    role,
    url: is('web') ? publicUrl : web.url,
    adminToken: token,
    sandbox: sandbox.promise,
    loginLink: async () => `${publicUrl}/login/${await offerLogin(store, 'admin', now())}`,
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await web.close()
      await running
      await opened.disposeAsync()
    },
  }
}

/** Throws the reason where there is no sandbox. */
const orThrow = ({ name, notes }: Awaited<House['sandbox']>): string => {
  if (name === undefined) throw new Error(notes.join(' '))
  return name
}

/** A role that was told to stop has this long to let go of what it has in hand. */
const stopMs = 30_000

/** Opens the house and keeps it until it is told to stop, by SIGINT or SIGTERM, or the demo is over. */
const start = async (
  config: Config,
  { role = 'all', demo = false, once: ends = false }: { role?: Role; demo?: boolean; once?: boolean } = {},
): Promise<number> => {
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await using engines = await openEngines(config, { role, unisolated: demo })
  await using house = await openHouse(config, engines, role)
  engines.log.info({ role, url: house.url, version: await version() }, 'Bellhop is open')
  house.sandbox.then(found => engines.log.info(found, 'the sandbox was probed'))
  console.log(`Bellhop${house.adminToken ? '' : ` ${role}`} is at ${house.url}`)
  if (house.adminToken) console.log(`Log in once, within 15 minutes: ${await house.loginLink()}`)
  if (demo) {
    const { showDemo } = await import('./views/demo.ts')
    const { url, adminToken: token } = house
    await showDemo({ url, token, sandbox: await house.sandbox, print: console.log })
    if (ends) return 0
    console.log(`The page stays open until Ctrl-C: ${await house.loginLink()}`)
  }
  await stopped
  engines.log.info('Bellhop stops')
  setTimeout(() => {
    engines.log.error(
      `Bellhop did not stop within ${stopMs / 1000} s and is cut off; the next start goes on from there`,
    )
    process.exit(1)
  }, stopMs).unref()
  return 0
}

const usage = `Usage:
  node main.ts start [all]                      everything in one process, from the environment (README.md has the table)
  node main.ts start bot|web|runner|gateway     one part of an installation over MongoDB and Redis
  node main.ts setup --image-only [--base NAME] builds the image of the boxes for Docker and stops
  node main.ts demo [--once]                    a throwaway installation that carries one scripted job; --once ends then`

/** Runs one command of the program and gives its exit code. */
const main = async ([command, ...rest]: readonly string[]): Promise<number> => {
  const { readConfig, demoConfig, roles } = await import('./config.ts')
  const role = roles.find(name => name === (rest[0] ?? 'all'))
  if (command === 'start' && role && rest.length <= 1)
    return await start(readConfig(undefined, role), { role })
  if (command === 'setup') {
    const { setup } = await import('./sandbox/image/setup.ts')
    const { image, docker } = readConfig()
    return await setup(rest, { image, print: console.log, ...(docker && { docker }) })
  }
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
    const known =
      error instanceof Error &&
      ['BadConfig', 'NoAddress', 'NoDaemon', 'NoImage', 'Unreachable', 'Unusable'].includes(error.name)
    console.error(known ? error.message : error)
    process.exitCode = 1
  }
}
