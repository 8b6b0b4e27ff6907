import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWeb } from '../../test/web.ts'

const json = { 'content-type': 'application/json' }

/** What these tests read of the bodies that the API answers with. */
interface Body {
  readonly id: string
  readonly name: string
  readonly prompt: string
  readonly message: string
  readonly state: string
  readonly retryOf?: string
  readonly continues?: string
  readonly items: readonly Body[]
  readonly next?: string
  readonly engines: readonly { readonly why?: string }[]
  readonly status: number
  readonly type: string
  readonly detail: string
  readonly field?: string
}

const answer = async (response: Response) => ({
  status: response.status,
  type: response.headers.get('content-type'),
  body: (await response.json()) as Body,
})

test('a job that is asked for is accepted, listed, shown, cancelled and asked for again', async () => {
  await using web = await openWeb()
  const { bearer } = await web.person('ada')
  const call = (path: string, body?: unknown) =>
    web.app.request(`/api/v1${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...bearer, ...json },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const asked = await answer(await call('/jobs', { prompt: 'fix it', priority: 7, budgetUsd: 1.5 }))
  assert.equal(asked.status, 202)
  const { id } = asked.body
  assert.deepEqual(
    { ...asked.body, id: '', workspace: '', createdAt: '' },
    {
      ...{ id: '', workspace: '', createdAt: '', state: 'queued', agent: 'script', prompt: 'fix it' },
      ...{ requester: 'ada', priority: 7, costUsd: 0, budgetUsd: 1.5, runs: 0 },
      tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    },
  )
  assert.deepEqual((await answer(await call('/jobs'))).body.items, [asked.body])
  assert.deepEqual((await answer(await call(`/jobs/${id}`))).body, asked.body)
  assert.equal((await answer(await call(`/jobs/${id}/retry`, {}))).status, 409)
  assert.equal((await answer(await call(`/jobs/${id}/cancel`, {}))).body.state, 'cancelled')
  const again = await answer(await call(`/jobs/${id}/retry`, {}))
  assert.deepEqual([again.status, again.body.retryOf], [202, id])
  const said = await answer(await call(`/jobs/${id}/say`, { text: 'and this' }))
  assert.deepEqual([said.status, said.body.continues, said.body.prompt], [202, id, 'and this'])
  const first = (await answer(await call('/jobs?limit=2'))).body
  assert.equal(first.items.length, 2)
  const { items: rest } = (await answer(await call(`/jobs?limit=2&after=${first.next}`))).body
  assert.deepEqual(
    rest.map(job => job.id),
    [id],
  )
  assert.equal((await answer(await call('/jobs?state=cancelled'))).body.items[0]?.id, id)
  assert.equal((await answer(await call('/jobs?state=lost'))).body.field, 'state')
})

test('one idempotency key makes one job, for its own sender', async () => {
  await using web = await openWeb()
  const [ada, bob] = [await web.person('ada'), await web.person('bob')]
  const ask = async (headers: Record<string, string>) => {
    const init = { method: 'POST', headers: { ...headers, ...json, 'idempotency-key': 'k1' } }
    const response = await web.app.request('/api/v1/jobs', { ...init, body: '{"prompt":"once"}' })
    return (await answer(response)).body.id
  }
  const ids = await Promise.all([ask(ada.bearer), ask(ada.bearer), ask(ada.bearer)])
  assert.equal(new Set(ids).size, 1)
  assert.notEqual(await ask(bob.bearer), ids[0])
})

test('what cannot be used is refused with the field at fault, and no job is left behind', async () => {
  await using web = await openWeb()
  const { bearer } = await web.person('ada')
  const cases: readonly (readonly [body: string, status: number, field: string | undefined])[] = [
    ['{"prompt":', 400, undefined],
    ['[]', 400, undefined],
    ['{}', 400, 'prompt'],
    ['{"prompt":7}', 400, 'prompt'],
    ['{"prompt":"a","colour":"red"}', 400, 'colour'],
    ['{"prompt":"a","files":["x",7]}', 400, 'files.1'],
    ['{"prompt":"a","priority":99}', 400, 'priority'],
    ['{"prompt":"a","budgetUsd":-1}', 400, 'budgetUsd'],
    ['{"prompt":"a","agent":"nobody"}', 400, 'agent'],
    ['{"prompt":"a","workspace":"nowhere"}', 404, 'workspace'],
    [JSON.stringify({ prompt: 'a'.repeat(50_001) }), 400, 'prompt'],
  ]
  for (const [body, status, field] of cases) {
    const refused = await answer(
      await web.app.request('/api/v1/jobs', { method: 'POST', headers: { ...bearer, ...json }, body }),
    )
    const name = body.slice(0, 60)
    assert.equal(refused.status, status, name)
    assert.equal(refused.type, 'application/problem+json', name)
    assert.equal(refused.body.field, field, name)
    assert.match(refused.body.detail, /^[A-Z].*[.`]$/s, name)
    assert.deepEqual([refused.body.status, refused.body.type], [status, 'about:blank'], name)
  }
  assert.equal(await web.store.count('jobs', {}), 0)
})

