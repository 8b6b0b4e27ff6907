import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWeb } from '../../test/web.ts'

test('a workspace is asked for by the address of an upstream, and refused with the field at fault', async () => {
  await using web = await openWeb()
  const { bearer } = await web.person('ada')
  const ask = async (remoteUrl: unknown) => {
    const answer = await web.app.request('/api/v1/workspaces', {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'copy', remoteUrl }),
    })
    const { field, detail } = (await answer.json()) as { readonly field?: string; readonly detail?: string }
    return [answer.status, field, detail]
  }
  assert.deepEqual(await ask('https://github.com/owner/name'), [
    400,
    'remoteUrl',
    'Repositories elsewhere cannot be reached from here.',
  ])
  for (const bad of ['file:///etc', 'https://me@github.com/a/b', '', 7])
    assert.deepEqual((await ask(bad)).slice(0, 2), [400, 'remoteUrl'])
  assert.equal((await ask(undefined))[0], 201)
})
