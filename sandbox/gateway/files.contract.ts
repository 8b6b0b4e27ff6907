import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { until } from '../../test/house.ts'
import type { OpenGateway } from './trial.contract.ts'
import { openTrial } from './trial.contract.ts'

const zeros = (megabytes: number) =>
  Readable.from(
    (function* () {
      for (let n = 0; n < megabytes; n++) yield Buffer.alloc(1024 * 1024)
    })(),
  )

export const filesContract = (openGateway: OpenGateway): void => {
  describe('the files route', () => {
    test('gives the files that were granted, and no others', async () => {
      await using trial = await openTrial(openGateway)
      const { ask } = await trial.admit({ files: ['f1', 'f9'] })
      assert.equal(await (await ask('/files/f1')).body.text(), 'what was uploaded')
      for (const [path, method] of [
        ['/files/f2', 'GET'],
        ['/files/f9', 'GET'],
        ['/files/f1', 'DELETE'],
        ['/files/..%2ff1', 'GET'],
      ] as const) {
        const answer = await ask(path, { method })
        assert.equal(answer.statusCode, 404, path)
        assert.equal(await answer.body.text(), 'There is no such file for this job.\n')
      }
      assert.deepEqual(
        trial.refused.map(({ route, what }) => [route, what]),
        [
          ['files', 'f2'],
          ['files', 'f9'],
          ['files', 'f1'],
          ['files', '..%2ff1'],
        ],
      )
    })

    test('keeps the session and what was produced, and gives their ids', async () => {
      await using trial = await openTrial(openGateway)
      const { ask } = await trial.admit()
      const session = await ask('/files/session', { method: 'PUT', body: 'a session' })
      assert.deepEqual([session.statusCode, await session.body.json()], [201, { id: 'kept0' }])
      await ask('/files/produced?name=a%2Fb.png&mime=image/png', { method: 'PUT', body: 'a picture' })
      assert.deepEqual(trial.kept, [
        { purpose: 'session', name: 'session', mime: 'application/octet-stream' },
        { purpose: 'produced', name: 'b.png', mime: 'image/png' },
      ])
      assert.equal(String(await trial.stored('kept1')), 'a picture')
    })

    test('makes a plain name of whatever it is given', async () => {
      await using trial = await openTrial(openGateway)
      const { ask } = await trial.admit()
      const given = ['../../etc/passwd', 'C:\\x\\y.txt', '..', ' ', 'a\u0000b\n\u202ec', 'é'.repeat(300)]
      for (const name of given)
        await ask(`/files/produced?${new URLSearchParams({ name, mime: 'text/html; x' })}`, {
          method: 'PUT',
          body: 'x',
        })
      assert.deepEqual(
        trial.kept.map(({ name }) => name),
        ['passwd', 'y.txt', 'file', 'file', 'abc', 'é'.repeat(200)],
      )
      assert.ok(trial.kept.every(({ mime }) => mime === 'application/octet-stream'))
    })

    test('a file past its limit is refused with a sentence that its sender gets to see', async () => {
      await using trial = await openTrial(openGateway)
      const { ask } = await trial.admit()
      const produced = await ask('/files/produced?name=big.bin', { method: 'PUT', body: zeros(30) })
      assert.equal(produced.statusCode, 413)
      assert.equal(await produced.body.text(), 'The file "big.bin" is larger than the 25 MB it may have.\n')
      const session = await ask('/files/session', { method: 'PUT', body: zeros(55) })
      assert.equal(await session.body.text(), 'The session is larger than the 50 MB it may have.\n')
      assert.deepEqual(trial.kept, [])
      assert.deepEqual(
        trial.refused.map(({ what }) => what),
        ['big.bin', 'session'],
      )
    })

    test('an upload that breaks off is not kept, and is nobody’s failure', async () => {
      await using trial = await openTrial(openGateway)
      const { raw, gone } = await trial.admit()
      const socket = await raw('PUT /files/produced HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf')
      socket.destroy()
      await gone()
      assert.deepEqual([trial.kept, trial.failures], [[], []])
    })

    test('an upload that breaks off before it is looked at is nobody’s failure either', async () => {
      await using trial = await openTrial(openGateway)
      const broken = Promise.withResolvers<Readable>()
      const failures: unknown[] = []
      await using gateway = openGateway({
        folder: join(trial.root, 'others'),
        doors: {
          ...trial.doors,
          keepFile: async (_at, { body }) => {
            await until('the body to end', async () => body.destroyed)
            broken.resolve(body)
            return await text(body)
          },
        },
        failed: error => failures.push(error),
      })
      const { raw, gone } = await trial.admit({}, 1, gateway)
      const socket = await raw('PUT /files/produced HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf')
      socket.destroy()
      await assert.rejects(text(await broken.promise))
      await gone()
      assert.deepEqual(failures, [])
    })

    test('an attempt shows at most a hundred files', async () => {
      await using trial = await openTrial(openGateway)
      const { ask } = await trial.admit()
      const put = (name: string) => ask(`/files/produced?name=${name}`, { method: 'PUT', body: 'x' })
      for (let n = 0; n < 100; n++) assert.equal((await put(`f${n}`)).statusCode, 201)
      const answer = await put('one-more')
      assert.equal(answer.statusCode, 413)
      assert.match(await answer.body.text(), /at most 100 files: pack the rest into one/)
    })
  })
}
