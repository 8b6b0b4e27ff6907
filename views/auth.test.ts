import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offerLogin } from '../runner/logins.ts'
import { openWeb } from '../test/web.ts'

const sentenceOf = async (response: Response) => ((await response.json()) as { detail: string }).detail
const ours = { 'sec-fetch-site': 'same-origin' }

test('the API tells who is not known by a 401, and a page leads them to where that is told', async () => {
  await using web = await openWeb()
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { cookie: 'bellhop_session=wrong' }]) {
    const refused = await web.app.request('/api/v1/me', { headers })
    assert.equal(refused.status, 401)
    assert.equal(refused.headers.get('content-type'), 'application/problem+json')
  }
  assert.match(await sentenceOf(await web.app.request('/api/v1/me')), /\/hop web/)
  assert.equal((await web.app.request('/api/v1/jobs', { method: 'POST', body: '{}' })).status, 401)
  const page = await web.app.request('/jobs/x')
  assert.deepEqual([page.status, page.headers.get('location')], [303, '/login'])
})

test('a token and a session cookie both name the person', async () => {
  await using web = await openWeb()
  const { bearer, cookie } = await web.person('ada')
  for (const headers of [bearer, cookie])
    assert.deepEqual(await (await web.app.request('/api/v1/me', { headers })).json(), {
      id: 'ada',
      name: 'ada',
      roles: { web: 'member' },
    })
})

test('looking at a login link does not use it up, pressing its button does, once', async () => {
  await using web = await openWeb()
  await web.person('ada')
  const link = `/login/${await offerLogin(web.store, 'ada', web.now())}`
  for (let preview = 0; preview < 3; preview++) {
    const page = await web.app.request(link)
    assert.equal(page.headers.get('set-cookie'), null)
    assert.match(await page.text(), /<button/)
  }
  const pressed = await web.app.request(link, { method: 'POST', headers: ours })
  const cookie = pressed.headers.get('set-cookie') ?? ''
  assert.equal(pressed.status, 303)
  assert.match(cookie, /^bellhop_session=[\w-]{40,}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/)
  const me = await web.app.request('/api/v1/me', { headers: { cookie: cookie.split(';')[0] ?? '' } })
  assert.equal(me.status, 200)
  const again = await web.app.request(link, { method: 'POST', headers: ours })
  assert.equal(again.status, 410)
  assert.equal(again.headers.get('set-cookie'), null)
  assert.match(await again.text(), /has expired or was used before.*\/hop web/s)
})

test('a link that is too old is told so, with the way to a new one', async () => {
  await using web = await openWeb()
  await web.person('ada')
  const secret = await offerLogin(web.store, 'ada', new Date(Date.now() - 16 * 60_000))
  const late = await web.app.request(`/login/${secret}`, { method: 'POST', headers: ours })
  assert.equal(late.status, 410)
  assert.match(
    await late.text(),
    /has expired or was used before: each works once, within 15 minutes.*\/hop web/s,
  )
})

test('the cookie is for HTTPS alone where the page is', async () => {
  await using web = await openWeb({ publicUrl: () => 'https://hop.example.com' })
  await web.person('ada')
  const link = `/login/${await offerLogin(web.store, 'ada', web.now())}`
  const pressed = await web.app.request(link, { method: 'POST', headers: ours })
  assert.match(pressed.headers.get('set-cookie') ?? '', /; Secure/)
})

test('who logs out is not known any more', async () => {
  await using web = await openWeb()
  const { cookie } = await web.person('ada')
  const out = await web.app.request('/logout', { method: 'POST', headers: { ...cookie, ...ours } })
  assert.equal(out.headers.get('location'), '/login')
  assert.equal((await web.app.request('/api/v1/me', { headers: cookie })).status, 401)
})

test('what another site has a browser send with the cookie changes nothing', async () => {
  await using web = await openWeb()
  const { cookie, bearer } = await web.person('ada')
  const ask = async (headers: Record<string, string>) => {
    const init = {
      method: 'POST',
      body: '{"prompt":"a"}',
      headers: { 'content-type': 'text/plain', ...headers },
    }
    return (await web.app.request('/api/v1/jobs', init)).status
  }
  const elsewhere: readonly Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site', origin: 'http://localhost' },
    { origin: 'http://evil.example' },
    { origin: 'http://localhost.evil.example' },
    { origin: 'null' },
    {},
  ]
  for (const from of elsewhere) {
    assert.equal(await ask({ ...cookie, ...from }), 403, JSON.stringify(from))
    const out = await web.app.request('/logout', { method: 'POST', headers: { ...cookie, ...from } })
    assert.equal(out.status, 403)
  }
  assert.equal(await web.store.count('jobs', {}), 0)
  assert.equal(await ask({ ...cookie, ...ours }), 202)
  assert.equal(await ask({ ...cookie, origin: 'http://localhost' }), 202)
  assert.equal(await ask(bearer), 202)
})

test('a page loads nothing from elsewhere, runs nothing of its own text, and is framed by nobody', async () => {
  await using web = await openWeb()
  const { cookie } = await web.person('ada')
  for (const path of ['/login', '/', '/chat', '/workspaces', '/nothing']) {
    const page = await web.app.request(path, { headers: cookie })
    const policy = page.headers.get('content-security-policy') ?? ''
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
    ])
      assert.ok(policy.includes(rule), `${path}: ${rule}`)
    const text = await page.text()
    assert.doesNotMatch(
      text,
      /<script(?! src="\/assets\/[\w.-]+")|\son\w+=|style="|(src|href)="(https?:)?\/\//,
    )
  }
})
