import { html } from 'hono/html'
import type { Event } from '../store/events.ts'
import { sessionName } from '../store/lifecycle.ts'
import type { Entry } from '../store/store.ts'
import type { Html } from './layout.ts'
import { dollars } from './layout.ts'
import { renderMarkdown } from './markdown.ts'
import { visible } from './visible.ts'

/** One entry of a job's log as a row of the page. Some tell people nothing and give none. */
export const logLine = (entry: Entry<Event>): Html => {
  if (entry.erased) return row(entry, '', html`<em>erased</em>`)
  switch (entry.type) {
    case 'queued':
      return row(entry, '🕓', html`Queued`)
    case 'started':
      return row(entry, '🚀', html`Run ${entry.attempt} begins`)
    case 'opened':
      return row(
        entry,
        '📦',
        html`Sandbox: ${entry.sandbox} ${(entry.limits ?? []).map(limit => html`<em>${limit}</em> `)}`,
      )
    case 'planned':
      return row(
        entry,
        '🗒',
        html`<ul class="plan">${entry.items.map(item => html`<li class="${item.state}">${visible(item.text)}</li>`)}</ul>`,
      )
    case 'said':
      return row(entry, '💬', html`<pre class="said">${visible(entry.text)}</pre>${more(entry.file)}`)
    case 'thought':
      return row(
        entry,
        '💭',
        html`<details><summary>Thought</summary>${renderMarkdown(entry.text)}</details>${more(entry.file)}`,
      )
    case 'used':
      return row(entry, '🔧', html`<b>${entry.tool}</b> <code>${visible(inputText(entry.input))}</code>`)
    case 'returned':
      return row(
        entry,
        entry.ok ? '↩️' : '⚠️',
        html`<details><summary>${entry.ok ? 'Result' : 'Error'}</summary><pre>${visible(entry.text)}</pre></details>${more(entry.file)}`,
      )
    case 'noted':
      return row(entry, entry.level === 'info' ? 'ℹ️' : '⚠️', html`${visible(entry.text)}`)
    case 'refused':
      return row(entry, '⛔', html`Refused (${entry.route}, ${visible(entry.what)}): ${visible(entry.why)}`)
    case 'asked':
      return row(entry, '✋', html`${visible(entry.text)}`)
    case 'answered':
      return row(entry, '👉', html`${visible(entry.choice ?? entry.text ?? '')}`)
    case 'steered':
      return row(entry, '👉', html`${visible(entry.text)}`)
    case 'spawned':
      return row(entry, '🌱', html`Asked for <a href="/jobs/${entry.job}">another job</a>`)
    case 'produced':
      return entry.name === sessionName
        ? html``
        : row(entry, '📎', html`<a href="/api/v1/files/${entry.file}">${visible(entry.name)}</a>`)
    case 'exited':
      return row(
        entry,
        '🚪',
        html`The agent is over${entry.signal ? ` (${entry.signal})` : entry.code === undefined ? '' : `, exit code ${entry.code}`}`,
      )
    case 'committed':
      return row(
        entry,
        '📝',
        html`Committed <code>${entry.commit.slice(0, 8)}</code> on <code>${entry.branch}</code>: ${entry.files.length} files`,
      )
    case 'merged':
      return row(
        entry,
        '🔀',
        entry.commit
          ? html`Merged into <code>${entry.into}</code>`
          : html`Conflicts with <code>${entry.into}</code> in ${visible(entry.conflicts.join(', '))}`,
      )
    case 'verified':
      return row(
        entry,
        entry.ok ? '☑️' : '⚠️',
        html`<code>${visible(entry.command)}</code> gave exit code ${entry.exitCode}`,
      )
    case 'metered':
      return row(
        entry,
        '🪙',
        html`${entry.model}: ${entry.tokens.input + entry.tokens.cacheRead + entry.tokens.cacheWrite} tokens in, ${entry.tokens.output} out, ${dollars(entry.cost)}`,
      )
    case 'paused':
      return row(entry, '⏸️', html`${visible(entry.why)}`)
    case 'resumed':
      return row(entry, '▶️', html`Goes on`)
    case 'retrying':
      return row(entry, '🔁', html`${visible(entry.why)} It is tried again.`)
    case 'ended':
      return row(entry, '🏁', html`${visible(entry.summary)}`)
    default:
      entry satisfies never
      return html``
  }
}

const row = (
  entry: { readonly seq: number; readonly at: string; readonly type: string },
  icon: string,
  content: Html,
) =>
  html`<li id="e${entry.seq}" class="${entry.type}"><span class="icon">${icon}</span><div>${content}</div><time datetime="${entry.at}">${entry.at.slice(11, 19)}</time></li>`

const more = (file: string | undefined) => file && html`<a href="/api/v1/files/${file}">the whole text</a>`

const inputText = (input: unknown) => {
  const text = typeof input === 'string' ? input : JSON.stringify(input)
  return text.length > 500 ? `${text.slice(0, 500).toWellFormed()}…` : text
}
