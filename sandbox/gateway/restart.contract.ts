import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { until } from '../../test/house.ts'
import type { OpenGateway } from './trial.contract.ts'
import { messages, openTrial } from './trial.contract.ts'

const hello = { type: 'text', text: 'Hello.' } as const

export const restartContract = (openGateway: OpenGateway): void => {
  describe('a gateway that starts again', () => {
    test('ends its sockets but keeps their folders, and the next one has them at their places', async () => {
      await using trial = await openTrial(openGateway)
      const { folder, ask, socketPath } = await trial.admit()
      const { ino } = await stat(folder)
      await trial.gateway[Symbol.asyncDispose]()
      await assert.rejects(ask('/files/f1'), { code: /^(ENOENT|ECONNREFUSED)$/ })
      assert.deepEqual(await readdir(folder), [])
      await trial.again()
      assert.equal((await stat(folder)).ino, ino)
      assert.equal((await stat(socketPath)).mode & 0o777, 0o666)
      assert.equal(await (await ask('/files/f1')).body.text(), 'what was uploaded')
      assert.equal((await ask('/files/f9')).statusCode, 404)
    })

    test('counts on from what was spent, and no repeat gives more', async () => {
      await using trial = await openTrial(openGateway)
      const { post } = await trial.admit({ budget: 8000 })
      await (await post(messages())).body.dump()
      await trial.gateway[Symbol.asyncDispose]()
      const again = await trial.again()
      await trial.admit({ budget: 8000 }, 1, again)
      await (await post(messages())).body.dump()
      await trial.admit({ budget: 80_000 }, 1, again)
      const answer = await post(messages())
      assert.equal(answer.statusCode, 402)
      assert.match(await answer.body.text(), /is spent: \$0\.01 of the \$0\.0080 it had/)
      assert.equal(trial.anthropic.requests.length, 2)
    })

    test('a call waits for no more than the answer of what was spent, and is not made without it', async () => {
      await using trial = await openTrial(openGateway)
      let away = true
      const doors = {
        ...trial.doors,
        spent: async () => {
          if (away) throw new Error('The store is away.')
          return 4999
        },
      }
      const failures: unknown[] = []
      await using gateway = openGateway({
        folder: join(trial.root, 'others'),
        doors,
        model: { baseUrl: trial.anthropic.url, headers: {} },
        failed: error => failures.push(error),
      })
      const { post } = await trial.admit({ budget: 5000 }, 1, gateway)
      assert.equal((await post(messages())).statusCode, 500)
      assert.equal(trial.anthropic.requests.length, 0)
      away = false
      const answer = await post(messages())
      await answer.body.dump()
      assert.equal(answer.statusCode, 200)
      assert.equal((await post(messages())).statusCode, 402)
      assert.equal(failures.length, 1)
    })

    test('a repeat of an admission changes nothing, also in the middle of a call', async () => {
      await using trial = await openTrial(openGateway, {
        script: () => ({ content: [hello], ending: 'hang' }),
      })
      const { post, folder } = await trial.admit()
      const answer = await post(messages())
      await once(answer.body, 'data')
      const repeats = await Promise.all([1, 2, 3].map(() => trial.admit()))
      assert.deepEqual(
        repeats.map(repeat => repeat.folder),
        [folder, folder, folder],
      )
      assert.equal(answer.body.destroyed, false)
      assert.equal(trial.metered.length, 0)
      const broken = assert.rejects(answer.body.text())
      await trial.gateway.release('j1', 1)
      await broken
    })

    test('a socket that went away is opened again in the same folder', async () => {
      await using trial = await openTrial(openGateway)
      const { folder, socketPath } = await trial.admit()
      const { ino } = await stat(folder)
      await rm(socketPath)
      const { ask } = await trial.admit()
      assert.equal((await ask('/files/f1')).statusCode, 200)
      assert.equal((await stat(folder)).ino, ino)
    })

    test('releases what was released meanwhile, and what is no job’s attempt any more', async () => {
      await using trial = await openTrial(openGateway)
      const { folder } = await trial.admit()
      await trial.gateway.admit({ job: 'j2', attempt: 3, grants: { repository: '', push: '', files: [] } })
      await trial.gateway[Symbol.asyncDispose]()
      trial.pass(3, 'j2')
      const again = await trial.again()
      await until('the attempt that is past to be gone', async () => {
        const there = await readdir(dirname(folder))
        return there.includes('j1-1') && !there.includes('j2-3')
      })
      await again.release('j1', 1)
      assert.deepEqual(await readdir(join(dirname(folder), 'admitted')), [])
      assert.deepEqual(
        (await readdir(dirname(folder))).filter(name => name.startsWith('j')),
        [],
      )
    })

    test('releases an attempt that is over although nobody said so here', async () => {
      await using trial = await openTrial(openGateway)
      const { folder } = await trial.admit()
      trial.pass(1)
      await until('the attempt to be released', async () => {
        const there = [...(await readdir(dirname(folder))), ...(await readdir(join(folder, '../admitted')))]
        return !there.some(name => name.startsWith('j1-1'))
      })
    })

    test('where a job was admitted twice the later attempt has its socket', async () => {
      await using trial = await openTrial(openGateway)
      const { folder } = await trial.admit({}, 10)
      await trial.gateway[Symbol.asyncDispose]()
      const left = { job: 'j1', attempt: 9, grants: { repository: 'shop', push: 'r', files: [] } }
      await mkdir(join(dirname(folder), 'j1-9'))
      await writeFile(join(dirname(folder), 'admitted', 'j1-9.json'), JSON.stringify(left))
      await trial.again()
      assert.deepEqual(await readdir(join(dirname(folder), 'admitted')), ['j1-10.json'])
      assert.deepEqual(await readdir(folder), ['gateway.sock'])
      assert.equal((await readdir(dirname(folder))).includes('j1-9'), false)
    })

    test('an admission that cannot be read is passed over, and told', async () => {
      await using trial = await openTrial(openGateway)
      const { folder, ask } = await trial.admit()
      await trial.gateway[Symbol.asyncDispose]()
      const admitted = join(dirname(folder), 'admitted')
      assert.equal((await stat(admitted)).mode & 0o777, 0o700)
      assert.equal((await stat(join(admitted, 'j1-1.json'))).mode & 0o777, 0o600)
      await writeFile(join(admitted, 'j2-1.json'), '{"job":"../j2"')
      await writeFile(join(admitted, 'j3-1.json'), '{"job":"../j3","attempt":1,"grants":{}}')
      await trial.again()
      assert.equal((await ask('/files/f1')).statusCode, 200)
      assert.deepEqual(trial.failures.map(String).sort(), [
        'Error: The admission j2-1 cannot be read, so its socket is not restored.',
        'Error: The admission j3-1 cannot be read, so its socket is not restored.',
      ])
    })
  })
}
