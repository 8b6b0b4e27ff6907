import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openWeb, readEvents } from '../test/web.ts'
import { serveApp } from './serve.ts'

const here = { port: 0, host: '127.0.0.1' }

/** A served web with one job. */
const openJob = async () => {
  await using opening = new AsyncDisposableStack()
  const web = opening.use(await openWeb())
  const { who, bearer } = await web.person('ada')
  const asked = await web.intake.submit(who, { prompt: 'a' }, { key: 'k', at: web.now().toISOString() })
  assert.ok(asked.ok)
  const job = asked.value._id
  const server = await serveApp(web.app, here)
  opening.defer(server.close)
  const opened = opening.move()
  const events = (headers: Record<string, string> = {}, query = '') =>
    fetch(`${server.url}/api/v1/jobs/${job}/events${query}`, {
      headers: { ...bearer, accept: 'text/event-stream', ...headers },
    })
  return { web, server, job, bearer, events, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
const say = (text: string) => ({ type: 'said', text }) as const
const end = { type: 'ended', outcome: 'succeeded', reason: 'done', summary: 'Done.' } as const

test('events come as they happen, each with its number, and the stream ends with the job', async () => {
  await using at = await openJob()
  const response = await at.events()
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const seen: unknown[] = []
  for await (const { id, data = '' } of readEvents(response)) {
    const { seq, type, text } = JSON.parse(data)
    assert.equal(String(seq), id)
    seen.push([seq, type, text])
    if (seq === 1) await at.web.happen(at.job, say('one\n\ndata: two'))
    if (seq === 2) await at.web.happen(at.job, say('three'), end)
  }
  assert.deepEqual(seen, [
    [1, 'queued', undefined],
    [2, 'said', 'one\n\ndata: two'],
    [3, 'said', 'three'],
    [4, 'ended', undefined],
  ])
})

test('a stream that is taken up again goes on behind the last number seen, and after the end it stays away', async () => {
  await using at = await openJob()
  await at.web.happen(at.job, say('two'), say('three'), end)
  const seqs = async (response: Response) => {
    const ids: string[] = []
    for await (const { id } of readEvents(response)) ids.push(id ?? '')
    return ids
  }
  assert.deepEqual(await seqs(await at.events({}, '?after=2')), ['3', '4'])
  assert.deepEqual(await seqs(await at.events({ 'last-event-id': '3' }, '?after=1')), ['4'])
  assert.equal((await at.events({ 'last-event-id': '4' })).status, 204)
})

test('a job’s page gets each batch as rows and its status beside them, and a farewell', async () => {
  await using at = await openJob()
  const response = await fetch(`${at.server.url}/jobs/${at.job}/log?after=0`, { headers: at.bearer })
  const seen: string[] = []
  for await (const { event = '', data = '' } of readEvents(response)) {
    if (seen.length === 0) await at.web.happen(at.job, say('**bold**'), end)
    seen.push(event || data)
  }
  assert.match(
    seen[0] ?? '',
    /<li id="e1" class="queued">.*<hx-partial hx-target="#status".*>queued<\/span>/s,
  )
  assert.match(seen[1] ?? '', /<strong>bold<\/strong>.*<li id="e3" class="ended">.*>succeeded<\/span>/s)
  assert.deepEqual(seen.slice(2), ['ended'])
})

test('closing ends the streams and resolves, and nothing listens afterwards', async () => {
  await using at = await openJob()
  const response = await at.events()
  const reading = Array.fromAsync(readEvents(response))
  const before = Date.now()
  await at.server.close()
  assert.equal((await reading).length, 1)
  assert.ok(Date.now() - before < 2500, 'it did not have to be cut')
  await assert.rejects(fetch(at.server.url))
})

test('a port that is taken is refused with a sentence that says what to do', async () => {
  await using web = await openWeb()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const expected = `Port ${port} on 127.0.0.1 is in use by another program; stop that one or choose another port with PORT=8081.`
  await assert.rejects(serveApp(web.app, { port, host: '127.0.0.1' }), {
    name: 'NoAddress',
    message: expected,
  })
  other.close()
})
