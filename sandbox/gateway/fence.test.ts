import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFence } from './fence.ts'

/** A fence whose answer and clock the test sets, and which counts how often it was asked for. */
const trial = () => {
  const told = { answer: true, now: 1000, asked: 0 }
  const fence = openFence(
    3,
    async () => {
      told.asked += 1
      return told.answer
    },
    () => told.now,
  )
  return { told, fence }
}
const refused = { name: 'Refused', status: 403, what: 'w', message: /^Attempt 3 is not this job's any more/ }

test('what comes often is asked for every five seconds, what comes seldom each time', async () => {
  const { told, fence } = trial()
  await fence.passOften('w')
  await fence.passOften('w')
  told.now += 4999
  await fence.passOften('w')
  assert.equal(told.asked, 1)
  told.now += 1
  await fence.passOften('w')
  assert.equal(told.asked, 2)
  await fence.pass('w')
  await fence.pass('w')
  assert.equal(told.asked, 4)
})

test('a no is final, and asked for once', async () => {
  const { told, fence } = trial()
  told.answer = false
  await assert.rejects(fence.pass('w'), refused)
  told.answer = true
  await assert.rejects(fence.pass('w'), refused)
  await assert.rejects(fence.passOften('w'), refused)
  assert.equal(told.asked, 1)
})

test('where no answer can be had nothing passes, and the next one asks again', async () => {
  let broken = true
  const fence = openFence(3, async () => {
    if (broken) throw new Error('The store is away.')
    return true
  })
  await assert.rejects(fence.passOften('w'), /The store is away/)
  broken = false
  await fence.passOften('w')
})
