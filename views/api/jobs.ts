import { Hono } from 'hono'
import { z } from 'zod'
import type { Job } from '../../store/records.ts'
import { numberOf, readJson } from '../body.ts'
import { causeOf } from '../cause.ts'
import { streamLog } from '../log-stream.ts'
import { patchOf } from '../patch.ts'
import { granted, Problem } from '../problem.ts'
import { eventShape, jobShape } from '../shapes.ts'
import type { Asked, Env, WebParts } from '../web.ts'

const order = z.strictObject({
  prompt: z.string(),
  agent: z.string().optional(),
  workspace: z.string().optional(),
  model: z.string().optional(),
  files: z.array(z.string()).optional(),
  priority: z.number().optional(),
  timeoutSeconds: z.number().optional(),
  budgetUsd: z.number().optional(),
})
const said = z.strictObject({ text: z.string() })
const states = [
  'queued',
  'starting',
  'running',
  'waiting',
  'paused',
  'verifying',
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
] as const

/** `/api/v1/jobs` */
export const jobsApi = (parts: WebParts) => {
  const { store, intake, repos } = parts
  const shape = async (job: Job) =>
    jobShape(job, job.conversation ? await store.get('conversations', job.conversation) : undefined)
  const named = async (c: Asked) => granted(await intake.job(c.var.who, c.req.param('id') ?? ''))

  return new Hono<Env>()
    .post('/', async c => {
      const asked = await readJson(c, order)
      const job = granted(await intake.submit(c.var.who, asked, await causeOf(parts, c)))
      return c.json(await shape(job), 202)
    })
    .get('/', async c => {
      const limit = numberOf(c, 'limit', { least: 1, most: 200, usual: 50 })
      const { state: given, workspace, requester, after } = c.req.query()
      const state = states.find(one => one === given)
      if (given && !state)
        throw new Problem({
          status: 400,
          detail: `There is no state "${given.slice(0, 40)}"; there are: ${states.join(', ')}.`,
          field: 'state',
        })
      const filter = {
        limit,
        ...(state && { state }),
        ...(workspace && { workspace }),
        ...(requester && { requester }),
        ...(after && { after }),
      }
      const jobs = granted(await intake.jobs(c.var.who, filter))
      const next = jobs.length === limit ? jobs.at(-1)?._id : undefined
      return c.json({ items: await Promise.all(jobs.map(shape)), next })
    })
    .get('/:id', async c => c.json(await shape(await named(c))))
    .post('/:id/cancel', async c =>
      c.json(await shape(granted(await intake.cancel(c.var.who, c.req.param('id')))), 202),
    )
    .post('/:id/retry', async c => {
      const retried = await intake.retry(c.var.who, c.req.param('id'), await causeOf(parts, c))
      return c.json(await shape(granted(retried)), 202)
    })
    .post('/:id/say', async c => {
      const { text } = await readJson(c, said)
      const next = await intake.say(c.var.who, c.req.param('id'), text, await causeOf(parts, c))
      return c.json(await shape(granted(next)), 202)
    })
    .get('/:id/diff', async c => c.text(await patchOf(repos, await named(c))))
    .get('/:id/events', async c => {
      const job = await named(c)
      const after = numberOf(c, 'after', { least: 0, most: Number.MAX_SAFE_INTEGER, usual: 0 })
      if (c.req.header('accept')?.includes('text/event-stream'))
        return streamLog(parts, c, { job, after }, async entries =>
          entries.map(entry => ({ id: String(entry.seq), data: JSON.stringify(eventShape(entry)) })),
        )
      const limit = numberOf(c, 'limit', { least: 1, most: 500, usual: 500 })
      const entries = await store.after(`job/${job._id}`, after, limit)
      const next = entries.length === limit ? entries.at(-1)?.seq : undefined
      return c.json({ items: entries.map(eventShape), next })
    })
}
