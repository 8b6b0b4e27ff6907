import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { engine, skipOf } from '../../test/engines.ts'
import { NoDaemon } from '../docker/daemon.ts'
import { buildImage, NoImage } from './build.ts'

const skip = skipOf(await engine('docker'))

/** What a build that cannot end well is refused with. */
const refusal = async (parts: Partial<Parameters<typeof buildImage>[0]>) => {
  const base = 'bellhop-box'
  const error = await buildImage({ tag: 'bellhop-never', base, print: () => {}, ...parts }).then(
    () => undefined,
    error => error,
  )
  assert.ok(error instanceof NoImage || error instanceof NoDaemon, String(error))
  return error.message
}

test('without a daemon the sentence says how to get one', async () => {
  assert.match(
    await refusal({ docker: 'unix:///nowhere/docker.sock' }),
    /^Docker does not answer .*DOCKER_HOST/,
  )
})

test('a base that is not there is named before anything is fetched', { skip }, async () => {
  const said = await refusal({ base: '127.0.0.1:1/no-such-base:1', npm: '/no/such/npm' })
  assert.match(
    said,
    /^The base image 127\.0\.0\.1:1\/no-such-base:1 is not there and cannot be pulled: .*--base/,
  )
})

test('npm that is missing, that fails, or that brings nothing is told apart', { skip }, async t => {
  const folder = await mkdtemp(join(tmpdir(), 'npm-'))
  t.after(() => rm(folder, { recursive: true }))
  const npm = join(folder, 'npm')
  assert.match(await refusal({ npm }), /npm cannot be started \(.*ENOENT.*\): install it/)
  await writeFile(npm, '#!/bin/sh\necho no registry here >&2; exit 3')
  await chmod(npm, 0o755)
  assert.match(await refusal({ npm }), /^npm could not fetch what goes into the image:\nno registry here$/)
  await writeFile(npm, '#!/bin/sh\nmkdir node_modules')
  assert.match(await refusal({ npm }), /^npm did not bring node-linux-.*registry/)
})

test('all that npm brings is pinned, and checked by its digest, from whatever registry', async () => {
  const { packages } = JSON.parse(await readFile(join(import.meta.dirname, 'package-lock.json'), 'utf8'))
  const { dependencies, optionalDependencies } = JSON.parse(
    await readFile(join(import.meta.dirname, 'package.json'), 'utf8'),
  )
  const wanted: Record<string, string> = { ...dependencies, ...optionalDependencies }
  for (const [name, version] of Object.entries(wanted)) {
    assert.equal(packages[`node_modules/${name}`]?.version, version)
    assert.match(packages[`node_modules/${name}`]?.integrity, /^sha512-/)
  }
  assert.doesNotMatch(JSON.stringify(packages), /"resolved"/)
})
