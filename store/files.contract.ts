import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { ranOn } from '../test/contract.ts'
import type { Files } from './files.ts'
import { TooLarge } from './files.ts'

/** What every keeper of files promises. `open` gives an empty one. */
export const filesContract = (name: string, open: () => Promise<Files>): void => {
  const textOf = async (files: Files, id: string) => {
    const stream = await files.read(id)
    return stream && (await buffer(stream)).toString()
  }

  void describe(`the files of ${name}`, () => {
    ranOn('files', name)
    test('gives back text, bytes and streams as they were written', async () => {
      const files = await open()
      const bytes = randomBytes(300_000)
      assert.deepEqual(await files.write('text', 'grüß 🛎', 100), { bytes: 11 })
      assert.deepEqual(await files.write('bytes', bytes, bytes.length), { bytes: bytes.length })
      const pieces = Readable.from([bytes.subarray(0, 7), bytes.subarray(7)])
      assert.deepEqual(await files.write('stream', pieces, bytes.length), { bytes: bytes.length })
      assert.deepEqual(await files.write('empty', '', 0), { bytes: 0 })
      assert.equal(await textOf(files, 'text'), 'grüß 🛎')
      for (const id of ['bytes', 'stream'])
        assert.ok(bytes.equals(await buffer((await files.read(id)) ?? Readable.from([]))), id)
      assert.equal(await textOf(files, 'empty'), '')
    })

    test('knows nothing of an id that was not written, or was removed', async () => {
      const files = await open()
      assert.equal(await files.read('a'), undefined)
      await files.write('a', 'text', 100)
      await files.remove('a')
      await files.remove('a')
      assert.equal(await files.read('a'), undefined)
    })

    test('takes exactly the limit, and keeps nothing of what is past it', async () => {
      const files = await open()
      await files.write('fits', 'x'.repeat(1000), 1000)
      await assert.rejects(
        files.write('large', Readable.from([Buffer.alloc(600), Buffer.alloc(401)]), 1000),
        (error: Error) =>
          error instanceof TooLarge && error.limit === 1000 && /1000 bytes/.test(error.message),
      )
      await assert.rejects(files.write('text', 'x'.repeat(1001), 1000), TooLarge)
      assert.equal(await files.read('large'), undefined)
      assert.equal(await files.read('text'), undefined)
      assert.equal((await textOf(files, 'fits'))?.length, 1000)
    })

    test('keeps nothing of a stream that breaks, and says why it broke', async () => {
      const files = await open()
      const breaking = Readable.from(
        (function* () {
          yield Buffer.from('first')
          throw new Error('the sender hung up')
        })(),
      )
      await assert.rejects(files.write('a', breaking, 1000), /the sender hung up/)
      assert.equal(await files.read('a'), undefined)
    })

    test('shows the old bytes or the new ones, never a mixture, while a file is written again', async () => {
      const files = await open()
      const size = 200_000
      await files.write('a', 'o'.repeat(size), size)
      const writing = Promise.all(['p', 'q'].map(letter => files.write('a', letter.repeat(size), size)))
      const seen = new Set<string>()
      let over = false
      void writing.then(() => (over = true))
      while (!over) {
        const text = await textOf(files, 'a')
        assert.equal(text?.length, size)
        seen.add([...new Set(text)].join(''))
      }
      await writing
      seen.add([...new Set(await textOf(files, 'a'))].join(''))
      assert.deepEqual(
        [...seen].filter(letters => !['o', 'p', 'q'].includes(letters)),
        [],
      )
      assert.notEqual([...seen].at(-1), 'o')
    })

    test('gives who began to read the old bytes all of them, though they were replaced meanwhile', async () => {
      const files = await open()
      const old = randomBytes(4_000_000)
      await files.write('a', old, old.length)
      const stream = (await files.read('a')) ?? Readable.from([])
      const reading = stream[Symbol.asyncIterator]()
      const first = (await reading.next()).value as Buffer
      await files.write('a', 'new', 3)
      const pieces = [first]
      for await (const piece of { [Symbol.asyncIterator]: () => reading }) pieces.push(piece as Buffer)
      assert.ok(old.equals(Buffer.concat(pieces)))
      assert.equal(await textOf(files, 'a'), 'new')
    })

    test('keeps what was there when writing it again fails', async () => {
      const files = await open()
      await files.write('a', 'old', 10)
      await assert.rejects(files.write('a', 'far too much', 10), TooLarge)
      assert.equal(await textOf(files, 'a'), 'old')
    })
  })
}
