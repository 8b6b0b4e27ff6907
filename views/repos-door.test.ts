import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRemoteRepos } from '../store/remote-repos.ts'
import { openClone } from '../test/git-client.ts'
import { openWeb } from '../test/web.ts'
import { serveApp } from './serve.ts'

const token = 'what the roles know each other by'

test('the repositories are open to the other roles without a login, for pushes of any size', async () => {
  await using web = await openWeb({ reposToken: token })
  const served = await serveApp(web.app, { port: 0, host: '127.0.0.1' })
  await using repos = openRemoteRepos({ url: served.url, token })
  await repos.create('shop')
  {
    await using clone = await openClone(repos, 'shop')
    const content = Buffer.from(Array.from({ length: 3_000_000 }, () => Math.random() * 256))
    await clone.commit({ 'a.bin': content })
    await clone.push('main')
    assert.ok((await web.repos.blob('shop', 'main', 'a.bin'))?.content.equals(content))
  }
  await served.close()
})

test('without a token of the installation, the repositories are open to nobody', async () => {
  await using web = await openWeb()
  const { bearer } = await web.person('ada', 'admin')
  for (const headers of [bearer, { authorization: 'Bearer undefined' }, { authorization: 'Bearer ' }]) {
    const answer = await web.app.request('/internal/repos/resolve', {
      method: 'POST',
      headers,
      body: '["shop","main"]',
    })
    assert.notEqual(answer.status, 200)
  }
  const served = await serveApp(web.app, { port: 0, host: '127.0.0.1' })
  await using repos = openRemoteRepos({ url: served.url, token })
  await assert.rejects(repos.resolve('shop', 'main'), /does not open its repositories to this process/)
  await served.close()
})

test('a person’s own token does not open the repositories, and a wrong question says what is wrong', async () => {
  await using web = await openWeb({ reposToken: token })
  const { bearer } = await web.person('ada', 'admin')
  assert.equal((await web.app.request('/internal/repos/', { headers: bearer })).status, 401)
  const ask = (path: string, body: string) =>
    web.app.request(`/internal/repos/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body,
    })
  assert.equal((await ask('resolve', '["shop"]')).status, 500)
  assert.equal((await ask('resolve', '{')).status, 500)
  assert.equal((await ask('serve', '[]')).status, 404)
  assert.equal((await ask('constructor', '[]')).status, 404)
  const unknown = await ask('resolve', '["shop","main"]')
  assert.equal(unknown.status, 422)
  assert.deepEqual(await unknown.json(), { name: 'Unknown', message: 'There is no repository shop.' })
})
