import assert from 'node:assert/strict'
import { glob, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import type { OpenGateway } from './trial.contract.ts'
import { grants, messages, openTrial } from './trial.contract.ts'

export const admissionContract = (openGateway: OpenGateway): void => {
  describe('admission', () => {
    test('each attempt has a folder with nothing but a socket that every box may connect to', async () => {
      await using trial = await openTrial(openGateway)
      const { folder, socketPath } = await trial.admit()
      assert.deepEqual(await readdir(folder), ['gateway.sock'])
      const mode = async (path: string) => (await stat(path)).mode & 0o777
      assert.deepEqual(
        [await mode(dirname(folder)), await mode(folder), await mode(socketPath)],
        [0o711, 0o711, 0o666],
      )
    })

    test('a later attempt closes the socket of the earlier one, and an earlier one is not let in', async () => {
      await using trial = await openTrial(openGateway)
      const first = await trial.admit({}, 1)
      const second = await trial.admit({}, 2)
      await assert.rejects(first.ask('/files/f1'), { code: 'ENOENT' })
      await assert.rejects(trial.admit({}, 1), /Attempt 1 of job j1 comes after attempt 2/)
      assert.equal((await second.ask('/files/f1')).statusCode, 200)
      await trial.gateway.release('j1', 1)
      assert.equal((await second.ask('/files/f1')).statusCode, 200)
    })

    test('a released attempt leaves nothing, however often it is released', async () => {
      await using trial = await openTrial(openGateway)
      const { folder } = await trial.admit()
      await Promise.all([trial.gateway.release('j1', 1), trial.gateway.release('j1', 1)])
      await trial.gateway.release('j1', 1)
      assert.deepEqual(await everyFile(dirname(folder)), [])
    })

    test('what a killed server left is taken over by the same attempt, and removed by its release', async () => {
      await using trial = await openTrial(openGateway)
      const left = join(trial.root, 'gateways', 'j1-1')
      await mkdir(left, { recursive: true })
      await writeFile(join(left, 'gateway.sock'), '')
      const { ask } = await trial.admit()
      assert.equal((await ask('/files/f1')).statusCode, 200)
      await mkdir(join(trial.root, 'gateways', 'j2-1'))
      await trial.gateway.release('j2', 1)
      assert.deepEqual(await everyFile(dirname(left)), ['admitted/j1-1.json', 'j1-1/gateway.sock'])
    })

    test('sockets far down in long folders do not get in each other’s way', async () => {
      await using trial = await openTrial(openGateway)
      const folder = join(trial.root, 'x'.repeat(40))
      await using gateway = openGateway({ folder, doors: trial.doors })
      const [one, two, three] = ['one', 'two', 'three'].map(name => name.repeat(20)) as [
        string,
        string,
        string,
      ]
      await Promise.all([one, two].map(job => gateway.admit({ job, attempt: 1, grants })))
      await gateway.release(one, 1)
      await gateway.admit({ job: three, attempt: 1, grants })
      assert.deepEqual(
        (await everyFile(folder)).filter(file => file.endsWith('.sock')),
        [`${three}-1/gateway.sock`, `${two}-1/gateway.sock`],
      )
    })

    test('what is not there is told so, whatever the address looks like', async () => {
      await using trial = await openTrial(openGateway)
      const { ask, raw } = await trial.admit()
      for (const path of [
        '/',
        '/v1',
        '/git/other.git/info/refs',
        '/git/workspace.git',
        '//a.example/v1/messages',
      ]) {
        const answer = await ask(path)
        assert.equal(answer.statusCode, 404, path)
        assert.match(await answer.body.text(), /There is nothing here: the gateway has/)
      }
      const odd = await raw('GET http://[ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
      assert.match(await text(odd), /^HTTP\/1\.1 404 /)
      assert.deepEqual([trial.refused, trial.failures], [[], []])
    })

    test('fifty refusals of an attempt are told, and then that there were more', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit()
      for (let n = 0; n < 60; n++)
        await (await post(messages(), {}, `/v1/${'x'.repeat(300)}${n}`)).body.dump()
      assert.equal(trial.refused.length, 51)
      assert.equal(trial.refused[0]?.what.length, 200)
      assert.match(trial.refused[50]!.why, /left out/)
    })

    test('a door that fails is an answer to the box and a word to the server, and no more than that', async () => {
      await using trial = await openTrial(openGateway)
      const broken = new Error('secret detail')
      const failures: unknown[] = []
      await using gateway = openGateway({
        folder: join(trial.root, 'others'),
        doors: {
          ...trial.doors,
          readFile: () => Promise.reject(broken),
          metered: () => Promise.reject(broken),
        },
        model: { baseUrl: trial.anthropic.url, headers: {} },
        failed: error => failures.push(error),
      })
      const { ask, post } = await trial.admit({}, 1, gateway)
      const answer = await ask('/files/f1')
      assert.deepEqual(
        [answer.statusCode, await answer.body.text()],
        [500, 'The gateway failed at this request.\n'],
      )
      await (await post(messages())).body.dump()
      await gateway.release('j1', 1)
      assert.deepEqual(failures, [broken, broken])
    })
  })
}

/** The files below a gateway's folder, besides what the gateway keeps for itself as a whole. */
const everyFile = async (folder: string) => (await Array.fromAsync(glob('*/*', { cwd: folder }))).sort()
