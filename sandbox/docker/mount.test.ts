import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Seen } from './mount.ts'
import { mountOf, ownContainer } from './mount.ts'

/** As `docker inspect` tells them of a runner in a compose file. */
const seen: readonly Seen[] = [
  {
    Type: 'volume',
    Name: 'bellhop_data',
    Source: '/var/lib/docker/volumes/bellhop_data/_data',
    Destination: '/data',
  },
  {
    Type: 'volume',
    Name: 'bellhop_gateways',
    Source: '/var/lib/docker/volumes/bellhop_gateways/_data',
    Destination: '/data/gateways',
  },
  { Type: 'bind', Source: '/srv/run', Destination: '/run/bellhop' },
]
const mount = (folder: string, api = '1.45', here = seen) =>
  mountOf({ folder, target: '/gateway', seen: here, api })

test('outside of a container the path is the host’s own', () => {
  assert.deepEqual(mount('/data/gateways/j1-1', '1.45', []), {
    Type: 'bind',
    Source: '/data/gateways/j1-1',
    Target: '/gateway',
    ReadOnly: true,
  })
})

test('of a volume only the box’s own folder is mounted, from the innermost volume', () => {
  const { VolumeOptions, ...rest } = mount('/data/gateways/j1-1')
  assert.deepEqual(rest, { Type: 'volume', Source: 'bellhop_gateways', Target: '/gateway', ReadOnly: true })
  assert.equal((VolumeOptions as { Subpath?: string }).Subpath, 'j1-1')
  assert.equal(mount('/data/gatewaysx/j1-1').Source, 'bellhop_data')
})

test('a daemon that mounts only whole volumes is told where the folder lies on its host', () => {
  for (const api of ['1.41', '1.44'])
    assert.deepEqual(mount('/data/gateways/j1-1', api), {
      Type: 'bind',
      Source: '/var/lib/docker/volumes/bellhop_gateways/_data/j1-1',
      Target: '/gateway',
      ReadOnly: true,
    })
})

test('a folder of the host that the runner sees elsewhere is found again', () => {
  assert.equal(mount('/run/bellhop/gateways/j1-1').Source, '/srv/run/gateways/j1-1')
})

test('the container of a process is known by its mounts, under either version of control groups', () => {
  const id = 'f3'.repeat(32)
  const line = `642 630 254:0 /var/lib/docker/containers/${id}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw`
  assert.equal(ownContainer(`641 630 0:50 / /sys ro - sysfs sysfs ro\n${line}\n`), id)
  assert.equal(ownContainer('24 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n'), undefined)
})
