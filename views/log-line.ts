import { html } from 'hono/html'
import type { Event } from '../store/events.ts'
import { sessionName } from '../store/lifecycle.ts'
import type { Entry } from '../store/store.ts'
import type { Html } from './layout.ts'
import { dollars, size } from './layout.ts'
import { renderMarkdown } from './markdown.ts'
import { visible } from './visible.ts'

/** One entry of a job's log as a row of its page. What a command said is shown as it printed it, an agent's words as markdown. */
export const logLine = (entry: Entry<Event>, agent: string): Html => {
  const content = entry.erased ? html`<em>erased</em>` : contentOf(entry, agent)
  if (!content) return html``
  return html`<li id="e${entry.seq}" class="${entry.type}"><div>${content}</div><time datetime="${entry.at}"
    data-clock>${entry.at.slice(11, 19)} UTC</time></li>`
}

const contentOf = (entry: Entry<Event>, agent: string): Html | undefined => {
  switch (entry.type) {
    case 'queued':
      return html`Queued`
    case 'started':
      return html`Run ${entry.attempt} begins`
    case 'opened':
      return html`Sandbox: ${visible(entry.sandbox)}${entry.limits?.map(limit => html`<br><em>${visible(limit)}</em>`)}`
    case 'planned':
      return html`<ul>${entry.items.map(item => html`<li class="${item.state}">${visible(item.text)}</li>`)}</ul>`
    case 'said': {
      const words = agent === 'command' ? html`<pre>${visible(entry.text)}</pre>` : renderMarkdown(entry.text)
      return html`<div class="text">${words}</div>${whole(entry.file)}`
    }
    case 'thought':
      return folded('Thought', renderMarkdown(entry.text), entry.file)
    case 'used':
      return html`<b>${visible(entry.tool)}</b> <code>${visible(inputOf(entry.input))}</code>`
    case 'returned':
      return folded(entry.ok ? 'Result' : 'Failed', html`<pre>${visible(entry.text)}</pre>`, entry.file)
    case 'noted':
      return html`${visible(entry.text)}`
    case 'refused':
      return html`Refused ${entry.route} <code>${visible(entry.what)}</code>: ${visible(entry.why)}`
    case 'asked':
      return html`Asks: ${visible(entry.text)}`
    case 'answered':
      return html`Answer: ${visible(entry.choice ?? entry.text ?? '')}`
    case 'steered':
      return html`Told: ${visible(entry.text)}`
    case 'spawned':
      return html`Asked for <a href="/jobs/${entry.job}">another job</a>`
    case 'produced':
      return entry.name === sessionName
        ? undefined
        : html`File <a href="/api/v1/files/${entry.file}">${visible(entry.name)}</a>, ${size(entry.bytes)}`
    case 'exited':
      return html`The agent is over: ${entry.signal ? `ended by ${visible(entry.signal)}` : `exit code ${entry.code ?? 'unknown'}`}`
    case 'committed':
      return html`Committed <code>${entry.commit.slice(0, 10)}</code> on <code>${visible(entry.branch)}</code>,
        ${entry.files.length} ${entry.files.length === 1 ? 'file' : 'files'} changed`
    case 'merged':
      return entry.commit
        ? html`Merged into <code>${visible(entry.into)}</code>`
        : html`Conflicts with <code>${visible(entry.into)}</code> in ${visible(entry.conflicts.join(', '))}`
    case 'verified':
      return html`<code>${visible(entry.command)}</code> gave exit code ${entry.exitCode}`
    case 'metered': {
      const { input, cacheRead, cacheWrite, output } = entry.tokens
      return html`${visible(entry.model)}: ${input + cacheRead + cacheWrite} tokens in, ${output} out, ${dollars(entry.cost)}`
    }
    case 'paused':
      return html`Paused: ${visible(entry.why)}`
    case 'resumed':
      return html`Goes on`
    case 'retrying':
      return html`${visible(entry.why)} It is tried again.`
    case 'ended':
      return html`${entry.outcome.replace('_', ' ')}: ${visible(entry.summary)}`
    default:
      entry satisfies never
      return undefined
  }
}

const folded = (title: string, content: Html, file: string | undefined): Html =>
  html`<details><summary>${title}</summary>${content}${whole(file)}</details>`

const whole = (file: string | undefined) =>
  file && html`<p><a href="/api/v1/files/${file}">All of it, as a file</a></p>`

const inputOf = (input: unknown): string => {
  const command = typeof input === 'object' && input !== null && 'command' in input ? input.command : input
  const text = typeof command === 'string' ? command : JSON.stringify(input)
  return text.length > 500 ? `${text.slice(0, 500).toWellFormed()}…` : text
}
