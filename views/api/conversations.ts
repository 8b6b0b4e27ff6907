import { Hono } from 'hono'
import { z } from 'zod'
import { randomId } from '../../store/ids.ts'
import { readJson } from '../body.ts'
import { keyOf } from '../cause.ts'
import { findChat, openChat, sayMore } from '../chat.ts'
import { granted } from '../problem.ts'
import { conversationShape, messageShape } from '../shapes.ts'
import type { Asked, Env, WebParts } from '../web.ts'

const said = z.strictObject({ text: z.string().min(1) })

/** `/api/v1/conversations`: what is said here goes through the inbox, exactly as on the page. */
export const conversationsApi = (parts: WebParts) => {
  const { intake } = parts
  const typed = async (c: Asked) => ({ ...(await readJson(c, said)), key: keyOf(c) ?? randomId() })

  return new Hono<Env>()
    .get('/', async c => c.json({ items: (await intake.conversations(c.var.who)).map(conversationShape) }))
    .post('/', async c => c.json({ id: await openChat(parts, c, await typed(c)) }, 202))
    .get('/:id/messages', async c => {
      const { conversation } = await findChat(parts, c, c.req.param('id'))
      const messages = conversation ? granted(await intake.messages(c.var.who, conversation._id)) : []
      return c.json({ items: messages.map(messageShape) })
    })
    .post('/:id/messages', async c => {
      const id = c.req.param('id')
      await sayMore(parts, c, id, await typed(c))
      return c.json({ id }, 202)
    })
}
