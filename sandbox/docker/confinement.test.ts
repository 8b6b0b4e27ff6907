import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe } from 'node:test'
import { containerOf, docker, image, installationOf, skip, the } from '../../test/docker-trial.ts'
import { openDocker } from '../docker.ts'
import { NoBox } from '../sandbox.ts'
import type { Trial } from '../trial.contract.ts'
import { hears, printed, processesWith, reportsOf } from '../trial.contract.ts'

/** A box of the engine under test in which a shell script looks around; gives what it printed. */
const look = async (trial: Trial, script: string) => {
  const { out, err, code } = await trial.run(script)
  assert.equal(code, 0, err)
  return out
}

describe('docker: what a box cannot do', { concurrency: 2, skip }, () => {
  the(
    'it runs as nobody special, without capabilities, under a filter, on a root it cannot write',
    async trial => {
      const out = await look(
        trial,
        `id -u; grep -E '^(CapEff|CapBnd|CapPrm|NoNewPrivs|Seccomp):' /proc/self/status
       for folder in / /usr /etc /opt/bellhop /opt/bellhop/box /opt/bellhop/cache /gateway /home /proc/sys /var /workspace /home/agent /tmp /dev/shm; do touch $folder/w 2>/dev/null && echo $folder; done; rm -f w`,
      )
      assert.deepEqual(out.trim().split(/\s+/), [
        ...['1000', 'CapPrm:', '0000000000000000', 'CapEff:', '0000000000000000'],
        ...['CapBnd:', '0000000000000000', 'NoNewPrivs:', '1', 'Seccomp:', '2'],
        ...['/workspace', '/home/agent', '/tmp', '/dev/shm'],
      ])
    },
  )

  the('there is no network but its own loopback, and of the host only the gateway’s folder', async trial => {
    const out = await look(
      trial,
      "sed -n 's/^ *\\([^:]*\\):.*/\\1/p' /proc/net/dev; ls -A ~ /opt /workspace /gateway; ls /var/run/docker.sock 2>&1 | cut -d: -f3",
    )
    assert.equal(
      out.replaceAll(/\s+/g, ' '),
      'lo /gateway: gateway.sock /home/agent: /opt: bellhop /workspace: .git README.md No such file or directory ',
    )
  })

  the('its limits are those that it was given', async trial => {
    const script =
      'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max pids/pids.max pids.max cpu/cpu.cfs_quota_us cpu.max 2>/dev/null'
    const out = await look(trial, `(${script}); echo`)
    const cpus = Math.min(2, (await docker.info()).NCPU)
    assert.deepEqual(out.match(/\d+/g)?.slice(0, 3).map(Number), [2 * 1024 ** 3, 512, cpus * 100_000])
  })

  the('a fork bomb stays within its limit, spares its neighbour and is gone with its box', async trial => {
    await using neighbour = await trial.open('', { agent: { argv: ['/bin/cat'], keepOpen: true } })
    const nap = `sleep 7300.${process.pid}`
    await using box = await trial.open(`(while :; do ${nap} & done) 2>/dev/null; echo going-on; sleep 60`)
    await hears(box, 'going-on')
    const count = (await processesWith(nap)).length
    assert.ok(count > 400 && count <= 512, String(count))
    neighbour.write('still here')
    await hears(neighbour, 'still here')
    await box.close()
    assert.deepEqual(await processesWith(nap), [])
  })

  the('nothing of the plan or of the server’s environment is in what Docker tells of it', async trial => {
    process.env.BELLHOP_CANARY = 'canary-in-the-environment'
    await using box = await trial.open('cat /proc/*/environ; : canary-in-the-plan; echo ready-to-go; cat', {
      agent: { keepOpen: true, env: { CANARY: 'canary-of-the-agent' } },
    })
    delete process.env.BELLHOP_CANARY
    await hears(box, 'ready-to-go')
    const told = JSON.stringify(await containerOf(trial).inspect())
    assert.match(told, /bellhop\.job/)
    assert.doesNotMatch(told, /canary/)
    box.closeInput()
    assert.doesNotMatch(printed(await reportsOf(box)).out, /canary-in-the-environment/)
  })

  the('its volumes go with it', async trial => {
    await using box = await trial.open('cat', { agent: { keepOpen: true } })
    const { Mounts } = await containerOf(trial).inspect()
    const names = Mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name ? [Name] : []))
    assert.equal(names.length, 2)
    await box.close()
    for (const name of names) await assert.rejects(docker.getVolume(name).inspect(), { statusCode: 404 })
  })
})

