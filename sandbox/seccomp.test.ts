import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NoBox } from './sandbox.ts'
import { seccomp } from './seccomp.ts'
import { arm64, x64 } from './seccomp-table.ts'

const allow = 0x7fff0000
const refuse = (errno: number) => 0x00050000 | errno

/** Runs the filter as the kernel would on one call. */
const judge = (filter: Buffer, call: { arch: number; number: number; first?: number; second?: number }) => {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(call.number, 0)
  data.writeUInt32LE(call.arch, 4)
  data.writeUInt32LE(call.first ?? 0, 16)
  data.writeUInt32LE(call.second ?? 0, 24)
  let loaded = 0
  for (let at = 0; ; at += 8) {
    const value = filter.readUInt32LE(at + 4)
    const jump = (yes: boolean) => {
      at += 8 * filter.readUInt8(at + (yes ? 2 : 3))
    }
    switch (filter.readUInt16LE(at)) {
      case 0x20:
        loaded = data.readUInt32LE(value)
        break
      case 0x15:
        jump(loaded === value)
        break
      case 0x35:
        jump(loaded >= value)
        break
      case 0x45:
        jump((loaded & value) !== 0)
        break
      case 0x06:
        return value
      default:
        throw new Error(`There is no such instruction at ${at}.`)
    }
  }
}

for (const [name, machine] of Object.entries({ x64, arm64 })) {
  const filter = seccomp(name)
  const on = (number: number, first = 0, second = 0) =>
    judge(filter, { arch: machine.audit, number, first, second })

  test(`${name}: every call of the table is refused, and the common ones pass`, () => {
    for (const [call, number] of Object.entries(machine.denied)) assert.equal(on(number), refuse(1), call)
    assert.equal(on(0), allow)
    assert.equal(on(63), allow)
  })

  test(`${name}: a thread may start, a namespace may not, and clone3 sends to clone`, () => {
    const thread = 0x3d0f00
    assert.equal(on(machine.clone, thread), allow)
    assert.equal(on(machine.clone, thread | 0x10000000), refuse(1))
    assert.equal(on(machine.clone, 0x20000 | 17), refuse(1))
    assert.equal(on(435), refuse(38))
  })

  test(`${name}: nobody types into a terminal, other requests pass`, () => {
    assert.equal(on(machine.ioctl, 0, 0x5412), refuse(1))
    assert.equal(on(machine.ioctl, 0, 0x541c), refuse(1))
    assert.equal(on(machine.ioctl, 0, 0x5413), allow)
  })

  test(`${name}: sockets are unix, IPv4, IPv6 and netlink`, () => {
    for (const family of [1, 2, 10, 16]) assert.equal(on(machine.socket, family), allow)
    for (const family of [0, 17, 38, 40, 44]) assert.equal(on(machine.socket, family), refuse(97))
  })

  test(`${name}: calls by another processor's table are the end of the process`, () => {
    assert.equal(judge(filter, { arch: 0x40000003, number: 0 }), 0x80000000)
  })
}

test('the x32 calls of x64 are refused', () => {
  assert.equal(judge(seccomp('x64'), { arch: x64.audit, number: 0x40000000 | 59 }), refuse(1))
})

test('a processor without a table has no boxes', () => {
  assert.throws(() => seccomp('mips'), NoBox)
})