test('a body of 2 MB is refused by its announced length and by its real one', async () => {
  await using web = await openWeb()
  const { bearer } = await web.person('ada')
  const body = JSON.stringify({ prompt: 'a'.repeat(2_000_000) })
  const announced = { ...bearer, ...json, 'content-length': String(body.length) }
  for (const headers of [announced, { ...bearer, ...json, 'transfer-encoding': 'chunked' }]) {
    const refused = await answer(await web.app.request('/api/v1/jobs', { method: 'POST', headers, body }))
    assert.equal(refused.status, 413)
    assert.match(refused.body.detail, /1 MB/)
  }
})

test('what is missing and what is somebody else’s answer 404 alike', async () => {
  await using web = await openWeb()
  const [ada, eve] = [await web.person('ada'), await web.person('eve', 'member', 'slack:T9')]
  const made = await web.app.request('/api/v1/workspaces', {
    method: 'POST',
    headers: { ...ada.bearer, ...json },
    body: '{"name":"own","visibility":"private"}',
  })
  assert.equal(made.status, 201)
  const ask = {
    method: 'POST',
    headers: { ...ada.bearer, ...json },
    body: '{"prompt":"a","workspace":"own"}',
  }
  const { id } = (await answer(await web.app.request('/api/v1/jobs', ask))).body
  for (const path of ['', '/diff', '/events']) {
    const [foreign, missing] = await Promise.all(
      [id, id.replace(/.$/, 'x')].map(async one =>
        answer(await web.app.request(`/api/v1/jobs/${one}${path}`, { headers: eve.bearer })),
      ),
    )
    assert.equal(foreign?.status, 404)
    assert.equal(
      JSON.stringify(foreign).replaceAll(id, ''),
      JSON.stringify(missing).replaceAll(id.replace(/.$/, 'x'), ''),
    )
  }
  assert.equal((await web.app.request('/api/v1/workspaces/own', { headers: eve.bearer })).status, 404)
  assert.equal((await web.app.request('/api/v1/nothing', { headers: eve.bearer })).status, 404)
})

test('a viewer who asks for a job is refused with a sentence', async () => {
  await using web = await openWeb()
  const { bearer } = await web.person('vic', 'viewer')
  const init = { method: 'POST', headers: { ...bearer, ...json }, body: '{"prompt":"a"}' }
  const refused = await answer(await web.app.request('/api/v1/jobs', init))
  assert.equal(refused.status, 403)
  assert.match(refused.body.detail, /admin/)
})

