import type { Cause, Intake, Who } from '../runner/intake.ts'
import { offerLogin } from '../runner/logins.ts'
import { idFrom } from '../store/ids.ts'
import { isOver } from '../store/lifecycle.ts'
import type { Conversation, Job } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { help } from './commands/help.ts'
import { jobList } from './commands/jobs.ts'
import { lastOfLog } from './commands/logs.ts'
import type { Command, Options } from './grammar.ts'

/** What the thread is told. `aside`: for the eyes of the asker alone. */
export interface Answer {
  readonly text: string
  readonly aside?: true
}

export interface Asked {
  readonly who: Who
  readonly conversation: Conversation
  readonly cause: Cause
  readonly files: readonly string[]
  /** It stands in a thread, so that the thread's newest job is meant where none is named; else the asker's. */
  readonly inThread: boolean
}

export interface CommandParts {
  readonly store: Store
  readonly intake: Intake
  readonly publicUrl: string
  readonly now: () => Date
}

/**
 * Does what a command asks, and gives what to answer: nothing where the narrator speaks for the job in the same thread.
 * Repeated for the same cause it does nothing twice.
 */
export const obey = async (
  parts: CommandParts,
  command: Command,
  asked: Asked,
): Promise<Answer | undefined> => {
  const { store, intake, publicUrl, now } = parts
  const { who, cause } = asked
  switch (command.verb) {
    case 'run':
    case 'sh': {
      const job = await intake.submit(who, askOf(command, asked), cause)
      return job.ok ? undefined : refusal(job.refusal.detail)
    }
    case 'jobs': {
      const found = await intake.jobs(who, { requester: who.user._id, limit: 10 })
      return found.ok
        ? { text: jobList(found.value, publicUrl, now()), aside: true }
        : refusal(found.refusal.detail)
    }
    case 'cancel': {
      const id = command.job ?? (await newest(store, asked))?._id
      if (id === undefined) return noJob(command.verb, asked)
      const job = await cancel(parts, who, id)
      if (typeof job === 'string') return refusal(job)
      return elsewhere(job, asked) && { text: `Job ${linkTo(job, publicUrl)} is asked to stop.` }
    }
    case 'retry': {
      const made = await store.get('jobs', idFrom(cause, 'job'))
      const id = command.job ?? made?.retryOf ?? (await newest(store, asked))?._id
      if (id === undefined) return noJob(command.verb, asked)
      const job = await intake.retry(who, id, cause)
      if (!job.ok) return refusal(job.refusal.detail)
      return (
        elsewhere(job.value, asked) && { text: `It is asked again as job ${linkTo(job.value, publicUrl)}.` }
      )
    }
    case 'logs': {
      const id = command.job ?? (await newest(store, asked))?._id
      if (id === undefined) return noJob(command.verb, asked)
      const job = await intake.job(who, id)
      if (!job.ok) return refusal(job.refusal.detail)
      const text = await lastOfLog(store, job.value, publicUrl)
      return { text, ...(elsewhere(job.value, asked) && { aside: true }) }
    }
    case 'web': {
      const link = `${publicUrl}/login/${await offerLogin(store, who.user._id, now())}`
      return { text: `[Log in to the page](${link}): the link works once, within 15 minutes.`, aside: true }
    }
    case 'help':
      return { text: help, aside: true }
    default:
      return command satisfies never
  }
}

/** A sentence that says no. */
export const refusal = (detail: string): Answer => ({ text: `⚠️ ${detail}` })

/**
 * Asks for a job's end. Gives the job, or the sentence why not; a job that this person had stopped already is given too,
 * since the same press may come twice.
 */
export const cancel = async (
  { store, intake }: Pick<CommandParts, 'store' | 'intake'>,
  who: Who,
  id: string,
): Promise<Job | string> => {
  const asked = await intake.cancel(who, id)
  if (asked.ok) return asked.value
  const job = await store.get('jobs', id)
  const stopped = job && asked.refusal.status === 409 && isOver(job.state) && job.cancel?.by === who.user._id
  return stopped ? job : asked.refusal.detail
}

const askOf = (
  {
    verb,
    prompt,
    options,
  }: { readonly verb: 'run' | 'sh'; readonly prompt: string; readonly options: Options },
  { conversation, files }: Asked,
) => ({
  prompt,
  files,
  conversation: conversation._id,
  ...(verb === 'sh' ? { agent: 'command' } : options.agent !== undefined && { agent: options.agent }),
  ...(options.in !== undefined && { workspace: options.in }),
  ...(options.model !== undefined && { model: options.model }),
  ...(options.priority !== undefined && { priority: options.priority }),
  ...(options.budget !== undefined && { budgetUsd: options.budget }),
  ...(options.timeout !== undefined && { timeoutSeconds: options.timeout }),
})

/** The newest job of the thread, or of the asker, as it was when this was asked, so that a repeat finds the same. */
const newest = async (
  store: Store,
  { who, conversation, cause, inThread }: Asked,
): Promise<Job | undefined> => {
  const whose = inThread ? { conversation: conversation._id } : { requester: who.user._id }
  const where = { ...whose, _id: { lt: idFrom(cause, 'job') } }
  const [job] = await store.find('jobs', { where, descending: true, limit: 1 })
  return job
}

const noJob = (verb: string, { inThread }: Asked) =>
  refusal(
    inThread
      ? `There is no job in this thread yet; \`/hop jobs\` lists yours, and \`/hop ${verb}\` takes the id of one.`
      : 'You have no jobs yet; start one with `/hop run` and the task.',
  )

/** Whether the narrator speaks for the job in another place than this. */
const elsewhere = (job: Job, { conversation }: Asked): true | undefined =>
  job.conversation === conversation._id ? undefined : true

const linkTo = ({ _id }: Job, publicUrl: string) => `[${_id}](${publicUrl}/jobs/${_id})`
