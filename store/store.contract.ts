import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { ranOn } from '../test/contract.ts'
import type { Event } from './events.ts'
import type { Inbox } from './records.ts'
import type { Draft, Store } from './store.ts'
import { NoIndex } from './store.ts'

const at = '2026-01-01T00:00:00.000Z'
const note = (key: string, text = key): Draft<Event> => ({ type: 'noted', level: 'info', text, key, at })
const ended: Draft<Event> = {
  type: 'ended',
  key: 'ended',
  at,
  outcome: 'succeeded',
  reason: 'done',
  summary: '',
}
const envelope = (_id: string, fields: Partial<Inbox> = {}): Inbox => ({
  _id,
  rev: 0,
  platform: 'slack',
  receivedAt: at,
  body: {},
  tries: 0,
  state: 'new',
  ...fields,
})

/** What every store promises. `open` gives an empty one. */
export const storeContract = (name: string, open: () => Promise<Store>): void => {
  void describe(`the ${name} store`, () => {
    ranOn('store', name)
    test('gives back what was put, with its revision', async () => {
      await using store = await open()
      const body = { text: 'grüß 🛎\u0000"\\', nested: { list: [1, null, true] } }
      assert.equal((await store.put('inbox', envelope('a', { body })))?.rev, 1)
      assert.deepEqual(await store.get('inbox', 'a'), { ...envelope('a', { body }), rev: 1 })
      assert.equal(await store.get('inbox', 'b'), undefined)
    })

    test('takes any text as id and any JSON as content, and nothing in them for a command', async () => {
      await using store = await open()
      const body = JSON.parse('{"$set":{"a.b":1},"":[null],"__proto__":{"x":1},"a\\u0000":"\\ud800"}')
      const ids = ['a.b', '$ne', 'ü\u0000', ' ', "'; --", 'x'.repeat(500)]
      for (const id of ids) await store.put('inbox', envelope(id, { body, platform: id }))
      for (const id of ids) {
        assert.equal(
          JSON.stringify(await store.get('inbox', id)),
          JSON.stringify({ ...envelope(id, { body, platform: id }), rev: 1 }),
        )
        const found = await store.find('inbox', { where: { platform: id, state: 'new' }, by: 'receivedAt' })
        assert.deepEqual(
          found.map(({ _id }) => _id),
          [id],
        )
      }
    })

    test('keeps a field that was left out apart from one that is there, when it finds', async () => {
      await using store = await open()
      const job = { job: 'j', name: 'n', bytes: 1, mime: 'm', createdAt: at }
      await store.put('files', { _id: 'a', rev: 0, ...job })
      await store.put('files', { _id: 'b', rev: 0, ...job, conversation: 'c' })
      assert.deepEqual(
        (await store.find('files', { where: { conversation: 'c' } })).map(({ _id }) => _id),
        ['b'],
      )
      const { job: _, ...loose } = job
      await store.put('files', { _id: 'b', rev: 1, ...loose })
      assert.equal(await store.count('files', { conversation: 'c' }), 0)
      assert.equal(await store.count('files', { job: 'j' }), 1)
    })

    test('lets one of many insert an id, and one of many replace a revision', async () => {
      await using store = await open()
      const inserted = await Promise.all(Array.from({ length: 32 }, () => store.put('inbox', envelope('a'))))
      assert.equal(inserted.filter(Boolean).length, 1)
      const replaced = await Promise.all(
        Array.from({ length: 32 }, (_, tries) => store.put('inbox', envelope('a', { rev: 1, tries }))),
      )
      const [winner, ...others] = replaced.filter(stored => stored !== undefined)
      assert.deepEqual(others, [])
      assert.deepEqual(await store.get('inbox', 'a'), winner)
      assert.equal(winner?.rev, 2)
    })

    test('does not replace what is not there', async () => {
      await using store = await open()
      assert.equal(await store.put('inbox', envelope('a', { rev: 3 })), undefined)
      assert.equal(await store.get('inbox', 'a'), undefined)
    })

    test('drops by id, and by revision only while it holds', async () => {
      await using store = await open()
      await store.put('inbox', envelope('a'))
      assert.equal(await store.drop('inbox', 'a', 7), false)
      assert.equal(await store.drop('inbox', 'a', 1), true)
      assert.equal(await store.drop('inbox', 'a'), false)
    })

    test('finds by equality, by many values and by range, in order, up to a limit', async () => {
      await using store = await open()
      for (const [n, platform] of ['slack', 'web', 'slack', 'web', 'slack'].entries())
        await store.put(
          'inbox',
          envelope(`e${n}`, { platform, receivedAt: `2026-01-0${5 - n}T00:00:00.000Z` }),
        )
      const ids = async (query: Parameters<typeof store.find<'inbox'>>[1]) =>
        (await store.find('inbox', query)).map(({ _id }) => _id)
      assert.deepEqual(await ids({ where: { platform: 'slack', state: 'new' }, by: 'receivedAt' }), [
        'e4',
        'e2',
        'e0',
      ])
      assert.deepEqual(
        await ids({
          where: { platform: ['slack', 'web'], state: 'new' },
          by: 'receivedAt',
          descending: true,
          limit: 2,
        }),
        ['e0', 'e1'],
      )
      const late = { gte: '2026-01-02T00:00:00.000Z', lt: '2026-01-05T00:00:00.000Z' }
      assert.deepEqual(await ids({ where: { state: 'new', receivedAt: late }, by: 'receivedAt' }), [
        'e3',
        'e2',
        'e1',
      ])
      assert.deepEqual(await ids({ where: { _id: { gt: 'e2' } } }), ['e3', 'e4'])
      assert.deepEqual(await ids({ where: { _id: ['e1', 'e9'] } }), ['e1'])
      assert.deepEqual(await ids({ where: { platform: [], state: 'new' }, by: 'receivedAt' }), [])
      assert.deepEqual(
        await ids({ where: { platform: 'web', state: 'new', _id: ['e0', 'e3', 'e4'] }, by: 'receivedAt' }),
        ['e3'],
      )
      assert.equal(await store.count('inbox', { platform: 'web', state: 'new' }), 2)
      assert.equal(await store.count('inbox', { platform: 'web' }), 2)
      assert.equal(await store.count('inbox', {}), 5)
    })

    test('compares booleans and numbers as such', async () => {
      await using store = await open()
      for (const n of [10, 2, 1]) {
        const delivery = { _id: `c/${n}`, rev: 0, conversation: 'c', job: `${n}`, seq: 0, done: n === 2 }
        await store.put('deliveries', delivery)
        const wanted = { text: '' }
        const row = { conversation: 'c', slot: `${n}`, n, urgent: false, createdAt: at, wanted }
        await store.put('outbox', { _id: `${n}`, rev: 0, platform: 'web', state: 'pending', ...row })
      }
      const left = await store.find('deliveries', { where: { done: false } })
      assert.deepEqual(
        left.map(({ job }) => job),
        ['1', '10'],
      )
      assert.equal(await store.count('deliveries', { done: [true, false] }), 3)
      const rows = await store.find('outbox', { where: { conversation: 'c', n: { gt: 1 } }, by: 'n' })
      assert.deepEqual(
        rows.map(({ n }) => n),
        [2, 10],
      )
    })

    test('finds a hundred records unless told otherwise, in the order of their ids', async () => {
      await using store = await open()
      const ids = Array.from({ length: 120 }, (_, n) => String(n).padStart(3, '0'))
      await Promise.all(ids.toReversed().map(id => store.put('inbox', envelope(id))))
      const found = async (limit?: number) =>
        (await store.find('inbox', limit === undefined ? {} : { limit })).map(({ _id }) => _id)
      assert.deepEqual(await found(), ids.slice(0, 100))
      assert.deepEqual(await found(1000), ids)
      assert.deepEqual(await found(0), [])
    })

    test('refuses a question that no index answers, and one with too many values', async () => {
      await using store = await open()
      await assert.rejects(store.find('inbox', { where: { tries: 3 } }), NoIndex)
      await assert.rejects(store.count('inbox', { receivedAt: { gt: at } }), NoIndex)
      await assert.rejects(store.find('inbox', { where: { state: 'new' } }), NoIndex)
      await assert.rejects(store.find('inbox', { where: { _id: Array(101).fill('x') } }), /101 values/)
      await assert.rejects(store.find('inbox', { limit: 1001 }), /limit/)
    })

    test('numbers entries from 1 without a gap, whoever appends at once', async () => {
      await using store = await open()
      await Promise.all(
        Array.from({ length: 40 }, (_, n) => store.append('job/a', [note(`${n}a`), note(`${n}b`)])),
      )
      const entries = await store.after('job/a', 0)
      assert.deepEqual(
        entries.map(({ seq }) => seq),
        Array.from({ length: 80 }, (_, n) => n + 1),
      )
      for (let n = 0; n < 80; n += 2)
        assert.equal(entries[n]?.key.slice(0, -1), entries[n + 1]?.key.slice(0, -1))
      assert.deepEqual(
        (await store.after('job/a', 78)).map(({ seq }) => seq),
        [79, 80],
      )
      assert.equal((await store.after('job/a', 0, 3)).length, 3)
      assert.deepEqual(await store.after('job/b', 0), [])
    })

    test('adds an entry of a known key no second time and gives back the first', async () => {
      await using store = await open()
      const first = await store.append('job/a', [note('k', 'first')])
      const second = await store.append('job/a', [note('k', 'second'), note('l')])
      assert.deepEqual(second.ok && first.ok && second.entries[0], first.ok && first.entries[0])
      assert.deepEqual(
        (await store.after('job/a', 0)).map(({ key }) => key),
        ['k', 'l'],
      )
      const twice = await store.append('job/a', [note('m'), note('m', 'again')])
      assert.equal(twice.ok && twice.entries[0]?.seq, twice.ok && twice.entries[1]?.seq)
    })

    test('adds all of a batch but what is there, whichever of its entries that is', async () => {
      await using store = await open()
      await store.append('job/a', [note('1'), note('2')])
      const mixed = await store.append('job/a', [
        note('3'),
        note('2', 'again'),
        note('4'),
        note('3', 'twice'),
      ])
      assert.deepEqual(mixed.ok && mixed.entries.map(({ seq, key }) => [seq, key]), [
        [3, '3'],
        [2, '2'],
        [4, '4'],
        [3, '3'],
      ])
      const log = await store.after('job/a', 0)
      assert.deepEqual(
        log.map(entry => [entry.seq, entry.type === 'noted' && entry.text]),
        ['1', '2', '3', '4'].map((text, n) => [n + 1, text]),
      )
      assert.deepEqual(await store.append('job/a', []), { ok: true, entries: [] })
    })

    test('takes a batch of 500 entries, and gives it in pages from anywhere', async () => {
      await using store = await open()
      const batch = Array.from({ length: 500 }, (_, n) => note(`${n}`, `${n} `.repeat(200)))
      await store.append('job/a', [note('first')])
      const told = await store.append('job/a', batch)
      await store.append('job/a', [note('last')])
      const log = await store.after('job/a', 0, 1000)
      assert.deepEqual(told.ok && told.entries, log.slice(1, 501))
      assert.deepEqual(
        log.map(({ seq, key }) => [seq, key]),
        ['first', ...batch.map(({ key }) => key), 'last'].map((key, n) => [n + 1, key]),
      )
      for (const [seq, limit] of [
        [0, 1],
        [0, 2],
        [250, 7],
        [499, 3],
        [500, 2],
        [502, 5],
      ] as const)
        assert.deepEqual(await store.after('job/a', seq, limit), log.slice(seq, seq + limit))
      assert.equal((await store.after('job/a', 0)).length, 500)
      assert.deepEqual(await store.after('job/a', 5, 0), [])
      await store.erase('job/a', [1, 251, 502])
      assert.deepEqual(
        (await store.after('job/a', 0, 1000)).filter(({ erased }) => erased).map(({ seq }) => seq),
        [1, 251, 502],
      )
    })

    test('refuses an attempt that is no longer the newest, and gives people the attempt of the head', async () => {
      await using store = await open()
      await store.append('job/a', [note('1')], 1)
      await store.append('job/a', [note('2')], 2)
      assert.deepEqual(await store.append('job/a', [note('late')], 1), { ok: false, why: 'superseded' })
      const people = await store.append('job/a', [note('people')])
      assert.equal(people.ok && people.entries[0]?.attempt, 2)
      assert.equal((await store.after('job/a', 0)).length, 3)
    })

    test('gives an attempt that is no longer the newest what it has appended before, and adds nothing', async () => {
      await using store = await open()
      await store.append('job/a', [note('1')], 1)
      await store.append('job/a', [note('2')], 2)
      const again = await store.append('job/a', [note('1', 'changed')], 1)
      assert.deepEqual(again, { ok: true, entries: (await store.after('job/a', 0)).slice(0, 1) })
      const mixed = await store.append('job/a', [note('1'), note('3')], 1)
      assert.deepEqual(mixed, { ok: false, why: 'superseded' })
      assert.equal((await store.after('job/a', 0)).length, 2)
    })

    test('adds none of a batch in which one entry cannot be stored, and still those of others', async () => {
      await using store = await open()
      const bad: Draft<Event> = { type: 'used', call: 'c', tool: 't', input: 1n, key: 'bad', at }
      const [broken, fine] = await Promise.allSettled([
        store.append('job/a', [note('1'), bad, note('2')]),
        store.append('job/a', [note('3')]),
      ])
      assert.deepEqual([broken.status, fine.status], ['rejected', 'fulfilled'])
      assert.deepEqual(
        (await store.after('job/a', 0)).map(({ seq, key }) => [seq, key]),
        [[1, '3']],
      )
    })

    test('keeps logs apart, a job from a conversation of the same id too', async () => {
      await using store = await open()
      const turn = { type: 'turn', by: 'u', text: 'hello', files: [], key: 'k', at } as const
      await store.append('job/a', [note('k'), ended])
      const said = await store.append('conversation/a', [turn])
      assert.deepEqual(said.ok && said.entries.map(({ seq, text }) => [seq, text]), [[1, 'hello']])
      assert.equal((await store.append('job/ab', [note('k')])).ok, true)
    })

    test('lets one of two runners claim an attempt', async () => {
      await using store = await open()
      const claims = await Promise.all(
        ['r1', 'r2', 'r3'].map(runner =>
          store.append('job/a', [{ type: 'started', runner, key: '1/started', at }], 1),
        ),
      )
      const winners = new Set(
        claims.map(claim => claim.ok && claim.entries[0]?.type === 'started' && claim.entries[0].runner),
      )
      assert.equal(winners.size, 1)
      assert.equal((await store.after('job/a', 0)).length, 1)
    })

    test('takes nothing behind the end, but a repeat of what is there', async () => {
      await using store = await open()
      await store.append('job/a', [note('k'), ended], 1)
      assert.deepEqual(await store.append('job/a', [note('late')], 2), { ok: false, why: 'ended' })
      assert.deepEqual(await store.append('job/a', [note('k'), note('late')]), { ok: false, why: 'ended' })
      assert.equal((await store.append('job/a', [note('k'), ended], 1)).ok, true)
      assert.equal((await store.after('job/a', 0)).length, 2)
    })

    test('keeps the digest of the content as stored, also after the content was erased', async () => {
      await using store = await open()
      await store.append('job/a', [note('k', 'secret ü'), note('l')])
      const [before] = await store.after('job/a', 0)
      const content = JSON.stringify({ type: 'noted', level: 'info', text: 'secret ü' })
      assert.equal(before?.digest, createHash('sha256').update(content).digest('hex'))
      await store.erase('job/a', [1])
      const [after, other] = await store.after('job/a', 0)
      assert.deepEqual(after, {
        type: 'noted',
        erased: true,
        seq: 1,
        attempt: 0,
        key: 'k',
        at,
        digest: before?.digest,
      })
      assert.equal(other?.type === 'noted' && other.text, 'l')
    })

    test('keeps names and order of the fields in the content, so that each engine has the same bytes', async () => {
      await using store = await open()
      const input = JSON.parse(
        '{"z":1,"a.b":{"$set":[{"$where":null}]},"":0,"__proto__":{"x":1},"\\u0000":"\\ud800"}',
      )
      const key = 'k.$[]\u0000ü/\\'
      const draft: Draft<Event> = { type: 'used', tool: 't', input, call: 'c', key, at }
      const told = await store.append('job/a', [draft])
      const [entry] = await store.after('job/a', 0)
      assert.deepEqual(told.ok && told.entries, [entry])
      const { seq: _seq, attempt: _attempt, key: kept, at: _at, digest, ...content } = entry!
      assert.equal(kept, key)
      assert.equal(JSON.stringify(content), JSON.stringify({ type: 'used', tool: 't', input, call: 'c' }))
      assert.equal(digest, createHash('sha256').update(JSON.stringify(content)).digest('hex'))
      assert.equal(digest, 'be32b2c94f1f7f273df1739d5d66520a18256917ac5d3edc159324ac4d0ba9c3')
      assert.deepEqual(await store.append('job/a', [draft]), told)
    })

    test('remembers the key of an erased entry, and that an erased end was the end', async () => {
      await using store = await open()
      await store.append('job/a', [note('k'), ended])
      await store.erase('job/a', [1, 2, 3])
      const repeat = await store.append('job/a', [note('k')])
      assert.deepEqual(repeat.ok && repeat.entries.map(({ seq, erased }) => [seq, erased]), [[1, true]])
      assert.deepEqual(await store.append('job/a', [note('late')]), { ok: false, why: 'ended' })
    })
  })
}
