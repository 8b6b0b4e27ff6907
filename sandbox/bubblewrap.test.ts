import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmod, rm, stat, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { engine, skipOf } from '../test/engines.ts'
import { openBubblewrap } from './bubblewrap.ts'
import { sandboxContract } from './sandbox.contract.ts'
import type { Trial } from './trial.contract.ts'
import { hears, openTrial, processesWith } from './trial.contract.ts'

const skip = skipOf(await engine('bubblewrap'))

sandboxContract({
  engine: 'bubblewrap',
  module: import.meta.resolve('./bubblewrap.ts'),
  opener: 'openBubblewrap',
  openSandbox: openBubblewrap,
  skip,
})

/** A box of the engine under test in which a shell script looks around; gives what it printed. */
const look = async (trial: Trial, script: string) => {
  const { out, err, code } = await trial.run(script)
  assert.equal(code, 0, err)
  return out
}

const the = (sentence: string, run: (trial: Trial) => Promise<void>, unless = skip) =>
  test(sentence, { skip: unless }, async () => {
    await using trial = await openTrial(openBubblewrap)
    await run(trial)
  })

const root = process.getuid?.() === 0
const rootOnly = skip || (!root && 'only a server that runs as root gives its boxes user ids of their own')

describe('bubblewrap: what a box cannot do', { concurrency: 2 }, () => {
  the('it runs as nobody special, without capabilities, under a filter', async trial => {
    const out = await look(
      trial,
      "id -u; grep -E '^(CapEff|CapBnd|CapPrm|NoNewPrivs|Seccomp):' /proc/self/status",
    )
    assert.deepEqual(out.trim().split(/\s+/), [
      ...['1000', 'CapPrm:', '0000000000000000', 'CapEff:', '0000000000000000'],
      ...['CapBnd:', '0000000000000000', 'NoNewPrivs:', '1', 'Seccomp:', '2'],
    ])
  })

  the(
    'two boxes of a root server have two user ids, neither of them the host’s root',
    async trial => {
      const script = `echo ready-to-go; sleep 7101.${process.pid}`
      await using one = await trial.open(script)
      await using two = await trial.open(script)
      await Promise.all([hears(one, 'ready-to-go'), hears(two, 'ready-to-go')])
      const owners = new Set<number>()
      for (const pid of await processesWith(`sleep 7101.${process.pid}`))
        owners.add((await stat(`/proc/${pid}`)).uid)
      assert.equal(owners.size, 2)
      assert.ok([...owners].every(uid => uid >= 200_000))
    },
    rootOnly,
  )

  the('the kernel’s settings cannot be opened for writing', async trial => {
    const out = await look(
      trial,
      'for file in /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches; do (: >> $file) 2>&1 && echo opened; done; cut -d" " -f5,6 /proc/self/mountinfo | sed "s/^/ /"',
    )
    assert.equal(out.match(/Read-only file system|Permission denied/g)?.length, 2)
    assert.match(out, / \/proc\/sys ro,/)
    assert.doesNotMatch(out, /opened/)
  })

  the('no new namespace, no foreign socket family, no mount', async trial => {
    const out = await look(
      trial,
      `unshare --user true 2>&1; mount -t tmpfs none /tmp 2>&1
       perl -e 'for (1, 2, 16, 40, 38, 17) { print "$_:", socket(S, $_, $_ == 16 ? 3 : 1, 0) ? "opened" : $!+0, " " }'; mkfifo /tmp/f && echo fifo`,
    )
    assert.match(out, /unshare failed: Operation not permitted/)
    assert.match(out, /mount: .*(permission denied|must be superuser)/i)
    assert.match(out, /1:opened 2:opened 16:opened 40:97 38:97 17:97 fifo/)
  })

  the('there is no network but its own loopback', async trial => {
    assert.equal(await look(trial, "sed -n 's/^ *\\([^:]*\\):.*/\\1/p' /proc/net/dev"), 'lo\n')
  })

  the('nothing of the server’s environment is there, not even in its first process', async trial => {
    process.env.BELLHOP_CANARY = 'canary-in-the-environment'
    const out = await look(trial, "cat /proc/[0-9]*/environ | tr '\\0' '\\n'; cat /proc/[0-9]*/cmdline; env")
    delete process.env.BELLHOP_CANARY
    assert.match(out, /^PATH=/m)
    assert.doesNotMatch(out, /canary/)
  })

  the('nothing of the host’s folders or of another box is there', async trial => {
    const marker = `marker-${process.pid}`
    for (const folder of [trial.folder, homedir(), '/tmp', '/etc', '/var/tmp'])
      await writeFile(join(folder, marker), '').catch(() => {})
    await using other = await trial.open(
      `touch ${marker} ~/${marker} /tmp/${marker} /dev/shm/${marker}; echo ready-to-go; sleep 7102`,
    )
    await hears(other, 'ready-to-go')
    const out = await look(
      trial,
      `find / -path /usr -prune -o -path /proc -prune -o -name '${marker}' -print 2>/dev/null; ls -A / /home ~ /opt /workspace /gateway`,
    )
    for (const folder of [homedir(), '/tmp', '/etc', '/var/tmp'])
      await rm(join(folder, marker), { force: true })
    assert.doesNotMatch(out, /marker/)
    assert.equal(
      out.replaceAll(/\s+/g, ' '),
      '/: bin dev etc gateway home lib lib64 opt proc sbin tmp usr var workspace /gateway: gateway.sock /home: agent /home/agent: /opt: bellhop /workspace: .git README.md ',
    )
  })

  the('nothing but its own folders can be written', async trial => {
    const out = await look(
      trial,
      'for folder in / /usr /etc /opt/bellhop /opt/bellhop/box /dev /gateway /home /proc/sys /workspace /home/agent /tmp /dev/shm; do touch $folder/w 2>/dev/null && echo $folder; done; rm -f w; true',
    )
    assert.equal(out, '/workspace\n/home/agent\n/tmp\n/dev/shm\n')
  })

  the(
    'an inherited descriptor of the server ends with closeInherited, and would reach the box without',
    async trial => {
      const marker = join(trial.folder, 'marker')
      await writeFile(marker, 'read through a descriptor')
      const serve = async (attempt: number, close: boolean) => {
        const plan = trial.plan('cat /proc/self/fd/9 /proc/self/fd/60 /proc/1/fd/9 /proc/1/fd/60')
        const order = { job: trial.job, attempt, gateway: trial.standin.folder, plan }
        const program = `
        const { closeInherited } = await import(${JSON.stringify(import.meta.resolve('./descriptors.ts'))})
        if (${close}) console.log(closeInherited({ spare: [61] }))
        const { openBubblewrap } = await import(${JSON.stringify(import.meta.resolve('./bubblewrap.ts'))})
        await using box = await openBubblewrap({ folder: ${JSON.stringify(trial.boxes)} }).open(${JSON.stringify(order)})
        for await (const bytes of box.output(0)) process.stdout.write(bytes)`
        const shell = 'exec 9<"$1" 60<"$1" 61<"$1"; shift; exec "$@"'
        const argv = [process.execPath, '--input-type=module', '--eval', program]
        const server = spawn('/bin/bash', ['-c', shell, 'bash', marker, ...argv], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        return await text(server.stdout)
      }
      assert.match(await serve(101, false), /read through a descriptor/)
      const closed = await serve(102, true)
      assert.match(closed, /\b60 \]/)
      assert.match(closed, /"report":"exited"/)
      assert.doesNotMatch(closed, /read through a descriptor/)
    },
  )

  the('a file that its own user may not read is named, and the others are saved', async trial => {
    const { err } = await trial.run('echo 1 > open; echo 2 > closed; chmod 0 closed')
    assert.match(err, /Some files were not saved: .*closed.*Permission denied/s)
    assert.equal(await trial.standin.git('ls-tree', '--name-only', 'jobs/j1'), 'README.md\nopen')
  })

  the('a full /tmp is its own trouble: the box goes on, and so does its neighbour', async trial => {
    await using neighbour = await trial.open('', { agent: { argv: ['/bin/cat'], keepOpen: true } })
    const out = await look(trial, 'head -c 600000000 /dev/zero 2>&1 > /tmp/full; rm /tmp/full; echo going on')
    assert.match(out, /No space left on device\ngoing on/)
    neighbour.write('still here')
    await hears(neighbour, 'still here')
  })
})

describe('bubblewrap: where no box can be had', () => {
  const folder = () => join(tmpdir(), `boxes-${process.pid}`)
  test('without the program the probe says what to install', async () => {
    const probe = await openBubblewrap({ folder: folder(), bwrap: '/no/such/bwrap' }).probe()
    assert.match(probe.ok ? '' : probe.why, /^bubblewrap is not installed on this host/)
  })
  test('where it does not run the probe says why', async () => {
    const probe = await openBubblewrap({ folder: folder(), bwrap: '/bin/false' }).probe()
    assert.match(probe.ok ? '' : probe.why, /^bubblewrap cannot start a box on this host: /)
    await rm(folder(), { recursive: true })
  })
  the(
    'a closed folder above the boxes is named',
    async trial => {
      await chmod(trial.folder, 0o700)
      const probe = await trial.sandbox.probe()
      assert.ok(!probe.ok)
      assert.ok(probe.why.includes(`may not pass ${trial.folder}. Open it`))
      assert.deepEqual(await trial.sandbox.list(), [])
      await chmod(trial.folder, 0o711)
    },
    rootOnly,
  )
})
