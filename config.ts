import { availableParallelism } from 'node:os'
import { z } from 'zod'

/** The environment, read once: frozen, validated, with the defaults of the README's table. */
export interface Config {
  readonly data: string
  readonly port: number
  readonly host: string
  readonly publicUrl?: string
  readonly sandbox: 'auto' | 'bubblewrap' | 'process'
  readonly concurrency: number
  readonly defaultRole?: 'admin' | 'member' | 'viewer'
  readonly admins: readonly string[]
  readonly agent: string
  readonly model?: { readonly baseUrl: string; readonly headers: Readonly<Record<string, string>> }
  readonly slack?: { readonly token: string; readonly signingSecret: string; readonly apiUrl?: string }
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  readonly logFile?: string
  /** Where programs of the host are looked for. */
  readonly path: string
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
  PORT: port.default(8080),
  HOST: text.default('127.0.0.1'),
  PUBLIC_URL: url.optional(),
  SANDBOX: z.enum(['auto', 'bubblewrap', 'process']).default('auto'),
  RUNNER_CONCURRENCY: z.coerce.number().int().min(1).max(1000).default(availableParallelism()),
  DEFAULT_ROLE: z.enum(['admin', 'member', 'viewer']).optional(),
  ADMINS: z.string().default(''),
  AGENT: z.enum(['claude', 'command', 'script']).default('claude'),
  ANTHROPIC_API_KEY: text.optional(),
  CLAUDE_CODE_OAUTH_TOKEN: text.optional(),
  ANTHROPIC_BASE_URL: url.default('https://api.anthropic.com'),
  SLACK_BOT_TOKEN: text.optional(),
  SLACK_SIGNING_SECRET: text.optional(),
  SLACK_API_URL: url.optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  LOG_FILE: text.optional(),
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
})

const expected: Readonly<Record<string, string>> = {
  PORT: 'a port from 0 to 65535, such as PORT=8080',
  PUBLIC_URL: 'the address people open, such as PUBLIC_URL=https://hop.example.com',
  SANDBOX: 'auto, bubblewrap or process, such as SANDBOX=bubblewrap',
  RUNNER_CONCURRENCY: 'how many jobs run at once, 1 to 1000, such as RUNNER_CONCURRENCY=4',
  DEFAULT_ROLE: 'admin, member or viewer, such as DEFAULT_ROLE=member',
  AGENT: 'claude, command or script, such as AGENT=claude',
  ANTHROPIC_BASE_URL: 'an http or https address, such as ANTHROPIC_BASE_URL=https://api.anthropic.com',
  SLACK_API_URL: 'an http or https address, such as SLACK_API_URL=https://slack.com/api/',
  LOG_LEVEL: 'fatal, error, warn, info, debug, trace or silent, such as LOG_LEVEL=info',
}

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

/** Reads the environment. Throws `BadConfig` at the first variable that cannot be used. An empty one counts as unset. */
export const readConfig = (environment: Environment = process.env): Config => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = variables.safeParse(given)
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0])
    throw new BadConfig(`${name} is "${given[name]}"; it takes ${expected[name] ?? 'some text'}.`)
  }
  const v = parsed.data
  if (v.SLACK_BOT_TOKEN && !v.SLACK_SIGNING_SECRET)
    throw new BadConfig(
      'SLACK_BOT_TOKEN is set but SLACK_SIGNING_SECRET is not; copy it from the Slack app under Basic Information, App Credentials.',
    )
  if (v.SLACK_SIGNING_SECRET && !v.SLACK_BOT_TOKEN)
    throw new BadConfig(
      'SLACK_SIGNING_SECRET is set but SLACK_BOT_TOKEN is not; copy the xoxb- token from the Slack app under OAuth & Permissions.',
    )
  const key = modelHeaders(v.ANTHROPIC_API_KEY, v.CLAUDE_CODE_OAUTH_TOKEN)
  return Object.freeze({
    data: v.BELLHOP_DATA,
    port: v.PORT,
    host: v.HOST,
    ...(v.PUBLIC_URL && { publicUrl: v.PUBLIC_URL.replace(/\/+$/, '') }),
    sandbox: v.SANDBOX,
    concurrency: v.RUNNER_CONCURRENCY,
    ...(v.DEFAULT_ROLE && { defaultRole: v.DEFAULT_ROLE }),
    admins: v.ADMINS.split(',')
      .map(name => name.trim())
      .filter(Boolean),
    agent: v.AGENT,
    ...(key && { model: { baseUrl: v.ANTHROPIC_BASE_URL.replace(/\/+$/, ''), headers: key } }),
    ...(v.SLACK_BOT_TOKEN &&
      v.SLACK_SIGNING_SECRET && {
        slack: {
          token: v.SLACK_BOT_TOKEN,
          signingSecret: v.SLACK_SIGNING_SECRET,
          ...(v.SLACK_API_URL && { apiUrl: v.SLACK_API_URL }),
        },
      }),
    logLevel: v.LOG_LEVEL,
    ...(v.LOG_FILE && { logFile: v.LOG_FILE }),
    path: v.PATH,
  })
}

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
