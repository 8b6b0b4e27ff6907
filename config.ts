import { availableParallelism } from 'node:os'
import { z } from 'zod'

/** What one process is: everything, or one part of an installation whose parts run apart. */
export const roles = ['all', 'web', 'bot', 'runner', 'gateway'] as const
export type Role = (typeof roles)[number]

/** Where each role listens unless told: people open the first, the others answer for their health. */
const ports: Readonly<Record<Role, number>> = { all: 8080, web: 8080, bot: 8081, runner: 8082, gateway: 8083 }

/** The environment, read once: frozen, validated, with the defaults of the README's table. */
export interface Config {
  readonly data: string
  readonly port: number
  readonly host: string
  readonly publicUrl?: string
  /** The engines that several processes share; without them everything is in one process and one folder. */
  readonly shared?: { readonly mongodbUrl: string; readonly redisUrl: string }
  /** Encrypts stored secrets, and what the roles know each other by. Made in the data folder where none is set. */
  readonly secretKey?: string
  /** Where the other roles find the one that owns the repositories. */
  readonly webUrl?: string
  /** Where the gateway is, when it is a process of its own: the folder of sockets that it shares with a runner, and its address. */
  readonly gateway: { readonly folder?: string; readonly url?: string }
  readonly sandbox: 'auto' | 'docker' | 'bubblewrap' | 'process'
  readonly image: string
  /** The Docker daemon's address, where it is not the usual socket. */
  readonly docker?: string
  readonly concurrency: number
  readonly defaultRole?: 'admin' | 'member' | 'viewer'
  readonly admins: readonly string[]
  readonly agent: string
  readonly model?: { readonly baseUrl: string; readonly headers: Readonly<Record<string, string>> }
  readonly slack?: SlackConfig
  readonly discord?: DiscordConfig
  /** Hosts that a workspace may be cloned from, and GitHub's credentials. */
  readonly upstream: {
    readonly hosts: readonly string[]
    readonly github?: { readonly token: string; readonly apiUrl: string }
  }
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  readonly logFile?: string
  /** Where programs of the host are looked for. */
  readonly path: string
}

/** Over HTTP with the signing secret, by sockets with the app's own token. */
interface SlackConfig {
  readonly token: string
  readonly signingSecret?: string
  readonly appToken?: string
  readonly apiUrl?: string
}

interface DiscordConfig {
  readonly token: string
  readonly applicationId: string
  /** The one guild to serve; all that the bot is in, where none is named. */
  readonly guildId?: string
  readonly apiUrl?: string
}

/** A variable that cannot be used; the message names it, what was expected, and how to set it. */
export class BadConfig extends Error {
  override name = 'BadConfig'
}

const port = z.coerce.number().int().min(0).max(65_535)
const text = z.string().min(1)
const url = z.url({ protocol: /^https?$/ })

const variables = z.object({
  BELLHOP_DATA: text.default('.bellhop'),
  PORT: port.optional(),
  HOST: text.default('127.0.0.1'),
  PUBLIC_URL: url.optional(),
  MONGODB_URL: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\/\S+$/)
    .optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  BELLHOP_SECRET_KEY: z.string().min(32).optional(),
  WEB_URL: url.optional(),
  GATEWAY_FOLDER: text.optional(),
  GATEWAY_URL: url.optional(),
  SANDBOX: z.enum(['auto', 'docker', 'bubblewrap', 'process']).default('auto'),
  SANDBOX_IMAGE: text.default('bellhop-box'),
  DOCKER_HOST: text.optional(),
  RUNNER_CONCURRENCY: z.coerce.number().int().min(1).max(1000).default(availableParallelism()),
  DEFAULT_ROLE: z.enum(['admin', 'member', 'viewer']).optional(),
  ADMINS: z.string().default(''),
  AGENT: z.enum(['claude', 'command', 'script']).default('claude'),
  ANTHROPIC_API_KEY: text.optional(),
  CLAUDE_CODE_OAUTH_TOKEN: text.optional(),
  ANTHROPIC_BASE_URL: url.default('https://api.anthropic.com'),
  SLACK_BOT_TOKEN: text.optional(),
  SLACK_SIGNING_SECRET: text.optional(),
  SLACK_APP_TOKEN: text.optional(),
  SLACK_API_URL: url.optional(),
  DISCORD_TOKEN: text.optional(),
  DISCORD_APPLICATION_ID: z.string().regex(/^\d+$/).optional(),
  DISCORD_GUILD_ID: z.string().regex(/^\d+$/).optional(),
  DISCORD_API_URL: url.optional(),
  GITHUB_TOKEN: text.optional(),
  GITHUB_API_URL: url.default('https://api.github.com'),
  UPSTREAM_HOSTS: z.string().default('github.com'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  LOG_FILE: text.optional(),
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
})

