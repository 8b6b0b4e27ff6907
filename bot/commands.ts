import type { Cause, Intake, Who } from '../runner/intake.ts'
import { offerLogin } from '../runner/logins.ts'
import type { Outcome } from '../runner/outcome.ts'
import type { Conversation, Job, Message } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { Command, Options } from './grammar.ts'
import { emptyScene, see } from './scene.ts'
import { elapsed, fenced, money } from './words.ts'

/** What the thread is told: nothing, where the narrator will speak for the job. */
export interface Answer {
  readonly refused?: string
  readonly message?: Message
}

export interface Asked {
  readonly conversation: Conversation
  readonly cause: Cause
  readonly files: readonly string[]
  /** `slack:T1:U2`, for what only the asker may see. */
  readonly person: string
}

export interface CommandParts {
  readonly store: Store
  readonly intake: Intake
  readonly publicUrl: string
  readonly now: () => Date
}

/** Does what a command asks. */
export const obey = async (
  parts: CommandParts,
  who: Who,
  command: Command,
  asked: Asked,
): Promise<Answer> => {
  const { store, intake, now } = parts
  switch (command.verb) {
    case 'run':
    case 'sh':
      return silent(
        await intake.submit(who, askOf(command.verb, command.prompt, command.options, asked), asked.cause),
      )
    case 'jobs':
      return { message: { text: await listJobs(parts, who) } }
    case 'cancel':
    case 'retry': {
      const job = await jobOf(parts, who, command.job, asked)
      if (typeof job !== 'string') return job
      return silent(
        command.verb === 'cancel' ? await intake.cancel(who, job) : await intake.retry(who, job, asked.cause),
      )
    }
    case 'logs': {
      const job = await jobOf(parts, who, command.job, asked)
      if (typeof job !== 'string') return job
      const found = await intake.job(who, job)
      return found.ok
        ? { message: { text: await lastOfLog(store, found.value) } }
        : { refused: found.refusal.detail }
    }
    case 'web': {
      const link = `${parts.publicUrl}/login/${await offerLogin(store, who.user._id, now())}`
      return {
        message: {
          text: `Your link to the page, for one login within 15 minutes: ${link}`,
          onlyFor: asked.person,
        },
      }
    }
    case 'help':
      return { message: { text: help, onlyFor: asked.person } }
    default:
      command satisfies never
      return {}
  }
}

const silent = (outcome: Outcome<unknown>): Answer => (outcome.ok ? {} : { refused: outcome.refusal.detail })

const askOf = (verb: 'run' | 'sh', prompt: string, options: Options, { conversation, files }: Asked) => ({
  prompt,
  files,
  conversation: conversation._id,
  ...(verb === 'sh' ? { agent: 'command' } : options.agent && { agent: options.agent }),
  ...(options.in && { workspace: options.in }),
  ...(options.model && { model: options.model }),
  ...(options.priority !== undefined && { priority: options.priority }),
  ...(options.budget !== undefined && { budgetUsd: options.budget }),
  ...(options.timeout !== undefined && { timeoutSeconds: options.timeout }),
})

/** The job that was named, else the newest of this conversation, else the person's newest. */
const jobOf = async (
  { intake }: CommandParts,
  who: Who,
  named: string | undefined,
  { conversation }: Asked,
): Promise<string | Answer> => {
  if (named) return named
  for (const filter of [{ conversation: conversation._id }, { requester: who.user._id }]) {
    const found = await intake.jobs(who, { ...filter, limit: 1 })
    const job = found.ok ? found.value[0] : undefined
    if (job) return job._id
  }
  return { refused: 'There is no job yet; start one with `/hop run …`.' }
}

const listJobs = async ({ intake, publicUrl, now }: CommandParts, who: Who): Promise<string> => {
  const found = await intake.jobs(who, { requester: who.user._id, limit: 10 })
  if (!found.ok) return found.refusal.detail
  if (found.value.length === 0) return 'You have no jobs yet; start one with `/hop run …`.'
  return found.value.map(job => jobLine(job, publicUrl, now())).join('\n')
}

const jobLine = (job: Job, publicUrl: string, now: Date) => {
  const age = elapsed((now.getTime() - Date.parse(job.createdAt)) / 1000)
  const prompt = job.prompt.split('\n', 1)[0]?.slice(0, 60).toWellFormed().replaceAll('`', "'")
  const cost = job.cost > 0 ? ` · ${money(job.cost)}` : ''
  return `• **${job.state.replace('_', ' ')}** ${age} ago${cost} · [${job._id}](${publicUrl}/jobs/${job._id}) · ${prompt}`
}

const lastOfLog = async (store: Store, job: Job): Promise<string> => {
  let scene = emptyScene
  let seq = 0
  while (true) {
    const entries = await store.after(`job/${job._id}`, seq)
    if (entries.length === 0) break
    scene = entries.reduce(see, scene)
    seq = entries.at(-1)?.seq ?? seq
  }
  const head = `The end of the log of \`${job._id}\`, ${job.state.replace('_', ' ')}:`
  return scene.tail.trim() === '' ? `${head} nothing was said yet.` : `${head}\n${fenced(scene.tail.trim())}`
}

const help = `**Bellhop** carries jobs for you: a coding agent works in a sandbox on the team's repository, and tells here what it does.
• \`/hop run fix the flaky test\` gives the agent a job
• \`/hop sh npm test\` runs a command
• \`/hop jobs\`, \`/hop logs\`, \`/hop cancel\`, \`/hop retry\` are about your newest job, or the one you name
• \`/hop web\` gives you a link to the page
Before the prompt may stand \`in=workspace\`, \`model=…\`, \`budget=2\` (dollars), \`priority=0\` to \`9\`, \`timeout=20m\`. In a thread, mention me, or just reply to your own job.`
