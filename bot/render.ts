import { isOver } from '../store/lifecycle.ts'
import type { Button, Job, Message } from '../store/records.ts'
import type { Context } from './render-context.ts'
import { endOf } from './render-end.ts'
import { statusOf } from './render-status.ts'
import { code } from './render-text.ts'
import type { Scene } from './scene.ts'

/** What a job's thread should show: one status message that is kept up to date, and posts of what matters. */
export interface Rendered {
  readonly status: Message
  /** Each under the slot that it has for good; the urgent go before progress. */
  readonly posts: readonly { readonly slot: string; readonly urgent: boolean; readonly message: Message }[]
}

/** Folds a job and the scene of its log into what its thread should show. The same in, the same out. */
export const render = (job: Job, scene: Scene, context: Context): Rendered => {
  const { _id: id } = job
  const over = isOver(job.state)
  const open = { label: 'Open', press: { url: `${context.publicUrl}/jobs/${id}` } }
  const cancel: Button = { label: 'Cancel', style: 'danger', press: { verb: 'cancel', job: id } }
  const retry: Button = { label: 'Retry', press: { verb: 'retry', job: id } }
  const questions = scene.questions.map(({ question, text, choices }) => ({
    slot: `question/${id}/${question}`,
    urgent: true,
    message: { text: [`❓ ${text}`, ...choices.map(choice => `- ${choice}`)].join('\n'), buttons: [open] },
  }))
  const files = scene.files.map(({ id: file, name }) => ({
    slot: `file/${id}/${file}`,
    urgent: false,
    message: { text: `📎 ${code(name)}`, file: { id: file, name } },
  }))
  const buttons = job.state === 'succeeded' ? [open] : [retry, open]
  const end = { slot: `end/${id}`, urgent: true, message: { ...endOf(job, scene, context), buttons } }
  return {
    status: { text: statusOf(job, scene, context), buttons: over ? [retry, open] : [cancel, open] },
    posts: [...questions, ...files, ...(over ? [end] : [])],
  }
}