const expected: Readonly<Record<string, string>> = {
  PORT: 'a port from 0 to 65535, such as PORT=8080',
  PUBLIC_URL: 'the address people open, such as PUBLIC_URL=https://hop.example.com',
  MONGODB_URL: 'a MongoDB address, such as MONGODB_URL=mongodb://127.0.0.1:27017/bellhop',
  REDIS_URL: 'a Redis address, such as REDIS_URL=redis://127.0.0.1:6379',
  BELLHOP_SECRET_KEY: 'at least 32 characters; make one with `openssl rand -hex 32`',
  WEB_URL: 'the address at which the other roles reach the web, such as WEB_URL=http://web:8080',
  GATEWAY_FOLDER: 'the folder of sockets that the gateway and the runner of a host share',
  GATEWAY_URL: 'the address at which the web reaches the gateway, such as GATEWAY_URL=http://gateway:8083',
  SANDBOX: 'auto, docker, bubblewrap or process, such as SANDBOX=bubblewrap',
  RUNNER_CONCURRENCY: 'how many jobs run at once, 1 to 1000, such as RUNNER_CONCURRENCY=4',
  DEFAULT_ROLE: 'admin, member or viewer, such as DEFAULT_ROLE=member',
  AGENT: 'claude, command or script, such as AGENT=claude',
  ANTHROPIC_BASE_URL: 'an http or https address, such as ANTHROPIC_BASE_URL=https://api.anthropic.com',
  DISCORD_APPLICATION_ID: 'the number that Discord shows under General Information, Application ID',
  DISCORD_GUILD_ID: 'the number of one server: right-click it in Discord, Copy Server ID',
  DISCORD_API_URL:
    'an http or https address without a version, such as DISCORD_API_URL=https://discord.com/api',
  GITHUB_API_URL: 'an http or https address, such as GITHUB_API_URL=https://api.github.com',
  SLACK_API_URL: 'an http or https address, such as SLACK_API_URL=https://slack.com/api/',
  LOG_LEVEL: 'fatal, error, warn, info, debug, trace or silent, such as LOG_LEVEL=info',
}

/** What these hold is repeated nowhere. */
const secrets = /(_KEY|_TOKEN|_SECRET|^MONGODB_URL|^REDIS_URL)$/

type Environment = Readonly<Record<string, string | undefined>>

/** The configuration of a throwaway installation in `data`, for the demo; with `anyPort` on a port that is free. */
export const demoConfig = (
  data: string,
  anyPort: boolean,
  { PATH, HOST, PORT }: Environment = process.env,
): Config =>
  readConfig({
    PATH,
    HOST,
    PORT: anyPort ? '0' : PORT,
    BELLHOP_DATA: data,
    AGENT: 'script',
    LOG_LEVEL: 'warn',
  })

/**
 * Reads the environment for a role. Throws `BadConfig` at the first variable that cannot be used, or that the role misses.
 * An empty one counts as unset.
 */
