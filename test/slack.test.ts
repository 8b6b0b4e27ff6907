import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openTestSlack } from './slack.ts'

/** A server that answers with these statuses, one after another, and then with 200. */
const open = async (statuses: number[]) => {
  const seen: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers)
    request.resume()
    response.writeHead(statuses.shift() ?? 200).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('the stand-in sends an event again until it is acknowledged, and a command once', async () => {
  await using slack = await openTestSlack({ pausesMs: [0, 10, 10] })
  await using server = await open([500, 404])
  slack.sendTo(server.url)
  const { sent } = await slack.say({ text: 'hello' })
  assert.deepEqual([sent.status, sent.tries], [200, 3])
  assert.deepEqual(
    server.seen.map(headers => [headers['x-slack-retry-num'], headers['x-slack-retry-reason']]),
    [
      [undefined, undefined],
      ['1', 'http_error'],
      ['2', 'http_error'],
    ],
  )
  await using closed = await open([500])
  slack.sendTo(closed.url)
  const command = await slack.command({ text: 'help' })
  assert.deepEqual([command.status, command.tries], [500, 1])
})

test('the stand-in gives up on an event that nobody acknowledges', async () => {
  await using slack = await openTestSlack({ pausesMs: [0, 1] })
  slack.sendTo('http://127.0.0.1:1/')
  const { sent } = await slack.say({ text: 'hello' })
  assert.deepEqual([sent.status, sent.tries], [0, 3])
})