test('a workspace gives its tree, its history, and files that no browser takes for a page', async () => {
  await using web = await openWeb()
  const { bearer } = await web.person('ada')
  const init = { method: 'POST', headers: { ...bearer, ...json }, body: '{"name":"shop"}' }
  const { id } = (await answer(await web.app.request('/api/v1/workspaces', init))).body
  const get = (path: string) => web.app.request(`/api/v1/workspaces/shop${path}`, { headers: bearer })
  const evil = '<script>alert(1)</script>'
  await web.commit(id, {
    'evil.html': evil,
    'evil.svg': `<svg xmlns="http://www.w3.org/2000/svg">${evil}</svg>`,
    'sub/ü b#?.txt': 'text',
    'blob.bin': Buffer.from([0, 1, 2]),
  })
  const tree = (await answer(await get('/tree'))).body.items
  assert.deepEqual(
    tree.map(({ name }) => name),
    ['sub', 'blob.bin', 'evil.html', 'evil.svg'],
  )
  for (const name of ['evil.html', 'evil.svg']) {
    const file = await get(`/files/${name}`)
    assert.equal(file.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(file.headers.get('x-content-type-options'), 'nosniff')
    assert.match(file.headers.get('content-security-policy') ?? '', /^sandbox; default-src 'none'$/)
  }
  assert.equal(await (await get(`/files/sub/${encodeURIComponent('ü b#?.txt')}?ref=main`)).text(), 'text')
  const binary = await get('/files/blob.bin')
  assert.equal(binary.headers.get('content-type'), 'application/octet-stream')
  assert.match(binary.headers.get('content-disposition') ?? '', /^attachment/)
  assert.deepEqual([...new Uint8Array(await binary.arrayBuffer())], [0, 1, 2])
  const history = (await answer(await get('/history?limit=1'))).body
  assert.equal(history.items[0]?.message.trim(), 'A <b>change</b>')
  const rest = (await answer(await get(`/history?limit=1&after=${history.next}`))).body
  assert.equal(rest.items.length, 1)
  for (const path of [
    '/files/none',
    '/tree?path=none',
    '/tree?ref=none',
    '/files/..%2f..%2fetc',
    '/tree?ref=--all',
  ])
    assert.equal((await get(path)).status, 404, path)
})

test('a diff is the patch as git prints it, from where the work left main', async () => {
  await using web = await openWeb()
  const { bearer, who } = await web.person('ada')
  const cause = { key: 'k', at: web.now().toISOString() }
  const asked = await web.intake.submit(who, { prompt: 'a' }, cause)
  assert.ok(asked.ok)
  const { _id, workspace } = asked.value
  const base = (await web.repos.resolve(workspace, 'main')) ?? ''
  const commit = await web.commit(workspace, { 'a.txt': 'one\n' })
  await web.happen(_id, { type: 'committed', branch: `jobs/${_id}`, commit, base, files: ['a.txt'] })
  const diff = await web.app.request(`/api/v1/jobs/${_id}/diff`, { headers: bearer })
  assert.match(diff.headers.get('content-type') ?? '', /^text\/plain/)
  assert.match(await diff.text(), /^diff --git a\/a\.txt b\/a\.txt\nnew file mode 100644\n[\s\S]*\n\+one\n$/)
})

test('an upload comes back as it was, as a download, to who may see it', async () => {
  await using web = await openWeb()
  const [ada, eve] = [await web.person('ada'), await web.person('eve', 'member', 'slack:T9')]
  const post = (query: string, body: string | Uint8Array<ArrayBuffer>) =>
    web.app.request(`/api/v1/files${query}`, {
      method: 'POST',
      headers: { ...ada.bearer, 'content-type': 'text/html' },
      body,
    })
  const stored = await answer(await post('?name=..%2Fa%20"b".html', '<script>'))
  assert.deepEqual({ ...stored.body, id: '' }, { id: '', name: 'a "b".html', bytes: 8, mime: 'text/html' })
  const file = await web.app.request(`/api/v1/files/${stored.body.id}`, { headers: ada.bearer })
  assert.equal(await file.text(), '<script>')
  assert.equal(file.headers.get('content-type'), 'application/octet-stream')
  assert.equal(file.headers.get('content-disposition'), `attachment; filename*=UTF-8''a%20%22b%22.html`)
  assert.equal(
    (await web.app.request(`/api/v1/files/${stored.body.id}`, { headers: eve.bearer })).status,
    404,
  )
  assert.deepEqual((await answer(await post('', 'x'))).body.field, 'name')
  const large = await answer(await post('?name=a', new Uint8Array(26 * 1024 * 1024)))
  assert.equal(large.status, 413)
  assert.match(large.body.detail, /25 MB/)
})

test('what is said in a conversation is in the inbox before it is accepted, once for one key', async () => {
  await using web = await openWeb()
  const [ada, bob] = [await web.person('ada'), await web.person('bob')]
  const post = (path: string, text: string, headers: Record<string, string>) =>
    web.app.request(`/api/v1/conversations${path}`, {
      method: 'POST',
      headers: { ...headers, ...json },
      body: JSON.stringify({ text }),
    })
  const first = await answer(await post('', 'hello', { ...ada.bearer, 'idempotency-key': 'k' }))
  assert.equal(first.status, 202)
  const { id } = first.body
  assert.equal((await answer(await post('', 'hello', { ...ada.bearer, 'idempotency-key': 'k' }))).body.id, id)
  assert.equal((await post(`/${id}/messages`, 'more', ada.bearer)).status, 202)
  assert.equal((await post(`/${id}/messages`, 'not mine', bob.bearer)).status, 404)
  const stored = await web.store.find('inbox', { where: { platform: 'web', state: 'new' }, by: 'receivedAt' })
  assert.deepEqual(
    stored.map(({ body }) => body),
    ['hello', 'more'].map(text => ({ user: 'ada', name: 'ada', conversation: id, text })),
  )
  const mine = await web.app.request(`/api/v1/conversations/${id}/messages`, { headers: ada.bearer })
  assert.deepEqual(await mine.json(), { items: [] })
  const theirs = await web.app.request(`/api/v1/conversations/${id}/messages`, { headers: bob.bearer })
  assert.equal(theirs.status, 404)
})

test('health needs no login, and readiness names what is not ready', async () => {
  await using web = await openWeb({
    ready: async () => [{ name: 'store', ok: false, why: 'The disk is full.' }],
  })
  assert.deepEqual(await (await web.app.request('/healthz')).json(), { ok: true, version: '1.2.3' })
  const ready = await answer(await web.app.request('/readyz'))
  assert.equal(ready.status, 503)
  assert.equal(ready.body.engines[0]?.why, 'The disk is full.')
})
