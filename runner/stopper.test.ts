import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stopper } from './stopper.ts'

const openBox = () => {
  const signals: string[] = []
  const box = {
    paths: { workspace: '', home: '', gateway: '' },
    output: async function* () {},
    write: () => {},
    closeInput: () => {},
    signal: (signal: string) => void signals.push(signal),
    exit: Promise.resolve({}),
    leave: async () => {},
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
  return { box, signals }
}

test('the agent is asked, then signalled, then its box is killed, 4 s after each other', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { box, signals } = openBox()
  using stop = stopper({ box, interrupt: undefined, timeoutSeconds: 60 })
  stop.now('cancel')
  t.mock.timers.tick(4000)
  t.mock.timers.tick(4000)
  assert.deepEqual(signals, ['SIGINT', 'SIGTERM', 'SIGKILL'])
  assert.equal(stop.why, 'cancel')
})

test('a box that says over and over that its agent is over gets no more time by that', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { box, signals } = openBox()
  using stop = stopper({ box, interrupt: undefined, timeoutSeconds: 60 })
  for (let second = 0; second < 200; second++) {
    stop.exited()
    t.mock.timers.tick(1000)
  }
  assert.deepEqual(signals, ['SIGKILL'])
})
