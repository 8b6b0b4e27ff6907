import { Hono } from 'hono'
import { z } from 'zod'
import { numberOf, readJson } from '../body.ts'
import { causeOf } from '../cause.ts'
import { sendFile } from '../download.ts'
import { granted, Problem } from '../problem.ts'
import { workspaceShape } from '../shapes.ts'
import type { Asked, Env, WebParts } from '../web.ts'

const order = z.strictObject({
  name: z.string(),
  visibility: z.string().optional(),
  persistence: z.string().optional(),
  remoteUrl: z.string().optional(),
})

/** `/api/v1/workspaces` */
export const workspacesApi = (parts: WebParts) => {
  const { intake, repos } = parts
  const idOf = async (c: Asked) => granted(await intake.workspace(c.var.who, c.req.param('id') ?? ''))._id
  const refOf = (c: Asked) => c.req.query('ref') || 'main'
  const missing = (c: Asked, path: string) =>
    new Problem({
      status: 404,
      detail: `There is no "${path.slice(0, 200)}" at "${refOf(c).slice(0, 100)}" in this workspace.`,
    })

  return new Hono<Env>()
    .post('/', async c => {
      const asked = await readJson(c, order)
      const made = granted(await intake.createWorkspace(c.var.who, asked, await causeOf(parts, c)))
      return c.json(workspaceShape(made), 201)
    })
    .get('/', async c => c.json({ items: (await intake.workspaces(c.var.who)).map(workspaceShape) }))
    .get('/:id', async c =>
      c.json(workspaceShape(granted(await intake.workspace(c.var.who, c.req.param('id'))))),
    )
    .get('/:id/tree', async c => {
      const path = c.req.query('path') ?? ''
      const items = await repos.tree(await idOf(c), refOf(c), path)
      if (!items) throw missing(c, path)
      return c.json({ items })
    })
    .get('/:id/files/:path{.+}', async c => {
      const path = c.req.param('path')
      const blob = await repos.blob(await idOf(c), refOf(c), path)
      if (!blob) throw missing(c, path)
      const name = path.split('/').at(-1) ?? path
      return sendFile(c, { name, bytes: blob.bytes, body: blob.content, as: 'inline' })
    })
    .get('/:id/history', async c => {
      const limit = numberOf(c, 'limit', { least: 1, most: 200, usual: 50 })
      const after = c.req.query('after')
      const items = await repos.history(await idOf(c), refOf(c), { limit, ...(after && { after }) })
      return c.json({ items, next: items.length === limit ? items.at(-1)?.hash : undefined })
    })
}
