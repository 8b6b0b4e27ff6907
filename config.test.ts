import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Role } from './config.ts'
import { BadConfig, readConfig } from './config.ts'

test('an empty environment gives the defaults, and they cannot be changed', () => {
  const config = readConfig({})
  assert.equal(config.port, 8080)
  assert.equal(config.data, '.bellhop')
  assert.equal(config.sandbox, 'auto')
  assert.equal(config.model, undefined)
  assert.ok(Object.isFrozen(config))
})

const bad: readonly [Record<string, string>, RegExp][] = [
  [{ PORT: '99999' }, /^PORT is "99999"; it takes a port/],
  [{ SANDBOX: 'chroot' }, /^SANDBOX is "chroot"; it takes auto, docker, bubblewrap or process/],
  [{ RUNNER_CONCURRENCY: '0' }, /^RUNNER_CONCURRENCY/],
  [{ DEFAULT_ROLE: 'king' }, /^DEFAULT_ROLE is "king"; it takes admin, member or viewer/],
  [{ PUBLIC_URL: 'hop.example.com' }, /^PUBLIC_URL.*https:\/\//],
  [
    { SLACK_BOT_TOKEN: 'xoxb-1' },
    /SLACK_SIGNING_SECRET and SLACK_APP_TOKEN are not\. Set SLACK_SIGNING_SECRET \(copy it/,
  ],
  [{ SLACK_SIGNING_SECRET: 's' }, /SLACK_BOT_TOKEN is not\. Set SLACK_BOT_TOKEN \(copy/],
  [{ SLACK_APP_TOKEN: 'xapp-1' }, /SLACK_BOT_TOKEN is not/],
  [{ DISCORD_TOKEN: 't' }, /DISCORD_APPLICATION_ID is not/],
  [{ MONGODB_URL: 'mongodb://127.0.0.1/bellhop' }, /REDIS_URL is not.*set both or neither/],
  [{ REDIS_URL: 'redis://127.0.0.1' }, /MONGODB_URL is not.*set both or neither/],
  [
    { MONGODB_URL: 'http://127.0.0.1', REDIS_URL: 'redis://127.0.0.1' },
    /^MONGODB_URL is set to something else; .*such as MONGODB_URL=mongodb:/,
  ],
  [{ BELLHOP_SECRET_KEY: 'short' }, /^BELLHOP_SECRET_KEY.*at least 32 characters/],
]
for (const [environment, sentence] of bad)
  test(`${Object.keys(environment)[0]} that cannot be used is refused by a sentence that names it and the way out`, () => {
    assert.throws(
      () => readConfig(environment),
      (error: Error) => error instanceof BadConfig && sentence.test(error.message),
    )
  })

test('a replica set is a database too, and a refusal repeats no secret', () => {
  const several = { MONGODB_URL: 'mongodb://u:pw@h1:27017,h2:27017/b?replicaSet=rs0', REDIS_URL: 'redis://h' }
  assert.equal(readConfig(several).shared?.mongodbUrl, several.MONGODB_URL)
  for (const name of ['BELLHOP_SECRET_KEY', 'MONGODB_URL', 'REDIS_URL'])
    assert.throws(
      () => readConfig({ ...several, [name]: 'hunter2' }),
      (error: Error) => error.message.startsWith(name) && !error.message.includes('hunter2'),
    )
})

test('a role that runs apart names the first variable it misses, and has a port of its own', () => {
  const shared = { MONGODB_URL: 'mongodb://127.0.0.1/b', REDIS_URL: 'redis://127.0.0.1' }
  const refused = (role: Role, environment: Record<string, string>, sentence: RegExp) =>
    assert.throws(() => readConfig(environment, role), sentence)
  refused('runner', {}, /A runner that runs apart needs MONGODB_URL: a MongoDB address, such as/)
  refused('web', shared, /needs BELLHOP_SECRET_KEY: at least 32/)
  const keyed = { ...shared, BELLHOP_SECRET_KEY: 'k'.repeat(32) }
  refused('bot', keyed, /needs WEB_URL: .*WEB_URL=http/)
  refused('gateway', { ...keyed, WEB_URL: 'http://127.0.0.1:8080' }, /needs GATEWAY_FOLDER/)
  assert.equal(readConfig(keyed, 'web').port, 8080)
  assert.equal(readConfig({ ...keyed, WEB_URL: 'http://127.0.0.1:8080/' }, 'runner').port, 8082)
})

test('an API key goes before a subscription, and both become headers', () => {
  const both = readConfig({ ANTHROPIC_API_KEY: 'k', CLAUDE_CODE_OAUTH_TOKEN: 't' })
  assert.deepEqual(both.model?.headers, { 'x-api-key': 'k' })
  const token = readConfig({ CLAUDE_CODE_OAUTH_TOKEN: 't', ANTHROPIC_BASE_URL: 'http://127.0.0.1:1/' })
  assert.equal(token.model?.headers.authorization, 'Bearer t')
  assert.equal(token.model?.baseUrl, 'http://127.0.0.1:1')
})
