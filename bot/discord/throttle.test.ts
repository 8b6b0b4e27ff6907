import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClock } from '../../test/clock.ts'
import { openThrottle } from './throttle.ts'

const dayMs = 24 * 3_600_000

test('a bot that has to identify again and again stays below a thousand times a day, and never twice in five seconds', async () => {
  const clock = openClock()
  const tick = () => clock.now().getTime()
  const throttle = openThrottle({ tick, wait: clock.wait })
  const stopping = new AbortController()
  const times: number[] = []
  const again = async () => {
    while (true) {
      await throttle(stopping.signal)
      times.push(tick())
    }
  }
  const going = again()
  await clock.pass(dayMs)
  stopping.abort()
  await assert.rejects(going, { name: 'AbortError' })
  assert.ok(times.length > 850 && times.length < 900, `${times.length} times`)
  assert.ok((times[9] ?? 0) - (times[0] ?? 0) < 60_000, 'a few lost sessions cost no long wait')
  for (const [n, at] of times.entries()) assert.ok(n === 0 || at - (times[n - 1] ?? 0) > 5000)
})

test('whoever waits to identify can leave', async () => {
  const throttle = openThrottle({ everyMs: 60_000 })
  await throttle(new AbortController().signal)
  const leaving = new AbortController()
  const waiting = throttle(leaving.signal)
  leaving.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
})
