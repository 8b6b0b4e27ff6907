import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idFrom, nameId, randomId } from './ids.ts'

const at = '2026-01-01T00:00:00.000Z'

test('the same cause gives the same id, and any other key, time or part another one', () => {
  const ids = [
    idFrom({ key: 'k', at }, 'job'),
    idFrom({ key: 'l', at }, 'job'),
    idFrom({ key: 'k', at: '2026-01-01T00:00:00.001Z' }, 'job'),
    idFrom({ key: 'k', at }, 'step'),
    idFrom({ key: 'k', at }),
    idFrom({ key: 'k', at }, 'job', ''),
    idFrom({ key: 'k', at }, 'jo', 'b'),
    idFrom({ key: 'k\njob', at }),
  ]
  assert.equal(new Set(ids).size, ids.length)
  assert.equal(idFrom({ key: 'k', at }, 'job'), ids[0])
  for (const id of ids) assert.match(id, /^[a-z0-9]{17}$/)
})

test('ids made of causes sort by their time, from 1970 on for thousands of years', () => {
  const times = ['1970-01-01T00:00:00.000Z', at, '2026-01-01T00:00:00.001Z', '2027-01-01', '5000-12-31']
  const ids = times.map(time => idFrom({ key: 'k', at: time }))
  assert.deepEqual(ids.toSorted(), ids)
  assert.ok(ids.every(id => id.length === 17))
})

test('a time that is none makes no id', () => {
  assert.throws(() => idFrom({ key: 'k', at: 'soon' }), /"soon" is none/)
})

test('a name gives the same id always, and random ids never repeat', () => {
  assert.equal(nameId('slack:T1 main'), nameId('slack:T1 main'))
  assert.notEqual(nameId('slack:T1 main'), nameId('slack:T2 main'))
  const ids = Array.from({ length: 2000 }, randomId)
  assert.equal(new Set(ids).size, ids.length)
  for (const id of [...ids, nameId('')]) assert.match(id, /^[a-z0-9]{16}$/)
  const digits = new Set(ids.flatMap(id => [...id].map((digit, place) => `${place}${digit}`)))
  assert.equal(digits.size, 16 * 36, 'every digit comes up in every place')
})
