import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { bellContract } from './bell.contract.ts'
import { openLocalBell } from './local-bell.ts'

bellContract('local', async () => openLocalBell())

test('rings of one turn of the loop are heard once, and a ring of the next turn again', async () => {
  await using bell = openLocalBell()
  let heard = 0
  bell.on('jobs', () => heard++)
  for (let n = 0; n < 1000; n++) bell.ring('jobs')
  await nextTurn()
  assert.equal(heard, 1)
  bell.ring('jobs')
  await nextTurn()
  assert.equal(heard, 2)
})

test('a listener that another one stops is not called any more', async () => {
  await using bell = openLocalBell()
  const heard: string[] = []
  bell.on('jobs', () => {
    heard.push('first')
    stopSecond()
  })
  const stopSecond = bell.on('jobs', () => heard.push('second'))
  bell.ring('jobs')
  await nextTurn()
  assert.deepEqual(heard, ['first'])
})

test('the same function may listen twice, and each is stopped alone', async () => {
  await using bell = openLocalBell()
  let heard = 0
  const listener = () => heard++
  const stop = bell.on('jobs', listener)
  bell.on('jobs', listener)
  stop()
  bell.ring('jobs')
  await nextTurn()
  assert.equal(heard, 1)
})

test('a ring from inside a listener is heard in a later turn', async () => {
  await using bell = openLocalBell()
  const heard: string[] = []
  bell.on('a', () => {
    heard.push('a')
    bell.ring('b')
    heard.push('a returns')
  })
  bell.on('b', () => heard.push('b'))
  bell.ring('a')
  await nextTurn()
  await nextTurn()
  assert.deepEqual(heard, ['a', 'a returns', 'b'])
})
