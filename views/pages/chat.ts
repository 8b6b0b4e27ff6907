import { Hono } from 'hono'
import { html } from 'hono/html'
import { z } from 'zod'
import { randomId } from '../../store/ids.ts'
import { readForm } from '../body.ts'
import { findChat, openChat, sayMore } from '../chat.ts'
import type { Html } from '../layout.ts'
import { headline, page, time } from '../layout.ts'
import { streamView } from '../live.ts'
import { granted } from '../problem.ts'
import type { Asked, Env, WebParts } from '../web.ts'
import { messageList } from './message-list.ts'
import { threadLink } from './thread-link.ts'

const chatsShown = 50

const key = z.string().regex(/^[\w-]{1,100}$/, 'it is the hidden key of a form')
const typed = z.object({ key, text: z.string().trim().min(1, 'write a message first') })
const pressed = z.object({ key, verb: z.enum(['cancel', 'retry']), job: z.string() })

/** `/chat`: the browser chat, and any other conversation to be read. */
export const chatPages = (parts: WebParts) => {
  const { intake } = parts
  const idOf = (c: Asked) => c.req.param('id') ?? ''
  const messagesOf = async (c: Asked) => {
    const { conversation } = await findChat(parts, c, idOf(c))
    return conversation ? granted(await intake.messages(c.var.who, conversation._id)) : []
  }
  const titleOf = async (c: Asked, id: string) => {
    const outcome = await intake.messages(c.var.who, id)
    const first = outcome.ok ? outcome.value.find(({ by }) => by !== 'bellhop') : undefined
    return headline(first?.message.text || 'Conversation', 80)
  }

  return new Hono<Env>()
    .get('/chat', async c => {
      const chats = (await intake.conversations(c.var.who)).slice(0, chatsShown)
      const items = chats.map(
        async ({ _id, createdAt }) =>
          html`<li><a href="/chat/${_id}">${await titleOf(c, _id)}</a>${time(createdAt)}</li>`,
      )
      const content = html`<h1>What is to be done?</h1>${composer('/chat', false)}
        ${chats.length > 0 && html`<h2>Conversations</h2><ul class="list">${items}</ul>`}`
      return c.html(page('Chat', c.var.who, content))
    })
    .post('/chat', async c => c.redirect(`/chat/${await openChat(parts, c, await readForm(c, typed))}`, 303))
    .get('/chat/:id', async c => {
      const { id, conversation } = await findChat(parts, c, idOf(c))
      const ours = conversation === undefined || conversation.platform === 'web'
      const content = html`<div class="messages" role="log" data-follow hx-sse:connect="/chat/${id}/live"
        hx-swap="innerMorph">${messageList(id, await messagesOf(c))}</div>
        ${ours ? composer(`/chat/${id}`, true) : html`<div class="actions">${threadLink(conversation)}</div>`}`
      return c.html(page('Chat', c.var.who, content))
    })
    .get('/chat/:id/live', async c => {
      const { id } = await findChat(parts, c, idOf(c))
      return streamView(parts, c, async () => ({
        html: messageList(id, await messagesOf(c)),
        topics: [`conversation/${id}`],
      }))
    })
    .post('/chat/:id', async c => {
      await sayMore(parts, c, idOf(c), await readForm(c, typed))
      const action = `/chat/${idOf(c)}`
      return c.req.header('hx-request') ? c.html(composer(action, true)) : c.redirect(action, 303)
    })
    .post('/chat/:id/press', async c => {
      const { key, ...press } = await readForm(c, pressed)
      await sayMore(parts, c, idOf(c), { key, press })
      return c.req.header('hx-request') ? c.body(null, 204) : c.redirect(`/chat/${idOf(c)}`, 303)
    })
}

/** Where one types. It comes with a key of its own, so that what is sent twice is said once. */
const composer = (action: string, live: boolean): Html =>
  html`<form class="say" method="post" action="${action}" ${live && html`hx-post="${action}" hx-swap="outerHTML"`}>
    <input type="hidden" name="key" value="${randomId()}">
    <textarea name="text" rows="2" required autofocus aria-label="Message"
      placeholder="Fix the flaky test, or /hop help"></textarea>
    <button class="primary">Send</button>
  </form>`