describe('docker: where no box can be had', { concurrency: 2, skip }, () => {
  const refusal = async (
    trial: Trial,
    parts: Partial<Parameters<typeof openDocker>[0]>,
    gateway?: string,
  ) => {
    const sandbox = openDocker({ image, installation: installationOf(trial.folder), ...parts })
    const order = {
      job: trial.job,
      attempt: 1,
      gateway: gateway ?? trial.standin.folder,
      plan: trial.plan(''),
    }
    const error = await sandbox.open(order).then(
      () => undefined,
      error => error,
    )
    assert.ok(error instanceof NoBox, String(error))
    const probe = await sandbox.probe()
    if (gateway === undefined) assert.deepEqual(probe, { ok: false, why: error.message })
    return error.message
  }

  the('without a daemon the sentence says how to get one, within a second', async trial => {
    const began = Date.now()
    for (const address of [`unix://${trial.folder}/nobody.sock`, 'tcp://127.0.0.1:1'])
      assert.match(await refusal(trial, { docker: address }), /^Docker does not answer \(.*\): start it/)
    assert.ok(Date.now() - began < 1000)
  })

  the('an image that is missing, or of another version, is to be built', async trial => {
    assert.match(
      await refusal(trial, { image: 'no-such-image-here' }),
      /has no image no-such-image-here.*bellhop setup/,
    )
    const stale = `bellhop-stale:${trial.job}`
    const container = await docker.createContainer({ Image: image })
    await container.commit({ repo: 'bellhop-stale', tag: trial.job, changes: 'LABEL bellhop.digest=older' })
    await container.remove({ v: true })
    assert.match(await refusal(trial, { image: stale }), /another version of Bellhop.*bellhop setup/)
    await docker.getImage(stale).remove()
  })

  the('a gateway’s folder that the daemon cannot see is named', async trial => {
    const elsewhere = join(trial.folder, 'elsewhere')
    assert.match(await refusal(trial, {}, elsewhere), /does not see the gateway's folder .*elsewhere/)
  })

  the('a runner that is itself in a container tells the daemon where its folder really is', async trial => {
    const installation = installationOf(trial.folder)
    const root = join(import.meta.dirname, '../..')
    const order = { job: trial.job, attempt: 1, plan: trial.plan('cat README.md') }
    const program = `
      const { openStandin } = await import('/app/sandbox/standin.contract.ts')
      const { openDocker } = await import('/app/sandbox/docker.ts')
      await using standin = await openStandin('/sockets/deep')
      const order = { ...${JSON.stringify(order)}, gateway: standin.folder }
      await using box = await openDocker(${JSON.stringify({ image, installation })}).open(order)
      for await (const bytes of box.output(0)) process.stdout.write(bytes)`
    const volume = `${installation}-sockets`
    const runner = await docker.createContainer({
      Image: image,
      User: '0:0',
      Entrypoint: ['node', '--input-type=module', '--eval', program],
      Env: ['HOME=/tmp'],
      HostConfig: {
        NetworkMode: 'none',
        Binds: [`${root}:/app:ro`, '/var/run/docker.sock:/var/run/docker.sock', `${volume}:/sockets`],
      },
    })
    try {
      await runner.start()
      await runner.wait()
      const said = (await runner.logs({ stdout: true, stderr: true, follow: false })).toString()
      assert.match(said, /"text":"hello\\n"/)
    } finally {
      await runner.remove({ force: true, v: true })
      await docker.getVolume(volume).remove()
    }
  })
})
