import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../store/store.ts'
import { Unreachable } from '../store/store.ts'
import { openWeb } from '../test/web.ts'
import { openApp } from './app.ts'

/** The web of a house whose database was lost after `person` was known. */
const openAway = async () => {
  const web = await openWeb()
  const ada = await web.person('ada')
  const lost = async (): Promise<never> => {
    throw new Unreachable('The database has not answered for 5000 ms.')
  }
  const store: Store = { ...web.store, get: lost, put: lost, find: lost, count: lost, after: lost }
  return { ada, app: openApp({ ...web, store }), [Symbol.asyncDispose]: web[Symbol.asyncDispose] }
}

test('while the database is away the API answers 503 in a sentence, and when to come again', async () => {
  await using house = await openAway()
  const posted = { method: 'POST', body: '{"prompt":"x"}' }
  const headers = { ...house.ada.bearer, 'content-type': 'application/json' }
  for (const asked of [{ headers }, { ...posted, headers }]) {
    const answer = await house.app.request('/api/v1/jobs', asked)
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    assert.equal(answer.headers.get('retry-after'), '5')
    assert.match(
      ((await answer.json()) as { detail: string }).detail,
      /cannot reach its database.*try again/i,
    )
  }
})

test('a page says so too, and htmx says it in the notice of the page that asked', async () => {
  await using house = await openAway()
  const page = await house.app.request('/', { headers: house.ada.cookie })
  assert.equal(page.status, 503)
  assert.match(await page.text(), /<h1>Bellhop is out of reach<\/h1>.*cannot reach its database/s)
  const headers = { ...house.ada.cookie, 'hx-request': 'true' }
  const part = await house.app.request('/', { headers })
  assert.equal(part.headers.get('hx-retarget'), '#notice')
  assert.match(await part.text(), /cannot reach its database/)
})
