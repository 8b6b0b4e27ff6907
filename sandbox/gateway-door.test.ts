import assert from 'node:assert/strict'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { says } from '../test/anthropic.ts'
import { engine, skipOf } from '../test/engines.ts'
import { until } from '../test/house.ts'
import { openBubblewrap } from './bubblewrap.ts'
import { grants, messages } from './gateway/trial.contract.ts'
import { end, openProcessTrial } from './gateway-process.contract.ts'
import { hears, printed, reportsOf } from './trial.contract.ts'

const linuxOnly = process.platform !== 'linux' && 'only Linux names a folder by its descriptor'
const noBox = skipOf(await engine('bubblewrap'))

describe('a gateway in a process of its own', { concurrency: 2 }, () => {
  test('killed in the middle of a call and started again, it is there at the same place and counts on', {
    skip: linuxOnly,
  }, async () => {
    await using trial = await openProcessTrial((_, n) =>
      n === 1 ? { content: [{ type: 'text', text: 'Hello.' }], ending: 'hang' } : says('Hello.'),
    )
    const first = await trial.start()
    const admission = { job: 'j1', attempt: 1, grants: { ...grants, budget: 8000 } }
    const { folder } = await trial.remote.admit(admission)
    const ask = await trial.hold(folder)
    await (await ask('/v1/messages', messages())).body.dump()
    const cut = await ask('/v1/messages', messages())
    await once(cut.body, 'data')
    const broken = assert.rejects(cut.body.text())
    await end(first.child)
    await broken
    await assert.rejects(ask('/files/f1'), { code: 'ECONNREFUSED' })

    // Asked while it is away: answered when it is there again.
    const meanwhile = trial.remote.admit({ ...admission, job: 'j2' })
    await trial.start()
    const other = await trial.hold((await meanwhile).folder)
    assert.equal(await (await other('/files/f1')).body.text(), 'what was uploaded')

    const back = await until('the socket to be there again', () => ask('/files/f1').catch(() => undefined))
    assert.equal(await back.body.text(), 'what was uploaded')
    assert.deepEqual(await trial.remote.admit(admission), { folder })
    const call = await ask('/v1/messages', messages())
    await call.body.dump()
    assert.equal(call.statusCode, 200)
    const over = await ask('/v1/messages', messages())
    assert.equal(over.statusCode, 402)
    assert.match(await over.body.text(), /is spent: \$0\.01 of the/)
  })

  test('a box goes on over a gateway that was killed, and its work arrives', { skip: noBox }, async () => {
    await using trial = await openProcessTrial(() => says('Hello.'))
    const first = await trial.start()
    const budget = { ...grants, budget: 8000 }
    const { folder } = await trial.remote.admit({ job: 'j1', attempt: 1, grants: budget })
    const sandbox = openBubblewrap({ folder: join(trial.root, 'boxes') })
    await using box = await sandbox.open({
      job: 'j1',
      attempt: 1,
      gateway: folder,
      plan: {
        job: 'j1',
        attempt: 1,
        git: { from: 'main', branch: 'jobs/j1', name: 'Ann', email: 'ann@example.org', message: 'Do it' },
        files: {},
        uploads: [],
        timeoutSeconds: 60,
        agent: {
          argv: ['/opt/bellhop/node', '-e', goesOn, JSON.stringify(messages())],
          env: {},
          input: [],
          keepOpen: false,
        },
      },
    })
    await hears(box, 'call 200')
    await trial.metered(1)
    await end(first.child)
    await hears(box, 'away')
    const second = await trial.start()
    const reports = await reportsOf(box)
    const { out, err } = printed(reports)
    assert.equal((await box.exit).code, 0, err)
    assert.deepEqual(out.trim().split('\n'), ['call 200', 'away', 'back', 'call 200', 'call 402'])
    const commit = await trial.repos.resolve('shop', grants.push)
    assert.ok(commit)
    const work = await trial.repos.changed('shop', 'main', commit)
    assert.deepEqual(work, ['done.txt'])
    await end(second.child, 'SIGTERM')
  })

  test('a folder has one gateway: another one says who serves it, and harms nothing', {
    skip: linuxOnly,
  }, async () => {
    await using trial = await openProcessTrial(() => says('Hello.'))
    const { child } = await trial.start()
    const { folder } = await trial.remote.admit({ job: 'j1', attempt: 1, grants })
    const ask = await trial.hold(folder)
    const second = await trial.start()
    assert.equal(second.early?.code, 1)
    assert.match(second.early.said, new RegExp(`Another gateway, process ${child.pid}, has the folder`))
    assert.equal((await ask('/files/f1')).statusCode, 200)
    await trial.remote.release('j1', 1)
  })

  test('it ends at SIGTERM, and what it keeps is for its own user', async () => {
    await using trial = await openProcessTrial(() => says('Hello.'))
    const { child, over } = await trial.start()
    const mode = async (name: string) => (await stat(join(trial.folder, name))).mode & 0o777
    assert.deepEqual(
      [await mode('.'), await mode('control.sock'), await mode('lock'), await mode('pid')],
      [0o711, 0o600, 0o600, 0o600],
    )
    await trial.remote.admit({ job: 'j1', attempt: 1, grants })
    await end(child, 'SIGTERM')
    assert.deepEqual(await over, { code: 0, said: '' })
    await stat(join(trial.folder, 'j1-1'))
    await assert.rejects(stat(join(trial.folder, 'control.sock')), { code: 'ENOENT' })
  })
})

/** What the agent in the box does: calls, sees the gateway go and come back, calls until the budget is spent, and leaves a file. */
const goesOn = `
const { request } = require('node:http')
const ask = (method, path, body) => new Promise((resolve, reject) => {
  const asked = request({ socketPath: '/gateway/gateway.sock', method, path, agent: false }, answer =>
    answer.resume().on('error', reject).on('end', () => resolve(answer.statusCode)))
  asked.on('error', reject).end(body)
})
const looks = async wanted => {
  while (await ask('GET', '/files/f1').then(() => true, () => false) !== wanted)
    await new Promise(resolve => setTimeout(resolve, 20))
}
const calls = async () => console.log('call', await ask('POST', '/v1/messages', process.argv[1]))
;(async () => {
  await calls()
  await looks(false)
  console.log('away')
  await looks(true)
  console.log('back')
  await calls()
  await calls()
  require('node:fs').writeFileSync('done.txt', 'done')
})()
`
