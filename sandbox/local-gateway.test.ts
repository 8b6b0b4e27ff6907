import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LLMock } from '@copilotkit/aimock'
import { messages, openTrial } from './gateway/trial.contract.ts'
import { gatewayContract } from './gateway.contract.ts'
import { openGateway } from './local-gateway.ts'

gatewayContract('local', openGateway)

test('a stand-in of the model API that others wrote is understood and metered just as well', async () => {
  const api = new LLMock({ port: 0 })
  api.onMessage('hello', { content: 'Hi there!' })
  await api.start()
  await using stack = new AsyncDisposableStack()
  stack.defer(() => api.stop())
  await using trial = await openTrial(openGateway, {
    model: { baseUrl: api.url, headers: { 'x-api-key': 'k' } },
  })
  const { post } = await trial.admit()
  const headers = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' }
  const stream = await post(messages(), { headers })
  assert.match(await stream.body.text(), /event: message_start[\s\S]*event: message_stop/)
  const whole = await post(messages({ stream: false }), { headers })
  assert.match(await whole.body.text(), /Hi there!/)
  assert.equal(trial.metered.length, 2)
})
