import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ranOn } from '../test/contract.ts'
import type { Bell } from './bell.ts'

/** A ring may get lost, for one while a listener is still being made known: rings again until it is heard. */
const ringUntilHeard = async (bell: Bell, topic: string, heard: Promise<void>): Promise<void> => {
  bell.ring(topic)
  const again = setInterval(() => bell.ring(topic), 20)
  await heard
  clearInterval(again)
}

/** What every bell promises. `open` gives one that nobody else rings. */
export const bellContract = (name: string, open: () => Promise<Bell>): void => {
  void describe(`the ${name} bell`, () => {
    ranOn('bell', name)
    test('is heard by every listener of the topic, after the ring has returned', {
      timeout: 10_000,
    }, async () => {
      await using bell = await open()
      const first = Promise.withResolvers<void>()
      const second = Promise.withResolvers<void>()
      let ringing = false
      const heardInside: boolean[] = []
      bell.on('job/a', () => {
        heardInside.push(ringing)
        first.resolve()
      })
      bell.on('job/a', second.resolve)
      ringing = true
      bell.ring('job/a')
      ringing = false
      await ringUntilHeard(
        bell,
        'job/a',
        Promise.all([first.promise, second.promise]).then(() => {}),
      )
      assert.ok(heardInside.every(inside => !inside))
    })

    test('is not heard by listeners of other topics', { timeout: 10_000 }, async () => {
      await using bell = await open()
      let others = 0
      for (const topic of ['job/ab', 'job', 'inbox']) bell.on(topic, () => others++)
      const heard = Promise.withResolvers<void>()
      bell.on('job/a', heard.resolve)
      await ringUntilHeard(bell, 'job/a', heard.promise)
      assert.equal(others, 0)
    })

    test('is not heard by a listener that was stopped, also twice', { timeout: 10_000 }, async () => {
      await using bell = await open()
      const before = Promise.withResolvers<void>()
      let calls = 0
      const listener = () => {
        calls++
        before.resolve()
      }
      const stop = bell.on('inbox', listener)
      await ringUntilHeard(bell, 'inbox', before.promise)
      stop()
      stop()
      const callsBefore = calls
      const after = Promise.withResolvers<void>()
      bell.on('inbox', after.resolve)
      await ringUntilHeard(bell, 'inbox', after.promise)
      assert.equal(calls, callsBefore)
    })

    test('hears nothing and throws nothing once it is disposed', { timeout: 10_000 }, async () => {
      const bell = await open()
      let calls = 0
      const stop = bell.on('inbox', () => calls++)
      await bell[Symbol.asyncDispose]()
      bell.ring('inbox')
      await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
      stop()
      assert.equal(calls, 0)
    })
  })
}
