import { NoBox } from './sandbox.ts'
import type { Machine } from './seccomp-table.ts'
import { arm64, x64 } from './seccomp-table.ts'

/** Instructions of the kernel's classic packet filter, from `linux/bpf_common.h` and `linux/seccomp.h`. */
const load = 0x20
const equal = 0x15
const atLeast = 0x35
const anyBit = 0x45
const answer = 0x06

const allow = 0x7fff0000
const kill = 0x80000000
const refuse = (errno: number) => 0x00050000 | errno
const notPermitted = refuse(1)
const notThere = refuse(38)
const noSuchFamily = refuse(97)

/** Where `struct seccomp_data` keeps the call's number, the processor, and the low halves of the first two arguments. */
const callNumber = 0
const processor = 4
const firstArgument = 16
const secondArgument = 24

/** All `CLONE_NEW…` flags that `clone` takes. */
const newNamespaces = 0x7e020000
const clone3 = 435
const fakeInput = [0x5412, 0x541c]
/** Numbers from here on are calls of the x32 interface, which would pass by a list of the common ones. */
const x32 = 0x40000000

/**
 * The address families a box may open: unix, IPv4, IPv6, netlink. All of them stay inside its own network namespace. What
 * is left out does not: `vsock` reaches the host of a virtual machine from within any namespace.
 */
const families = [1, 2, 10, 16]

/**
 * A seccomp filter for `bwrap --seccomp`: refuses the calls of the table, new namespaces, typing into a terminal, and
 * foreign address families; kills a process that calls by another processor's table. Throws `NoBox` on a processor that has no table.
 */
export const seccomp = (arch: string): Buffer => {
  const machine = machineOf(arch)
  const code: (readonly [code: number, ifTrue: number, ifFalse: number, value: number])[] = []
  const op = (what: number, value: number, ifTrue = 0, ifFalse = 0) => {
    code.push([what, ifTrue, ifFalse, value])
  }

  op(load, processor)
  op(equal, machine.audit, 1, 0)
  op(answer, kill)
  op(load, callNumber)
  if (arch === 'x64') {
    op(atLeast, x32, 0, 1)
    op(answer, notPermitted)
  }
  // Its flags lie in memory, where a filter cannot look; libraries fall back to clone.
  op(equal, clone3, 0, 1)
  op(answer, notThere)

  op(equal, machine.clone, 0, 4)
  op(load, firstArgument)
  op(anyBit, newNamespaces, 0, 1)
  op(answer, notPermitted)
  op(answer, allow)

  op(equal, machine.ioctl, 0, fakeInput.length + 3)
  op(load, secondArgument)
  for (const [n, request] of fakeInput.entries()) op(equal, request, fakeInput.length - n, 0)
  op(answer, allow)
  op(answer, notPermitted)

  op(equal, machine.socket, 0, families.length + 3)
  op(load, firstArgument)
  for (const [n, family] of families.entries()) op(equal, family, families.length - n, 0)
  op(answer, noSuchFamily)
  op(answer, allow)

  for (const number of Object.values(machine.denied)) {
    op(equal, number, 0, 1)
    op(answer, notPermitted)
  }
  op(answer, allow)

  const bytes = Buffer.alloc(code.length * 8)
  code.forEach(([what, ifTrue, ifFalse, value], n) => {
    bytes.writeUInt16LE(what, n * 8)
    bytes.writeUInt8(ifTrue, n * 8 + 2)
    bytes.writeUInt8(ifFalse, n * 8 + 3)
    bytes.writeUInt32LE(value >>> 0, n * 8 + 4)
  })
  return bytes
}

const machineOf = (arch: string): Machine => {
  if (arch === 'x64') return x64
  if (arch === 'arm64') return arm64
  throw new NoBox(`There is no seccomp filter for the processor ${arch}; bubblewrap boxes need x64 or arm64.`)
}
