import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../../store/events.ts'
import { openWeb } from '../../test/web.ts'

const evil = `<img src=x onerror=alert(1)>"'><script>alert(1)</script>\u202e`

/** The page's text, which must hold nothing of `evil` as markup. */
const harmless = async (response: Response) => {
  const text = await response.text()
  assert.doesNotMatch(text, /<img src=x|<script>|onerror=alert\(1\)>(?!&)|\u202e/, text)
  return text
}

/** One event of each kind, with somebody's text wherever there is room for it. */
const events: readonly Event[] = [
  { type: 'started', runner: evil },
  { type: 'opened', sandbox: evil, limits: [evil] },
  { type: 'planned', items: [{ text: evil, state: 'pending' }] },
  { type: 'said', text: evil, file: 'f1' },
  { type: 'thought', text: evil },
  { type: 'used', call: '1', tool: evil, input: { [evil]: evil } },
  { type: 'used', call: '2', tool: 'Bash', input: { command: evil } },
  { type: 'returned', call: '1', ok: true, text: evil },
  { type: 'noted', level: 'warn', text: evil },
  { type: 'refused', route: 'egress', what: evil, why: evil },
  { type: 'asked', question: 'q', kind: 'question', text: evil, choices: [evil] },
  { type: 'answered', question: 'q', by: 'ada', text: evil },
  { type: 'steered', by: 'ada', text: evil },
  { type: 'spawned', job: 'j1' },
  { type: 'produced', file: 'f1', name: evil, bytes: 1, mime: evil },
  { type: 'verified', ok: false, command: evil, exitCode: 1 },
  { type: 'metered', model: evil, tokens: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 }, cost: 1 },
  { type: 'paused', why: evil },
  { type: 'resumed', by: 'ada', budget: 1 },
  { type: 'exited', signal: evil },
  { type: 'merged', into: evil, conflicts: [evil] },
  { type: 'retrying', why: evil, notBefore: '2026-01-01' },
  { type: 'ended', outcome: 'failed', reason: 'exit', summary: evil },
]

test('nothing that a prompt, a log or a name holds becomes markup of a page', async () => {
  await using web = await openWeb()
  const { who, cookie } = await web.person('ada')
  const get = async (path: string) => harmless(await web.app.request(path, { headers: cookie }))
  const asked = await web.intake.submit(
    who,
    { prompt: `${evil}\n${evil}` },
    { key: 'k', at: web.now().toISOString() },
  )
  assert.ok(asked.ok)
  const { _id, workspace } = asked.value
  await web.happen(_id, ...events)
  const file = {
    _id: 'f1',
    rev: 0,
    name: evil,
    bytes: 1,
    mime: evil,
    job: _id,
    createdAt: web.now().toISOString(),
  }
  await web.store.put('files', file)
  assert.match(await get('/'), /&lt;img src=x/)
  const page = await get(`/jobs/${_id}`)
  for (const part of ['&lt;img src=x', '⟨U+202E⟩', '/api/v1/files/f1']) assert.ok(page.includes(part), part)
  const log = await get(`/jobs/${_id}/log`)
  for (const { type } of events)
    if (type !== 'started') assert.match(log, new RegExp(`<li id="e\\d+" class="${type}">`))
  const commit = await web.commit(workspace, { [evil.replaceAll('/', '')]: evil })
  const path = encodeURIComponent(evil.replaceAll('/', ''))
  await get(`/workspaces/${workspace}`)
  assert.match(await get(`/workspaces/${workspace}?path=${path}`), /<pre class="block">&lt;img src=x/)
  await get(`/workspaces/${workspace}?path=${path}none&ref=${path}`)
  assert.match(await get(`/workspaces/${workspace}/commits/${commit}`), /A &lt;b&gt;change/)
})

test('a job’s page shows what it changed and what it left, and a press cancels it or asks again, once', async () => {
  await using web = await openWeb()
  const { who, cookie } = await web.person('ada')
  const asked = await web.intake.submit(who, { prompt: 'a' }, { key: 'k', at: web.now().toISOString() })
  assert.ok(asked.ok)
  const { _id, workspace } = asked.value
  const post = (path: string, fields: Record<string, string> = {}) =>
    web.app.request(path, {
      method: 'POST',
      headers: {
        ...cookie,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: String(new URLSearchParams(fields)),
    })
  const base = (await web.repos.resolve(workspace, 'main')) ?? ''
  const commit = await web.commit(workspace, { 'a.txt': 'one\n' })
  await web.happen(_id, { type: 'committed', branch: `jobs/${_id}`, commit, base, files: ['a.txt'] })
  assert.equal((await post(`/jobs/${_id}/cancel`)).headers.get('location'), `/jobs/${_id}`)
  const page = await (await web.app.request(`/jobs/${_id}`, { headers: cookie })).text()
  assert.match(page, /<span class="badge cancelled">.*<span class="added">\+one/s)
  const again = await Promise.all([1, 2].map(() => post(`/jobs/${_id}/retry`, { key: 'k1' })))
  const [first, second] = again.map(response => response.headers.get('location'))
  assert.match(first ?? '', /^\/jobs\/\w+$/)
  assert.equal(first, second)
  assert.notEqual(first, `/jobs/${_id}`)
  assert.equal((await post(`/jobs/${_id}/retry`)).status, 400)
})

test('a workspace is made by its form, and what is wrong with the name is said on a page', async () => {
  await using web = await openWeb()
  const { cookie } = await web.person('ada')
  const make = (name: string) =>
    web.app.request('/workspaces', {
      method: 'POST',
      headers: {
        ...cookie,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: String(new URLSearchParams({ name, visibility: 'private' })),
    })
  const made = await make('shop')
  assert.equal(made.status, 303)
  const page = await web.app.request(made.headers.get('location') ?? '', { headers: cookie })
  assert.match(await page.text(), /<h1><a [^>]*>shop<\/a><\/h1>.*No files yet/s)
  const refused = await make('<b>')
  assert.equal(refused.status, 400)
  assert.match(await harmless(refused), /The name &quot;&lt;b&gt;&quot; cannot be used/)
})

test('the files that pages load are all there, and are not sent twice', async () => {
  await using web = await openWeb()
  const page = await (await web.app.request('/login')).text()
  const paths = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '')
  assert.ok(paths.length >= 5)
  for (const path of paths) {
    const first = await web.app.request(path)
    assert.equal(first.status, 200, path)
    assert.match(first.headers.get('content-type') ?? '', /^(text\/(css|javascript)|image\/svg\+xml)/)
    const headers = { 'if-none-match': first.headers.get('etag') ?? '' }
    assert.equal((await web.app.request(path, { headers })).status, 304)
  }
  for (const path of ['/assets/none.js', '/assets/constructor', '/assets/..%2fapp.ts'])
    assert.equal((await web.app.request(path)).status, 404, path)
})
