import { html } from 'hono/html'
import type { Html } from '../layout.ts'
import { visible } from '../visible.ts'

/** A patch past this many lines is shown by its beginning; the API has all of it. */
const mostLines = 2000

/** A patch as git prints it, its lines coloured. Nothing for an empty one. */
export const patchBlock = (patch: string): Html => {
  if (patch === '') return html``
  const lines = patch.trimEnd().split('\n')
  const files = lines.filter(line => line.startsWith('diff --git ')).length
  const rest = lines.length - mostLines
  return html`<details open><summary>${files} ${files === 1 ? 'file' : 'files'} changed</summary>
    <pre class="block patch">${lines.slice(0, mostLines).map(
      line => html`<span class="${kindOf(line)}">${visible(line)}
</span>`,
    )}</pre>${rest > 0 && html`<p>${rest} more lines are left out here; the API has the whole patch.</p>`}</details>`
}

const kindOf = (line: string): string => {
  if (/^(diff |index |new |deleted |old |similarity |rename |\+\+\+|---)/.test(line)) return 'meta'
  if (line.startsWith('@@')) return 'hunk'
  if (line.startsWith('+')) return 'added'
  return line.startsWith('-') ? 'removed' : ''
}
