import type { APIApplicationCommandBasicOption, RESTPutAPIApplicationGuildCommandsJSONBody } from 'discord.js'
import { ApplicationCommandOptionType, ApplicationCommandType } from 'discord.js'

const word = (name: string, description: string, required = false): APIApplicationCommandBasicOption => ({
  type: ApplicationCommandOptionType.String,
  name,
  description,
  required,
})
const job = word('job', 'The id of the job; the newest one here if left out')

/** What may stand before a prompt. `agent` is no option of a plain command. */
const options: readonly APIApplicationCommandBasicOption[] = [
  word('in', 'The workspace'),
  word('model', 'The model'),
  word('agent', 'Who takes the task'),
  {
    type: ApplicationCommandOptionType.Number,
    name: 'budget',
    description: 'Dollars it may cost at most',
    min_value: 0,
  },
  {
    type: ApplicationCommandOptionType.Integer,
    name: 'priority',
    description: '0 goes last, 9 first',
    min_value: 0,
    max_value: 9,
  },
  word('timeout', 'How long it may take, such as 20m'),
]

const verbs: readonly {
  readonly name: string
  readonly description: string
  readonly options?: readonly APIApplicationCommandBasicOption[]
}[] = [
  {
    name: 'run',
    description: 'Give the agent a task',
    options: [word('prompt', 'What is to be done', true), ...options],
  },
  {
    name: 'sh',
    description: 'Run a command in a workspace',
    options: [word('command', 'Such as npm test', true), ...options.filter(({ name }) => name !== 'agent')],
  },
  { name: 'jobs', description: 'Your newest jobs' },
  { name: 'logs', description: 'The last part of a job’s log', options: [job] },
  { name: 'cancel', description: 'Stop a job', options: [job] },
  { name: 'retry', description: 'Ask for a job again', options: [job] },
  { name: 'web', description: 'A link that logs you in to the page' },
  { name: 'help', description: 'What I can do' },
]

/** `/hop` as it is registered for a guild: one subcommand for each verb of the grammar, with its options. */
export const hop: RESTPutAPIApplicationGuildCommandsJSONBody = [
  {
    type: ApplicationCommandType.ChatInput,
    name: 'hop',
    description: 'Give the crew a job',
    options: verbs.map(({ options = [], ...verb }) => ({
      type: ApplicationCommandOptionType.Subcommand,
      ...verb,
      options: [...options],
    })),
  },
]

/** The part of an interaction that says what was chosen. */
export interface Chosen {
  readonly options?: readonly {
    readonly name: string
    readonly value?: string | number | boolean
    readonly options?: Chosen['options']
  }[]
}

/** What was chosen as it would be typed after `/hop`: `run in="shop" -- fix the flaky test`. */
export const typed = ({ options: [verb] = [] }: Chosen): string => {
  if (!verb) return ''
  const said: string[] = []
  const named: string[] = []
  for (const { name, value } of verb.options ?? []) {
    if (name === 'prompt' || name === 'command' || name === 'job') said.push(String(value).trim())
    else named.push(`${name}=${typeof value === 'string' ? quoted(value) : value}`)
  }
  const takesPrompt = verb.options?.some(({ name }) => name === 'prompt' || name === 'command')
  return [verb.name, ...named, ...(takesPrompt ? ['--'] : []), ...said].join(' ')
}

/** A value goes to the next quote of its kind. */
const quoted = (value: string): string => `"${value.replaceAll('"', "'")}"`
