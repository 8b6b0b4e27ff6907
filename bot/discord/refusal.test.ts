import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { asked } from './refusal.ts'
import { openRest } from './rest.ts'

test('an error that goes into a log holds neither what was sent nor the token of an interaction', async () => {
  const server = createServer((_, response) => response.writeHead(502).end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const rest = openRest({ token: 't', apiUrl: `http://127.0.0.1:${port}/api`, rejects: true })
  const call = () =>
    rest.patch('/webhooks/1/SECRETTOKEN/messages/@original', { body: { content: 'SECRETLINK' } })
  const error = await asked(call).catch((thrown: unknown) => thrown)
  server.close()
  assert.ok(error instanceof Error)
  const told = JSON.stringify({ ...error, stack: error.stack, message: error.message })
  assert.doesNotMatch(told, /SECRET/)
  assert.match(told, /502/)
})
