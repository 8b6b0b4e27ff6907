import { Hono } from 'hono'
import { html } from 'hono/html'
import { z } from 'zod'
import type { Commit, TreeEntry } from '../../store/repos.ts'
import { readForm } from '../body.ts'
import { causeOf } from '../cause.ts'
import type { Html } from '../layout.ts'
import { headline, page, size, time } from '../layout.ts'
import { granted, Problem } from '../problem.ts'
import { visible } from '../visible.ts'
import type { Asked, Env, WebParts } from '../web.ts'
import { patchBlock } from './patch-block.ts'

const commitsShown = 30
/** Bytes of a file that a page shows. */
const largestShown = 500_000

const order = z.object({ name: z.string(), visibility: z.string() })

/** `/workspaces`, and one with its files, history and commits. */
export const workspacePages = (parts: WebParts) => {
  const { intake, repos } = parts
  const named = async (c: Asked) => granted(await intake.workspace(c.var.who, c.req.param('id') ?? ''))

  return new Hono<Env>()
    .get('/workspaces', async c => {
      const all = await intake.workspaces(c.var.who)
      const items = all.map(
        ({ _id, name, visibility, createdAt }) =>
          html`<li><a href="/workspaces/${_id}">${visible(name)}</a><span>${visibility}</span>${time(createdAt)}</li>`,
      )
      const none = html`<p class="empty">None yet. The team's <code>main</code> is made with the first job.</p>`
      const content = html`<h1>Workspaces</h1>${all.length > 0 ? html`<ul class="list">${items}</ul>` : none}${creation}`
      return c.html(page('Workspaces', c.var.who, content))
    })
    .post('/workspaces', async c => {
      const asked = await readForm(c, order)
      const { _id } = granted(await intake.createWorkspace(c.var.who, asked, await causeOf(parts, c)))
      return c.redirect(`/workspaces/${_id}`, 303)
    })
    .get('/workspaces/:id', async c => {
      const { _id, name } = await named(c)
      const { ref = 'main', path = '' } = c.req.query()
      const entries = await repos.tree(_id, ref, path)
      const blob = entries ? undefined : await repos.blob(_id, ref, path)
      if (!entries && !blob)
        throw new Problem({
          status: 404,
          detail: `There is no "${path.slice(0, 200)}" at "${ref.slice(0, 100)}" in this workspace.`,
        })
      const commits = path === '' ? await repos.history(_id, ref, { limit: commitsShown }) : []
      const raw = `/api/v1/workspaces/${_id}/files/${path.split('/').map(encodeURIComponent).join('/')}?ref=${encodeURIComponent(ref)}`
      const content = html`<h1><a href="/workspaces/${_id}">${visible(name)}</a>${crumbs(_id, ref, path)}</h1>
        ${ref !== 'main' && html`<p class="facts">at <code>${visible(ref)}</code></p>`}
        ${entries && tree(_id, ref, entries)} ${blob && file(blob.content, raw)} ${history(_id, commits)}`
      return c.html(page(name, c.var.who, content))
    })
    .get('/workspaces/:id/commits/:hash{[0-9a-f]{40}}', async c => {
      const { _id, name } = await named(c)
      const hash = c.req.param('hash')
      const [commit] = await repos.history(_id, hash, { limit: 1 })
      if (!commit) throw new Problem({ status: 404, detail: `There is no commit ${hash} in this workspace.` })
      const [parent] = commit.parents
      const content = html`<h1><a href="/workspaces/${_id}">${visible(name)}</a> / ${headline(commit.message)}</h1>
        <p class="facts"><span>${visible(commit.author)}</span>${time(commit.at)}<code>${hash.slice(0, 10)}</code>
          <a href="/workspaces/${_id}?ref=${hash}">Files at this commit</a></p>
        <pre class="block">${visible(commit.message.trim())}</pre>
        ${parent && patchBlock(await repos.diff(_id, parent, hash))}`
      return c.html(page(headline(commit.message, 60), c.var.who, content))
    })
}

const linkTo = (id: string, ref: string, path: string) =>
  `/workspaces/${id}?${new URLSearchParams({ ...(ref !== 'main' && { ref }), ...(path && { path }) })}`

const crumbs = (id: string, ref: string, path: string) =>
  path
    .split('/')
    .filter(Boolean)
    .map(
      (name, n, all) =>
        html` / <a href="${linkTo(id, ref, all.slice(0, n + 1).join('/'))}">${visible(name)}</a>`,
    )

const marks = { folder: '/', file: '', link: ' →', repository: ' @' } as const

const tree = (id: string, ref: string, entries: readonly TreeEntry[]): Html =>
  entries.length === 0
    ? html`<p class="empty">No files yet.</p>`
    : html`<ul class="list">${entries.map(
        ({ kind, name, path, bytes }) =>
          html`<li><a href="${linkTo(id, ref, path)}">${visible(name)}${marks[kind]}</a>
            <span>${bytes !== undefined && size(bytes)}</span></li>`,
      )}</ul>`

const file = (content: Buffer, raw: string): Html => {
  const binary = content.subarray(0, 8000).includes(0)
  const shown =
    binary || content.length > largestShown
      ? html`<p class="empty">${binary ? 'This is not text' : 'This is too long to be shown here'}: ${size(content.length)}.</p>`
      : html`<pre class="block">${visible(content.toString('utf8'))}</pre>`
  return html`<div class="actions"><a class="button" href="${raw}">Raw</a></div>${shown}`
}

const history = (id: string, commits: readonly Commit[]): Html =>
  commits.length === 0
    ? html``
    : html`<h2>History</h2><ul class="list">${commits.map(
        ({ hash, message, author, at }) =>
          html`<li><code>${hash.slice(0, 8)}</code><a href="/workspaces/${id}/commits/${hash}">${headline(message)}</a>
            <span>${visible(author)}</span>${time(at)}</li>`,
      )}</ul>`

const creation = html`<h2>A new one</h2><form class="line" method="post" action="/workspaces">
  <label>Name <input name="name" required maxlength="63" pattern="[a-z0-9][a-z0-9._\\-]*" placeholder="shop"></label>
  <label>Seen by <select name="visibility"><option value="team">the team</option><option value="private">only me</option></select></label>
  <button class="primary">Create</button>
</form>`
