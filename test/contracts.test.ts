import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'

/** A promise of each port, by the name of its test; broken.ts has an engine that breaks it and no other. */
const promises: readonly (readonly [port: string, promise: string])[] = [
  ['store', 'lets one of many insert an id, and one of many replace a revision'],
  ['bell', 'is not heard by a listener that was stopped, also twice'],
  ['queue', 'delivers priority 9 first, 0 last, and equals in order'],
  ['files', 'takes exactly the limit, and keeps nothing of what is past it'],
  ['repos', 'what is shelved leaves its branch free and stays reachable'],
  ['sandbox', 'output can be read again from a position'],
  ['gateway', 'a released attempt leaves nothing, however often it is released'],
  ['platform', 'an envelope that could not be handled is not done'],
  ['agent', 'is read alike however its output is cut'],
]

void describe('an engine that breaks one promise fails the contract of its port', { concurrency: 2 }, () => {
  for (const [port, promise] of promises)
    test(`${port}: ${promise}`, async () => {
      const { NODE_TEST_CONTEXT: _, TEST_ENGINES_FILE: __, ...env } = process.env
      const args = ['--test', '--test-reporter=spec', `--test-name-pattern=${promise}`]
      const child = spawn(process.execPath, [...args, join(import.meta.dirname, 'broken.ts')], {
        env: { ...env, BROKEN: port },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const printed = await text(child.stdout)
      assert.match(printed, /^ℹ fail 1$/m)
      assert.ok(printed.includes(`✖ ${promise}`), printed)
    })
})
