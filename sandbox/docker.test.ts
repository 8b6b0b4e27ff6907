import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe } from 'node:test'
import { openDockerRelay } from '../test/docker-relay.ts'
import { docker, image, installationOf, openTrialDocker, skip, the } from '../test/docker-trial.ts'
import { until } from '../test/house.ts'
import { openDocker } from './docker.ts'
import { sandboxContract } from './sandbox.contract.ts'
import { hears, printed, processesWith, reportsOf } from './trial.contract.ts'

sandboxContract({
  engine: 'docker',
  module: import.meta.resolve('./docker.ts'),
  opener: 'openDocker',
  openSandbox: openTrialDocker,
  skip,
})

/** Counts aloud, and repeats what it hears until its input ends. */
const counting = [
  '(n=0; while [ $n -lt 40 ]; do echo count-$n; n=$((n+1)); sleep 0.05; done) &',
  'while read -r line; do echo "heard $line"; done; wait; exit 7',
].join('\n')

describe('docker: a box and its runner', { concurrency: 2, skip }, () => {
  the('a box goes on after kill -9 of its runner, and the next one takes it up', async trial => {
    const plan = trial.plan(counting, { agent: { keepOpen: true } })
    const order = { job: trial.job, attempt: 3, gateway: trial.standin.folder, plan }
    const installation = installationOf(trial.folder)
    const program = `
      const { openDocker } = await import(${JSON.stringify(import.meta.resolve('./docker.ts'))})
      const box = await openDocker(${JSON.stringify({ image, installation })}).open(${JSON.stringify(order)})
      box.write('first')
      for await (const bytes of box.output(0)) process.stdout.write(bytes)`
    const runner = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    for await (const bytes of runner.stdout) {
      said += bytes
      if (said.includes('count-5') && said.includes('heard first')) break
    }
    runner.kill('SIGKILL')
    await once(runner, 'exit')

    assert.deepEqual(await trial.sandbox.list(), [{ job: trial.job, attempt: 3 }])
    const box = await trial.sandbox.adopt({ job: trial.job, attempt: 3 })
    assert.ok(box)
    assert.equal(await trial.sandbox.adopt({ job: trial.job, attempt: 3 }), box)
    box.write('second')
    await hears(box, 'heard second')
    box.closeInput()
    assert.deepEqual(await box.exit, { code: 7 })
    const all = Buffer.concat(await Array.fromAsync(box.output(0)))
    assert.equal(all.subarray(0, said.length).toString(), said)
    const rest = Buffer.concat(await Array.fromAsync(box.output(said.length)))
    assert.deepEqual(rest, all.subarray(said.length))
    const lines = all
      .toString()
      .split('\n')
      .filter(line => line !== '')
    const { out } = printed(lines.map(line => JSON.parse(line)))
    const counts = [...out.matchAll(/count-(\d+)/g)].map(match => Number(match[1]))
    assert.deepEqual(
      counts,
      Array.from({ length: 40 }, (_, n) => n),
    )
    await box.close()
    assert.equal(await trial.sandbox.adopt({ job: trial.job, attempt: 3 }), undefined)
  })

  the('a box that was left goes on, and one that ended meanwhile is read to its end', async trial => {
    const left = await trial.open('read -r line; echo "heard $line"', { agent: { keepOpen: true } })
    const reading = Array.fromAsync(left.output(0))
    await left.leave()
    await reading
    assert.deepEqual(await left.exit, {})
    await left.close()
    const box = await trial.sandbox.adopt({ job: trial.job, attempt: 1 })
    assert.ok(box)
    assert.notEqual(box, left)
    box.write('more')
    await box.exit
    await box.leave()
    await using again = await trial.sandbox.adopt({ job: trial.job, attempt: 1 })
    assert.equal(printed(await reportsOf(again!)).out, 'heard more\n')
    assert.deepEqual(await again!.exit, { code: 0 })
  })

  the('a second box of the same attempt is refused, and the first one goes on', async trial => {
    const plan = trial.plan('cat', { agent: { keepOpen: true } })
    const order = { job: trial.job, attempt: 1, gateway: trial.standin.folder, plan }
    const other = openTrialDocker({ folder: trial.boxes })
    await using box = await trial.sandbox.open(order)
    await assert.rejects(other.open(order), { statusCode: 409 })
    box.write('still here')
    await hears(box, 'still here')
  })

  the('what a dead runner made and never started is cleared away', async trial => {
    const labels = { installation: installationOf(trial.folder), job: 'j9', attempt: '2' }
    const named = Object.entries(labels).map(([name, value]) => [`bellhop.${name}`, value])
    await docker.createContainer({ Image: image, Labels: Object.fromEntries(named) })
    assert.deepEqual(await trial.sandbox.list(), [{ job: 'j9', attempt: 2 }])
    assert.equal(await trial.sandbox.adopt({ job: 'j9', attempt: 2 }), undefined)
    assert.deepEqual(await trial.sandbox.list(), [])
  })

  the('a daemon that cuts every connection and is away costs no output, input or end', async trial => {
    await using relay = await openDockerRelay(trial.folder)
    const installation = installationOf(trial.folder)
    const sandbox = openDocker({ image, installation, docker: relay.address })
    const script =
      'echo begun; while [ "$line" != "the end" ]; do read -r line; echo "heard $line"; done; sleep 1; echo last; exit 7'
    const plan = trial.plan(script, { agent: { keepOpen: true } })
    await using box = await sandbox.open({ job: trial.job, attempt: 1, gateway: trial.standin.folder, plan })
    const reading = Array.fromAsync(box.output(0))
    await hears(box, 'begun')
    assert.ok(relay.cut() >= 3)
    box.write('after a cut')
    await hears(box, 'heard after a cut')
    relay.cut({ away: true })
    box.write('while it is away')
    await relay.refused(2)
    relay.restore()
    await hears(box, 'heard while it is away')
    box.write('the end')
    await hears(box, 'heard the end')
    relay.cut({ away: true })
    await until('the end of the box', async () => {
      const running = await processesWith(`box/entry.ts ${trial.job} 1`)
      return running.length === 0
    })
    relay.restore()
    assert.deepEqual(await box.exit, { code: 7 })
    const bytes = Buffer.concat(await reading)
    assert.deepEqual(bytes, Buffer.concat(await Array.fromAsync(box.output(0))))
    assert.match(bytes.toString(), /last/)
  })
})
