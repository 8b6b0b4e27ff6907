import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe } from 'node:test'
import { docker, image, installationOf, openTrialDocker, skip, the } from '../../test/docker-trial.ts'
import { until } from '../../test/house.ts'
import { openDocker } from '../docker.ts'
import { printed, reportsOf } from '../trial.contract.ts'

/** Runs a program over Docker boxes in a process of its own, which kills itself `before` or `after` it has a container started. */
const dieAtStart = async (when: 'before' | 'after', installation: string, act: string): Promise<void> => {
  const program = `
    import Docker from 'dockerode'
    import { openDocker } from ${JSON.stringify(import.meta.resolve('../docker.ts'))}
    const container = Object.getPrototypeOf(new Docker().getContainer('any'))
    const start = container.start
    container.start = async function () {
      if (${when === 'after'}) await start.call(this)
      process.kill(process.pid, 'SIGKILL')
    }
    await openDocker(${JSON.stringify({ image, installation })}).${act}`
  const runner = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  assert.deepEqual(await once(runner, 'exit'), [null, 'SIGKILL'])
}

describe('docker: a runner that is killed as it starts a box', { concurrency: 2, skip }, () => {
  the('its box has the plan all the same, and is carried to its end by who takes it up', async trial => {
    const plan = trial.plan('echo carried')
    const order = { job: trial.job, attempt: 1, gateway: trial.standin.folder, plan }
    await dieAtStart('after', installationOf(trial.folder), `open(${JSON.stringify(order)})`)
    await using box = await trial.sandbox.adopt({ job: trial.job, attempt: 1 })
    assert.ok(box)
    assert.equal(printed(await reportsOf(box)).out, 'carried\n')
    assert.deepEqual(await box.exit, { code: 0 })
  })

  the('a box that was not started yet is cleared away', async trial => {
    const plan = trial.plan('true')
    const order = { job: trial.job, attempt: 1, gateway: trial.standin.folder, plan }
    await dieAtStart('before', installationOf(trial.folder), `open(${JSON.stringify(order)})`)
    assert.deepEqual(await trial.sandbox.list(), [{ job: trial.job, attempt: 1 }])
    assert.equal(await trial.sandbox.adopt({ job: trial.job, attempt: 1 }), undefined)
    assert.deepEqual(await trial.sandbox.list(), [])
  })

  the(
    'a probe that was not started yet is cleared away by whoever looks for boxes, one at work is not',
    async trial => {
      const installation = installationOf(trial.folder)
      await dieAtStart('before', installation, 'probe()')
      const label = [`bellhop.installation=${installation}`]
      const there = async () =>
        (await docker.listContainers({ all: true, filters: JSON.stringify({ label }) })).length
      assert.equal(await there(), 1)
      const patient = openTrialDocker({ folder: trial.boxes })
      assert.deepEqual([await patient.list(), await there()], [[], 1])
      const hasty = openDocker({ image, installation, probeMs: 100 })
      await until('the probe to go', async () => {
        assert.deepEqual(await hasty.list(), [])
        return (await there()) === 0
      })
    },
  )
})
