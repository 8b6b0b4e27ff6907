import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Agent, request } from 'undici'
import type { OpenGateway } from './gateway/trial.contract.ts'
import { grants, openTrial } from './gateway/trial.contract.ts'
import { gatewayContract } from './gateway.contract.ts'
import { serveGateway } from './gateway-door.ts'
import { openGateway } from './local-gateway.ts'
import { openRemoteGateway } from './remote-gateway.ts'

/** A gateway behind its socket: the runner's side, with the other side in this process too. */
const openServed: OpenGateway = parts => {
  const served = serveGateway({ folder: parts.folder, gateway: () => openGateway(parts), failed: () => {} })
  const remote = openRemoteGateway({ folder: parts.folder })
  return {
    ...remote,
    [Symbol.asyncDispose]: async () => {
      await remote[Symbol.asyncDispose]()
      await (await served)[Symbol.asyncDispose]()
    },
  }
}

gatewayContract('remote', openServed)

test('where no gateway is there it says what to look for, after waiting for one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'))
  await using remote = openRemoteGateway({ folder, patienceMs: 300 })
  const began = performance.now()
  await assert.rejects(remote.release('j1', 1), {
    name: 'NoGateway',
    message:
      'The gateway does not answer; is `start gateway` running on this host with the same GATEWAY_FOLDER?',
  })
  assert.ok(performance.now() - began >= 300)
  await rm(folder, { recursive: true })
})

test('disposing ends the wait for a gateway', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'))
  const remote = openRemoteGateway({ folder, patienceMs: 60_000 })
  const waiting = assert.rejects(remote.release('j1', 1), { name: 'AbortError' })
  await remote[Symbol.asyncDispose]()
  await waiting
  await rm(folder, { recursive: true })
})

test('two runners share a gateway, and one that goes leaves the sockets of both', async () => {
  await using trial = await openTrial(openServed)
  const folder = join(trial.root, 'gateways')
  const other = openRemoteGateway({ folder })
  const mine = await trial.admit()
  const theirs = await other.admit({ job: 'j2', attempt: 1, grants })
  await other[Symbol.asyncDispose]()
  assert.equal((await mine.ask('/files/f1')).statusCode, 200)
  await stat(join(theirs.folder, 'gateway.sock'))
  await trial.gateway.release('j2', 1)
  await assert.rejects(stat(theirs.folder), { code: 'ENOENT' })
})

test('what is no admission is refused before it becomes a path', async () => {
  await using trial = await openTrial(openServed)
  const wrong = [{ job: '../j1' }, { job: '' }, { attempt: -1 }, { attempt: 1.5 }]
  for (const part of wrong)
    await assert.rejects(
      trial.gateway.admit({ job: 'j1', attempt: 1, grants, ...part }),
      /^Error: This is no admission\.$/,
    )
  await assert.rejects(trial.gateway.release('../repos', 1), /^Error: This is no attempt\.$/)
  const socketPath = join(trial.root, 'gateways', 'control.sock')
  const dispatcher = new Agent({ connect: { socketPath } })
  const get = await request('http://gateway.local/admit', { dispatcher })
  assert.equal(get.statusCode, 404)
  const odd = await request('http://gateway.local/admit', { method: 'POST', body: '{', dispatcher })
  assert.equal(odd.statusCode, 400)
  await dispatcher.destroy()
})

test('a folder too far down for the socket is refused with a sentence that names the setting', () => {
  assert.throws(() => openRemoteGateway({ folder: `/${'x'.repeat(120)}` }), /set GATEWAY_FOLDER to a shorter/)
})
