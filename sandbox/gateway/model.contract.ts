import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { openAnthropic, says } from '../../test/anthropic.ts'
import { messageOf, sse } from '../../test/anthropic-message.ts'
import type { OpenGateway } from './trial.contract.ts'
import { key, messages, openTrial } from './trial.contract.ts'

const hello = { type: 'text', text: 'Hello.' } as const
const noTokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }

/** What the error of a refused call says, in the shape that the API's clients know. */
const sentence = async (answer: { readonly body: { json(): Promise<unknown> } }) =>
  ((await answer.body.json()) as { readonly error: { readonly message: string } }).error.message

export const modelContract = (openGateway: OpenGateway): void => {
  describe('the model route', () => {
    test('puts the credentials in, and throws away what the box sends as such', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit()
      const headers = {
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
        'accept-encoding': 'gzip',
        authorization: 'Bearer of-the-box',
        'x-api-key': 'of-the-box',
        cookie: 'of=the-box',
        'x-forwarded-for': '10.0.0.1',
      }
      const answer = await post(messages(), { headers })
      assert.equal(await answer.body.text(), sse(messageOf('claude-opus-5-5', 0, [hello])).join(''))
      assert.equal(answer.headers['request-id'], 'req_0')
      const [asked] = trial.anthropic.requests
      assert.equal(asked?.path, '/v1/messages?beta=true')
      assert.deepEqual(asked?.body, messages())
      assert.equal(asked?.headers['x-api-key'], key)
      assert.equal(asked?.headers['anthropic-version'], '2023-06-01')
      assert.equal(asked?.headers['accept-encoding'], 'identity')
      assert.doesNotMatch(JSON.stringify(asked), /of-the-box|10\.0\.0\.1/)
    })

    test('a beta that the credentials need joins those that were asked for', async () => {
      await using elsewhere = await openAnthropic({ script: () => says('Hello.') })
      const credentials = { authorization: 'Bearer token', 'anthropic-beta': 'oauth-1' }
      await using trial = await openTrial(openGateway, {
        model: { baseUrl: elsewhere.url, headers: credentials },
      })
      const { post } = await trial.admit()
      const answer = await post(messages(), { headers: { 'anthropic-beta': 'tools-2' } })
      await answer.body.dump()
      assert.equal(elsewhere.requests[0]?.headers['anthropic-beta'], 'tools-2,oauth-1')
      assert.equal(elsewhere.requests[0]?.headers.authorization, 'Bearer token')
    })

    test('meters a stream once, by the API’s own count and the kind of its cache', async () => {
      const usage = {
        input_tokens: 10,
        cache_read_input_tokens: 200,
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
        output_tokens: 7,
      }
      await using trial = await openTrial(openGateway, { script: () => ({ content: [hello], usage }) })
      const { post } = await trial.admit()
      await (await post(messages({ model: 'claude-opus-5' }))).body.dump()
      const cost = 10 * 5 + 200 * 0.5 + 10 * 6.25 + 20 * 10 + 7 * 25
      const tokens = { input: 10, output: 7, cacheRead: 200, cacheWrite: 30 }
      assert.deepEqual(trial.metered, [{ model: 'claude-opus-5', tokens, cost: Math.ceil(cost) }])
    })

    test('meters an answer that is no stream, and counting tokens costs nothing', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit()
      const counted = await post(messages(), {}, '/v1/messages/count_tokens')
      assert.deepEqual(await counted.body.json(), { input_tokens: 100 })
      assert.equal(trial.metered.length, 0)
      const answer = await post(messages({ stream: false }))
      assert.deepEqual(await answer.body.json(), messageOf('claude-opus-5-5', 0, [hello]))
      assert.deepEqual(trial.metered[0]?.tokens, { ...noTokens, input: 1000, output: 50 })
    })

    test('passes a stream on as it comes, and meters what was seen when the client goes away', async () => {
      await using trial = await openTrial(openGateway, {
        script: () => ({ content: [hello], ending: 'hang' }),
      })
      const { post } = await trial.admit()
      const answer = await post(messages())
      const [first] = await once(answer.body, 'data')
      assert.match(String(first), /^event: message_start/)
      const metered = trial.nextMetered()
      answer.body.destroy()
      await metered
      assert.deepEqual(trial.metered[0]?.tokens, { ...noTokens, input: 1000, output: 1 })
      assert.equal(trial.metered.length, 1)
      assert.deepEqual(trial.failures, [])
    })

    test('a stream that the API breaks off breaks off for the box too, and what was seen is metered', async () => {
      await using trial = await openTrial(openGateway, {
        script: () => ({ content: [hello], ending: 'break' }),
      })
      const { post } = await trial.admit()
      const metered = trial.nextMetered()
      const answer = await post(messages())
      await assert.rejects(answer.body.text())
      await metered
      assert.deepEqual(trial.metered[0]?.tokens, { ...noTokens, input: 1000, output: 1 })
    })

    test('the API’s own errors come through with their status and headers', async () => {
      const busy = { status: 429, error: 'slow down', headers: { 'retry-after': '7' } }
      await using trial = await openTrial(openGateway, { script: () => busy })
      const { post } = await trial.admit()
      const answer = await post(messages())
      assert.equal(answer.statusCode, 429)
      assert.equal(answer.headers['retry-after'], '7')
      assert.equal(await sentence(answer), 'slow down')
      assert.deepEqual([trial.metered, trial.refused], [[], []])
    })

    test('an API that cannot be reached is an error in the API’s own shape', async () => {
      const nowhere = await openAnthropic({ script: () => 'hang' })
      await nowhere[Symbol.asyncDispose]()
      await using trial = await openTrial(openGateway, { model: { baseUrl: nowhere.url, headers: {} } })
      const { post } = await trial.admit()
      const answer = await post(messages())
      assert.equal(answer.statusCode, 502)
      assert.match(
        await sentence(answer),
        /^The model API cannot be reached from where Bellhop runs: ECONNREF/,
      )
      assert.equal(trial.failures.length, 1)
    })

    test('what would act past the box is refused with a sentence, and told once', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit()
      const bodies: [object, string, RegExp][] = [
        [
          { tools: [{ type: 'web_fetch_20260101', name: 'f' }] },
          'web_fetch_20260101',
          /runs at the model API/,
        ],
        [{ tools: [{ type: 'code_execution_20250825' }] }, 'code_execution_20250825', /cannot be used here/],
        [
          { mcp_servers: [{ type: 'url', url: 'https://a.example' }] },
          'mcp_servers',
          /reach out past this box/,
        ],
        [{ container: 'c1' }, 'container', /reach out past this box/],
      ]
      for (const [body, what, why] of bodies) {
        const answer = await post(messages(body))
        assert.equal(answer.statusCode, 403, what)
        assert.match(await sentence(answer), why)
        assert.equal(trial.refused.at(-1)?.what, what)
      }
      assert.equal(trial.refused.length, bodies.length)
      assert.equal(trial.anthropic.requests.length, 0)
    })

    test('a field that hides behind its double is not passed on', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit()
      const doubled = JSON.stringify(messages({ container: 'c1' })).replace(/}$/, ',"container":null}')
      await (await post(Readable.from([doubled]))).body.dump()
      assert.deepEqual(trial.anthropic.requests[0]?.body, messages({ container: null }))
    })

    test('tools that the client runs itself are let through', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit()
      const tools = [{ name: 'Bash' }, { type: 'custom', name: 'x' }, { type: 'bash_20250124', name: 'bash' }]
      const answer = await post(messages({ tools }))
      await answer.body.dump()
      assert.equal(answer.statusCode, 200)
    })

    test('no other path of the API can be reached, nor these by another method', async () => {
      await using trial = await openTrial(openGateway)
      const { ask, post } = await trial.admit()
      for (const path of ['/v1/files', '/v1/messages/batches', '/v1/messages/../files', '/v1/messages/'])
        assert.equal((await post(messages(), {}, path)).statusCode, 403, path)
      const answer = await ask('/v1/messages')
      assert.equal(answer.statusCode, 403)
      assert.match(await sentence(answer), /only \/v1\/messages and/)
      assert.equal(trial.refused.at(-1)?.what, 'GET /v1/messages')
      assert.equal(trial.anthropic.requests.length, 0)
    })

    test('what is no JSON, or no request, is told so', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit()
      const broken = await post(Readable.from(['{"model":']))
      assert.deepEqual([broken.statusCode, await sentence(broken)], [400, 'The request is not JSON.'])
      const odd = await post(messages({ tools: 'all' }))
      assert.deepEqual([odd.statusCode, await sentence(odd)], [400, 'The request is malformed at "tools".'])
    })

    test('a request past 32 MB is refused while it is still being sent', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit()
      const endless = Readable.from(
        (function* () {
          for (let sent = 0; sent < 40; sent++) yield Buffer.alloc(1024 * 1024, ' ')
        })(),
      )
      const answer = await post(endless)
      assert.equal(answer.statusCode, 413)
      assert.match(await sentence(answer), /larger than the 32 MB/)
    })

    test('past its budget an attempt is answered 402, with the sum', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit({ budget: 5000 })
      await (await post(messages())).body.dump()
      assert.equal(trial.metered[0]?.cost, 5000)
      const answer = await post(messages())
      assert.equal(answer.statusCode, 402)
      assert.match(
        await sentence(answer),
        /^The budget of this job is spent: \$0\.0050 of the \$0\.0050 it had/,
      )
      assert.equal(trial.anthropic.requests.length, 1)
      assert.equal(trial.refused.length, 1)
    })

    test('an attempt that is not its job’s any more is refused, and its call goes nowhere', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit()
      trial.pass(1)
      const answer = await post(messages())
      assert.equal(answer.statusCode, 403)
      assert.match(await sentence(answer), /^Attempt 1 is not this job's any more/)
      assert.equal(trial.anthropic.requests.length, 0)
      assert.deepEqual(
        trial.refused.map(({ route, what }) => [route, what]),
        [['model', '/v1/messages']],
      )
    })

    test('where no model is connected the sentence names the variable', async () => {
      await using trial = await openTrial(openGateway, { model: null })
      const { post } = await trial.admit()
      const answer = await post(messages())
      assert.equal(answer.statusCode, 403)
      assert.match(await sentence(answer), /set ANTHROPIC_API_KEY/)
    })

    test('a client may ask as it would ask a proxy, by the whole address', async () => {
      await using trial = await openTrial(openGateway)
      const { raw } = await trial.admit()
      const body = JSON.stringify(messages({ stream: false }))
      const answer = await raw(
        `POST http://gateway.local/v1/messages HTTP/1.1\r\nhost: gateway.local\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      )
      assert.match(await text(answer), /^HTTP\/1\.1 200 [\s\S]*"text":"Hello\."/)
    })

    test('leaving ends a call in flight, and resolves when it was metered', async () => {
      await using trial = await openTrial(openGateway, {
        script: () => ({ content: [hello], ending: 'hang' }),
      })
      const { post } = await trial.admit()
      const answer = await post(messages())
      await once(answer.body, 'data')
      const broken = assert.rejects(answer.body.text())
      await trial.gateway.release('j1', 1)
      assert.equal(trial.metered.length, 1)
      await broken
    })
  })
}
