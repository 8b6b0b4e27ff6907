import { Hono } from 'hono'
import { html, raw } from 'hono/html'
import { z } from 'zod'
import { isOver } from '../../store/lifecycle.ts'
import type { Job } from '../../store/records.ts'
import { numberOf, readForm } from '../body.ts'
import { causeOf } from '../cause.ts'
import type { Html } from '../layout.ts'
import { badge, dollars, headline, page, time } from '../layout.ts'
import type { View } from '../live.ts'
import { streamView } from '../live.ts'
import { logLine } from '../log-line.ts'
import { streamLog } from '../log-stream.ts'
import { granted } from '../problem.ts'
import { visible } from '../visible.ts'
import type { Asked, Env, WebParts } from '../web.ts'
import { jobStatus } from './job-status.ts'

const jobsShown = 50
/** A page that is opened begins with this many of the log's last entries. */
const entriesShown = 500
/** Tells the page that it need not come again. */
const farewell = { event: 'ended', data: '' }

/** `/` and `/jobs/…`: what runs, and one job with its live log. */
export const jobPages = (parts: WebParts) => {
  const { intake } = parts
  const named = async (c: Asked) => granted(await intake.job(c.var.who, c.req.param('id') ?? ''))

  const list = async (c: Asked): Promise<View> => {
    const after = c.req.query('after')
    const jobs = granted(await intake.jobs(c.var.who, { limit: jobsShown, ...(after && { after }) }))
    const names = new Map((await intake.workspaces(c.var.who)).map(({ _id, name }) => [_id, name]))
    const open = jobs.filter(({ state }) => !isOver(state))
    return { html: rows(jobs, names), topics: ['jobs', ...open.map(({ _id }) => `job/${_id}`)] }
  }

  return new Hono<Env>()
    .get('/', async c => {
      const after = c.req.query('after')
      const live = after ? `/jobs?${new URLSearchParams({ after })}` : '/jobs'
      const { html: content } = await list(c)
      return c.html(
        page(
          'Jobs',
          c.var.who,
          html`<h1>Jobs</h1><div hx-sse:connect="${live}" hx-swap="innerMorph">${content}</div>`,
        ),
      )
    })
    .get('/jobs', c => streamView(parts, c, () => list(c)))
    .get('/jobs/:id', async c => {
      const job = await named(c)
      const from = numberOf(c, 'after', {
        least: 0,
        most: Number.MAX_SAFE_INTEGER,
        usual: Math.max(0, job.folded - entriesShown),
      })
      const earlier =
        from > 0 && html`<p><a href="/jobs/${job._id}?after=0">Show the ${from} entries before these</a></p>`
      return c.html(
        page(
          headline(job.prompt, 60),
          c.var.who,
          html`<section id="status">${await jobStatus(parts, c, job)}</section>
            <h2>Log</h2>${earlier}
            <ol class="log" ${!isOver(job.state) && raw('data-follow')} hx-sse:connect="/jobs/${job._id}/log?after=${from}" hx-sse:close="ended"
              hx-swap="beforeend"></ol>`,
        ),
      )
    })
    .get('/jobs/:id/log', async c => {
      const job = await named(c)
      const after = numberOf(c, 'after', { least: 0, most: Number.MAX_SAFE_INTEGER, usual: 0 })
      return streamLog(parts, c, { job, after, farewell }, async entries => {
        const status = await jobStatus(parts, c, await named(c))
        const changed = html`<hx-partial hx-target="#status" hx-swap="innerMorph">${status}</hx-partial>`
        const data = String(await html`${entries.map(entry => logLine(entry, job.agent))}${changed}`)
        return [{ id: String(entries.at(-1)?.seq), data }]
      })
    })
    .post('/jobs/:id/cancel', async c => {
      const { _id } = granted(await intake.cancel(c.var.who, c.req.param('id')))
      return c.redirect(`/jobs/${_id}`, 303)
    })
    .post('/jobs/:id/retry', async c => {
      const { key } = await readForm(c, z.object({ key: z.string().min(1).max(100) }))
      const cause = await causeOf(parts, c, key)
      const { _id } = granted(await intake.retry(c.var.who, c.req.param('id'), cause))
      return c.redirect(`/jobs/${_id}`, 303)
    })
}

const rows = (jobs: readonly Job[], names: ReadonlyMap<string, string>): Html => {
  if (jobs.length === 0)
    return html`<p class="empty">No jobs yet. <a href="/chat">Ask for one in the chat</a>, or write
      <code>/hop run …</code> in a connected channel.</p>`
  const more = jobs.length === jobsShown && html`<p><a href="/?after=${jobs.at(-1)?._id}">Older jobs</a></p>`
  return html`<ul class="jobs">${jobs.map(job => row(job, names.get(job.workspace)))}</ul>${more}`
}

const row = (job: Job, workspace: string | undefined): Html =>
  html`<li id="${job._id}">${badge(job.state)}
    <a href="/jobs/${job._id}">${headline(job.prompt)}</a>
    <span class="facts"><span>${visible(workspace ?? '')}</span>${time(job.createdAt)}<span>${dollars(job.cost)}</span></span>
  </li>`
