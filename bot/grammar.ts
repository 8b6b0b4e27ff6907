/** What somebody asked Bellhop to do. */
export type Command =
  | { readonly verb: 'run' | 'sh'; readonly prompt: string; readonly options: Options }
  | { readonly verb: 'cancel' | 'retry' | 'logs'; readonly job?: string }
  | { readonly verb: 'jobs' | 'web' | 'help' }

/** What may stand before a prompt as `name=value`. Numbers are numbers here; whether they fit is for the intake to say. */
export interface Options {
  readonly in?: string
  readonly model?: string
  readonly agent?: string
  /** Dollars. */
  readonly budget?: number
  readonly priority?: number
  /** Seconds. */
  readonly timeout?: number
}

/** A command, or the sentence to answer with. */
export type Parsed =
  | { readonly ok: true; readonly command: Command }
  | { readonly ok: false; readonly detail: string }

const verbs = ['run', 'sh', 'jobs', 'cancel', 'retry', 'logs', 'web', 'help'] as const
type Verb = (typeof verbs)[number]

/** Reads what follows `/hop`, where the first word has to be a verb. Nothing at all asks for help. */
export const parseCommand = (text: string): Parsed => {
  const [word, rest] = firstWord(text)
  if (word === '') return parsed({ verb: 'help' })
  const verb = verbOf(word)
  if (!verb)
    return unclear(
      `There is no verb ${quoted(word)}; there are: ${verbs.join(', ')}. To give the agent a task, write \`/hop run\` and the task.`,
    )
  switch (verb) {
    case 'run':
    case 'sh':
      return parseOrder(verb, rest)
    case 'cancel':
    case 'retry':
    case 'logs':
      if (/\s/.test(rest))
        return unclear(`\`${verb}\` takes one job id, or none for the newest job: \`/hop ${verb}\`.`)
      return parsed(rest === '' ? { verb } : { verb, job: rest })
    case 'jobs':
    case 'web':
    case 'help':
      return rest === '' ? parsed({ verb }) : unclear(`\`${verb}\` takes nothing after it: \`/hop ${verb}\`.`)
    default:
      return verb satisfies never
  }
}

/**
 * Reads what was said to Bellhop in words, by a mention or in a direct message. A verb counts only when the rest fits it:
 * nothing or a job's id, a command for `sh`, options for `run`, which says nothing without them. Else all is a prompt.
 */
export const parseMention = (text: string): Parsed => {
  const [word, rest] = firstWord(text)
  const verb = verbOf(word)
  return word === '' || (verb && fits(verb, rest)) ? parseCommand(text) : parseOrder('run', text)
}

const fits = (verb: Verb, rest: string): boolean => {
  switch (verb) {
    case 'run':
      return optionOf(rest) !== undefined || dashes.test(rest)
    case 'sh':
      return rest !== ''
    case 'cancel':
    case 'retry':
    case 'logs':
      return rest === '' || jobId.test(rest)
    case 'jobs':
    case 'web':
    case 'help':
      return rest === ''
    default:
      return verb satisfies never
  }
}

/** As `idFrom` makes them. */
const jobId = /^(?=.*\d)[0-9a-z]{17}$/

const dashes = /^--(?=\s|$)/

const parseOrder = (verb: 'run' | 'sh', text: string): Parsed => {
  let rest = text.trim()
  let options: Options = {}
  for (let option = optionOf(rest); option; option = optionOf(rest)) {
    if (verb === 'sh' && option.name === 'agent')
      return unclear('`sh` runs a command, so it takes no `agent=`; for an agent there is `/hop run`.')
    const set = read[option.name](option.value)
    if (typeof set === 'string') return unclear(set)
    options = { ...options, ...set }
    rest = rest.slice(option.length).trimStart()
  }
  const prompt = rest.replace(dashes, '').trim()
  if (prompt !== '') return parsed({ verb, prompt, options })
  return unclear(
    verb === 'sh'
      ? 'The command is missing: write it behind `sh`, such as `/hop sh ls -la`.'
      : 'The prompt is missing: say what is to be done, such as `/hop run fix the flaky test`.',
  )
}

/** How each option's value is read: what it sets, or the sentence about a value that is none. */
const read: { readonly [N in keyof Options]-?: (value: string) => Options | string } = {
  in: value => (value ? { in: value } : missing('in', 'such as `in=shop`')),
  model: value => (value ? { model: value } : missing('model', 'or leave it out for the default')),
  agent: value => (value ? { agent: value } : missing('agent', 'or leave it out for the default')),
  budget: value => {
    const budget = numberOf(value.replace('$', ''))
    return budget === undefined
      ? `The budget is ${quoted(value)}; it takes dollars above 0, such as \`budget=2.50\`.`
      : { budget }
  },
  priority: value => {
    const priority = numberOf(value)
    return priority === undefined
      ? `The priority is ${quoted(value)}; it takes a whole number from 0 (last) to 9 (first), such as \`priority=7\`.`
      : { priority }
  },
  timeout: value => {
    const [, digits = '', unit = 's'] = /^(-?[\d.]+)([smh])?$/.exec(value) ?? []
    const number = numberOf(digits)
    return number === undefined
      ? `The timeout is ${quoted(value)}; it takes seconds, or a number with s, m or h, such as \`timeout=10m\`.`
      : { timeout: number * ({ s: 1, m: 60, h: 3600 }[unit] ?? 1) }
  },
}

const missing = (name: string, way: string) => `The name behind \`${name}=\` is missing: write one, ${way}.`

/** The option that a text begins with, its value without quotes, and how long it is there. */
const optionOf = (text: string) => {
  const [all, name = '', value = ''] = /^([a-z]+)=("[^"]*"|'[^']*'|“[^”]*”|\S*)(?=\s|$)/i.exec(text) ?? []
  const known = name.toLowerCase()
  if (all === undefined || !isOption(known)) return undefined
  const bare = /^(".*"|'.*'|“.*”)$/s.test(value) && value.length > 1 ? value.slice(1, -1) : value
  return { name: known, value: bare, length: all.length }
}

const isOption = (name: string): name is keyof Options => Object.hasOwn(read, name)

const numberOf = (text: string): number | undefined =>
  text.trim() === '' || !Number.isFinite(Number(text)) ? undefined : Number(text)

const firstWord = (text: string): readonly [word: string, rest: string] => {
  const [, word = '', rest = ''] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(text) ?? []
  return [word, rest]
}

const verbOf = (word: string): Verb | undefined => verbs.find(verb => verb === word.toLowerCase())

const quoted = (text: string) => `"${text.length > 40 ? `${text.slice(0, 40).toWellFormed()}…` : text}"`

const parsed = (command: Command): Parsed => ({ ok: true, command })
const unclear = (detail: string): Parsed => ({ ok: false, detail })
