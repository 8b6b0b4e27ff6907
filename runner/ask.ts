import type { Ask } from './intake.ts'
import { defaultTimeoutSeconds, maxPromptCharacters, maxTimeoutSeconds } from './intake.ts'
import type { Outcome } from './outcome.ts'
import { ok, refuse } from './outcome.ts'

/** What was asked for, checked, with the defaults in place. `budget` is in micro-dollars. */
export interface Checked {
  readonly prompt: string
  readonly agent: string
  readonly priority: number
  readonly timeoutSeconds: number
  readonly model?: string
  readonly budget?: number
  readonly files: readonly string[]
}

const defaultPriority = 5
const mostFiles = 20

/** Checks what was asked field by field; the first that does not hold is named, with its limit and the way out. */
export const checkAsk = (ask: Ask, agents: readonly string[], defaultAgent: string): Outcome<Checked> => {
  const {
    prompt,
    agent = defaultAgent,
    priority = defaultPriority,
    timeoutSeconds = defaultTimeoutSeconds,
  } = ask
  const { model, budgetUsd, files = [] } = ask
  if (prompt.trim() === '') return refuse(400, 'The prompt is missing: say what is to be done.', 'prompt')
  const length = [...prompt].length
  if (length > maxPromptCharacters)
    return refuse(
      400,
      `The prompt has ${length.toLocaleString('en')} characters and may have ${maxPromptCharacters.toLocaleString('en')}; attach the rest as a file and say what to do with it.`,
      'prompt',
    )
  if (!agents.includes(agent))
    return refuse(400, `There is no agent "${agent}"; there are: ${agents.join(', ')}.`, 'agent')
  if (!Number.isInteger(priority) || priority < 0 || priority > 9)
    return refuse(
      400,
      `The priority is ${priority}; it takes a whole number from 0 (last) to 9 (first).`,
      'priority',
    )
  if (!Number.isInteger(timeoutSeconds) || timeoutSeconds < 1 || timeoutSeconds > maxTimeoutSeconds)
    return refuse(
      400,
      `The timeout is ${timeoutSeconds}; it takes whole seconds from 1 to ${maxTimeoutSeconds} (24 hours).`,
      'timeoutSeconds',
    )
  if (budgetUsd !== undefined && !(budgetUsd > 0 && budgetUsd <= 10_000))
    return refuse(
      400,
      `The budget is ${budgetUsd}; it takes dollars above 0, up to 10000, such as 2.50.`,
      'budgetUsd',
    )
  if (model !== undefined && !/^[\w.:@/[\]-]{1,100}$/.test(model))
    return refuse(
      400,
      `The model "${model.slice(0, 40)}" is no model name; leave it out for the default.`,
      'model',
    )
  if (files.length > mostFiles)
    return refuse(
      400,
      `There are ${files.length} files and a job takes ${mostFiles}; pack them into fewer.`,
      'files',
    )
  return ok({
    prompt,
    agent,
    priority,
    timeoutSeconds,
    files,
    ...(model !== undefined && { model }),
    ...(budgetUsd !== undefined && { budget: Math.round(budgetUsd * 1_000_000) }),
  })
}
