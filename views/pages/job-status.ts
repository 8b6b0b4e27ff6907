import { html } from 'hono/html'
import { randomId } from '../../store/ids.ts'
import { isOver } from '../../store/lifecycle.ts'
import type { Job } from '../../store/records.ts'
import type { Html } from '../layout.ts'
import { badge, dollars, headline, size, time } from '../layout.ts'
import { renderMarkdown } from '../markdown.ts'
import { patchOf } from '../patch.ts'
import { visible } from '../visible.ts'
import type { Asked, WebParts } from '../web.ts'
import { patchBlock } from './patch-block.ts'
import { threadLink } from './thread-link.ts'

/** How a job stands, what can be done about it, and what it left: the part of its page that follows each event. */
export const jobStatus = async (parts: WebParts, c: Asked, job: Job): Promise<Html> => {
  const { store, intake, repos } = parts
  const workspace = await store.get('workspaces', job.workspace)
  const thread = job.conversation ? await intake.conversation(c.var.who, job.conversation) : undefined
  const over = isOver(job.state)
  const files = (await store.find('files', { where: { job: job._id } })).filter(
    ({ name }) => !name.startsWith('.'),
  )
  const verb = over ? 'retry' : 'cancel'
  return html`<div class="title"><h1>${headline(job.prompt)}</h1>${badge(job.state)}</div>
    <p class="facts">
      <a href="/workspaces/${job.workspace}">${visible(workspace?.name ?? job.workspace)}</a>
      <span>${job.agent}</span>${time(job.createdAt)}
      <span>${took(job)}</span><span>${dollars(job.cost)}</span>
      ${job.attempt > 1 && html`<span>run ${job.attempt}</span>`}
      ${job.exitCode !== undefined && html`<span>exit code ${job.exitCode}</span>`}
      ${job.retryOf && html`<a href="/jobs/${job.retryOf}">retry of an earlier job</a>`}
      ${job.continues && html`<a href="/jobs/${job.continues}">continues an earlier job</a>`}
    </p>
    ${job.prompt.trim().includes('\n') && html`<details><summary>All that was asked</summary><pre class="block">${visible(job.prompt)}</pre></details>`}
    ${job.summary && html`<div class="summary">${renderMarkdown(job.summary)}</div>`}
    <div class="actions">
      <form method="post" action="/jobs/${job._id}/${verb}">
        <input type="hidden" name="key" value="${randomId()}">
        <button class="${over ? '' : 'danger'}">${over ? 'Retry' : 'Cancel'}</button>
      </form>
      ${thread?.ok && threadLink(thread.value)}
    </div>
    ${
      files.length > 0 &&
      html`<h2>Files</h2><ul class="files">${files.map(
        ({ _id, name, bytes }) =>
          html`<li><a href="/api/v1/files/${_id}">${visible(name)}</a><span>${size(bytes)}</span></li>`,
      )}</ul>`
    }
    ${over && job.commit && patchBlock(await patchOf(repos, job))}`
}

const took = ({ startedAt, endedAt }: Job): string => {
  if (!startedAt || !endedAt) return ''
  const seconds = Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