export const readConfig = (environment: Environment = process.env, role: Role = 'all'): Config => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = variables.safeParse(given)
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0])
    const value = secrets.test(name) ? 'set to something else' : `"${given[name]}"`
    throw new BadConfig(`${name} is ${value}; it takes ${expected[name] ?? 'some text'}.`)
  }
  const v = parsed.data
  needs(v, 'SLACK_BOT_TOKEN', ['SLACK_SIGNING_SECRET', 'SLACK_APP_TOKEN'], {
    SLACK_SIGNING_SECRET: 'copy it from the Slack app under Basic Information, App Credentials',
    SLACK_APP_TOKEN: 'for Socket Mode, make one under Basic Information, App-Level Tokens',
  })
  for (const name of ['SLACK_SIGNING_SECRET', 'SLACK_APP_TOKEN'] as const)
    needs(v, name, ['SLACK_BOT_TOKEN'], {
      SLACK_BOT_TOKEN: 'copy the xoxb- token from the Slack app under OAuth & Permissions',
    })
  needs(v, 'DISCORD_TOKEN', ['DISCORD_APPLICATION_ID'], {
    DISCORD_APPLICATION_ID: 'copy it from the Discord application under General Information',
  })
  needs(v, 'MONGODB_URL', ['REDIS_URL'], { REDIS_URL: 'several processes share both; set both or neither' })
  needs(v, 'REDIS_URL', ['MONGODB_URL'], { MONGODB_URL: 'several processes share both; set both or neither' })
  if (role !== 'all') for (const name of missing[role]) if (!v[name]) throw new BadConfig(apart(role, name))
  const key = modelHeaders(v.ANTHROPIC_API_KEY, v.CLAUDE_CODE_OAUTH_TOKEN)
  return Object.freeze({
    data: v.BELLHOP_DATA,
    port: v.PORT ?? ports[role],
    host: v.HOST,
    ...(v.PUBLIC_URL && { publicUrl: plain(v.PUBLIC_URL) }),
    ...(v.MONGODB_URL && v.REDIS_URL && { shared: { mongodbUrl: v.MONGODB_URL, redisUrl: v.REDIS_URL } }),
    ...(v.BELLHOP_SECRET_KEY && { secretKey: v.BELLHOP_SECRET_KEY }),
    ...(v.WEB_URL && { webUrl: plain(v.WEB_URL) }),
    gateway: {
      ...(v.GATEWAY_FOLDER && { folder: v.GATEWAY_FOLDER }),
      ...(v.GATEWAY_URL && { url: plain(v.GATEWAY_URL) }),
    },
    sandbox: v.SANDBOX,
    image: v.SANDBOX_IMAGE,
    ...(v.DOCKER_HOST && { docker: v.DOCKER_HOST }),
    concurrency: v.RUNNER_CONCURRENCY,
    ...(v.DEFAULT_ROLE && { defaultRole: v.DEFAULT_ROLE }),
    admins: list(v.ADMINS),
    agent: v.AGENT,
    ...(key && { model: { baseUrl: plain(v.ANTHROPIC_BASE_URL), headers: key } }),
    ...(v.SLACK_BOT_TOKEN && {
      slack: {
        token: v.SLACK_BOT_TOKEN,
        ...(v.SLACK_SIGNING_SECRET && { signingSecret: v.SLACK_SIGNING_SECRET }),
        ...(v.SLACK_APP_TOKEN && { appToken: v.SLACK_APP_TOKEN }),
        ...(v.SLACK_API_URL && { apiUrl: v.SLACK_API_URL }),
      },
    }),
    ...(v.DISCORD_TOKEN &&
      v.DISCORD_APPLICATION_ID && {
        discord: {
          token: v.DISCORD_TOKEN,
          applicationId: v.DISCORD_APPLICATION_ID,
          ...(v.DISCORD_GUILD_ID && { guildId: v.DISCORD_GUILD_ID }),
          ...(v.DISCORD_API_URL && { apiUrl: plain(v.DISCORD_API_URL) }),
        },
      }),
    upstream: {
      hosts: list(v.UPSTREAM_HOSTS),
      ...(v.GITHUB_TOKEN && { github: { token: v.GITHUB_TOKEN, apiUrl: plain(v.GITHUB_API_URL) } }),
    },
    logLevel: v.LOG_LEVEL,
    ...(v.LOG_FILE && { logFile: v.LOG_FILE }),
    path: v.PATH,
  })
}

const shared = ['MONGODB_URL', 'REDIS_URL', 'BELLHOP_SECRET_KEY'] as const
/** What a part of an installation cannot do without. */
const missing: Readonly<Record<Exclude<Role, 'all'>, readonly (keyof Variables)[]>> = {
  web: shared,
  bot: [...shared, 'WEB_URL'],
  runner: [...shared, 'WEB_URL'],
  gateway: [...shared, 'WEB_URL', 'GATEWAY_FOLDER'],
}

const apart = (role: Role, name: keyof Variables): string =>
  `A ${role} that runs apart needs ${name}: ${expected[name] ?? 'the same for each role of the installation'}.`

type Variables = z.infer<typeof variables>

/** Throws when `name` is set and none of the variables that it needs beside it is. */
const needs = (
  v: Variables,
  name: keyof Variables,
  oneOf: readonly (keyof Variables)[],
  how: Readonly<Record<string, string>>,
): void => {
  if (!v[name] || oneOf.some(other => v[other])) return
  const ways = oneOf.map(other => `${other} (${how[other]})`).join(' or ')
  throw new BadConfig(
    `${name} is set but ${oneOf.join(' and ')} ${oneOf.length > 1 ? 'are' : 'is'} not. Set ${ways}.`,
  )
}

const plain = (address: string): string => address.replace(/\/+$/, '')

const list = (names: string): readonly string[] =>
  names
    .split(',')
    .map(name => name.trim())
    .filter(Boolean)

const modelHeaders = (
  apiKey: string | undefined,
  oauth: string | undefined,
): Record<string, string> | undefined => {
  if (apiKey) return { 'x-api-key': apiKey }
  if (oauth) return { authorization: `Bearer ${oauth}`, 'anthropic-beta': 'oauth-2025-04-20' }
  return undefined
}

/** The descriptor of a parent's message channel, where one started this process. */
export const parentChannel = ({ NODE_CHANNEL_FD }: Environment = process.env): number | undefined =>
  NODE_CHANNEL_FD === undefined ? undefined : Number(NODE_CHANNEL_FD)
