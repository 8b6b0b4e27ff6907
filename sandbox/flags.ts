import { lstatSync, readlinkSync } from 'node:fs'
import type { BoxPaths } from './sandbox.ts'

/** A program of the host, a file or a folder, and where boxes see it. */
export interface Tool {
  readonly from: string
  readonly to: string
}

/** What a box's programs see as theirs. */
export const boxPaths: BoxPaths = { workspace: '/workspace', home: '/home/agent', gateway: '/gateway' }

/** Where the search for programs goes in a box. */
export const boxPath = '/opt/bellhop/bin:/usr/local/bin:/usr/bin:/bin'

/** Room in `/tmp` and `/dev/shm`, both in the host's memory: 512 MB and 256 MB. */
const tmpBytes = 512 * 1024 ** 2
const shmBytes = 256 * 1024 ** 2

export interface FlagParts {
  /** The box's folder on the host, with `workspace` and `home` in it. */
  readonly folder: string
  readonly gateway: string
  readonly node: string
  /** The folder of the entry. */
  readonly entry: string
  readonly tools: readonly Tool[]
  /** Node's compile cache for the entry: written by the probe's box, in which nothing foreign runs, and by no other. */
  readonly cache: { readonly folder: string; readonly writable: boolean }
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[]
}

/**
 * The arguments of `bwrap` for a box: every namespace its own, no capability, no way to more of them, the host's `/usr` and
 * no more of it. The filter is read from descriptor 3. The order matters, for a later mount covers an earlier one.
 */
export const flags = (parts: FlagParts): readonly string[] => [
  ...['--unshare-all', '--unshare-user', '--disable-userns', '--cap-drop', 'ALL'],
  ...['--uid', '1000', '--gid', '1000', '--hostname', 'box'],
  ...['--new-session', '--die-with-parent', '--clearenv', '--seccomp', '3'],
  ...['--ro-bind', '/usr', '/usr'],
  ...['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'].flatMap(outsideUsr),
  ...['ssl', 'ca-certificates', 'pki', 'alternatives', 'ld.so.cache'].flatMap(name => [
    ...['--ro-bind-try', `/etc/${name}`, `/etc/${name}`],
  ]),
  ...['passwd', 'group', 'hosts'].flatMap(name => [
    '--symlink',
    `/opt/bellhop/box/etc/${name}`,
    `/etc/${name}`,
  ]),
  ...['--proc', '/proc', '--ro-bind', '/proc/sys', '/proc/sys'],
  ...['--dev', '/dev', '--size', String(shmBytes), '--tmpfs', '/dev/shm', '--remount-ro', '/dev'],
  ...['--size', String(tmpBytes), '--tmpfs', '/tmp', '--symlink', '/tmp', '/var/tmp'],
  ...['--ro-bind', parts.node, '/opt/bellhop/node', '--ro-bind', parts.entry, '/opt/bellhop/box'],
  ...[parts.cache.writable ? '--bind' : '--ro-bind', parts.cache.folder, '/opt/bellhop/cache'],
  ...['--setenv', 'NODE_COMPILE_CACHE', '/opt/bellhop/cache'],
  ...parts.tools.flatMap(({ from, to }) => ['--ro-bind', from, to]),
  ...['--bind', `${parts.folder}/workspace`, boxPaths.workspace],
  ...['--bind', `${parts.folder}/home`, boxPaths.home],
  ...['--ro-bind', parts.gateway, boxPaths.gateway],
  ...['--remount-ro', '/', '--chdir', boxPaths.workspace],
  ...Object.entries(parts.env).flatMap(([name, value]) => ['--setenv', name, value]),
  ...['--', '/opt/bellhop/node', ...parts.command],
]

/** Links into `/usr` on most systems, folders of their own on the others. */
const outsideUsr = (path: string): readonly string[] => {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found?.isSymbolicLink()) return ['--symlink', readlinkSync(path), path]
  return found?.isDirectory() ? ['--ro-bind', path, path] : []
}
