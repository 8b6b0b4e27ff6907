import { html } from 'hono/html'
import type { Shown } from '../../runner/intake.ts'
import { nameId } from '../../store/ids.ts'
import type { Button } from '../../store/records.ts'
import type { Html } from '../layout.ts'
import { time } from '../layout.ts'
import { renderMarkdown } from '../markdown.ts'
import { visible } from '../visible.ts'

/** A conversation that is longer is shown by its end. */
const messagesShown = 200

/** What was said and posted in a conversation. The same messages give the same text, byte for byte. */
export const messageList = (conversation: string, messages: readonly Shown[]): Html =>
  html`${messages.slice(-messagesShown).map(({ id, at, by, byName, message }) => {
    const { text, file, buttons = [] } = message
    const presses = buttons.map(button => pressable(conversation, button, messages.length))
    return html`<article id="m-${nameId(id)}" class="${by === 'bellhop' ? 'bellhop' : 'person'}">
      <h2>${visible(byName)} ${time(at)}</h2>
      <div class="text">${renderMarkdown(text)}</div>
      ${file && html`<p><a href="/api/v1/files/${file.id}">${visible(file.name)}</a></p>`}
      ${buttons.length > 0 && html`<div class="actions">${presses}</div>`}
    </article>`
  })}`

/** A press has the length of the conversation in its key: pressed again before anything else was said, it is the same press. */
const pressable = (conversation: string, { label, style, press }: Button, length: number): Html => {
  if ('url' in press)
    return /^https?:\/\//i.test(press.url) ? html`<a class="button" href="${press.url}">${label}</a>` : html``
  const action = `/chat/${conversation}/press`
  return html`<form method="post" action="${action}" hx-post="${action}" hx-swap="none">
    <input type="hidden" name="key" value="${press.verb}-${press.job}-${length}">
    <input type="hidden" name="verb" value="${press.verb}"><input type="hidden" name="job" value="${press.job}">
    <button class="${style ?? ''}">${label}</button>
  </form>`
}
