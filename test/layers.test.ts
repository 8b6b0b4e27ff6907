import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { blemishes, bounds, breaches, circles, importsOf, readSources, sizes } from './layers.ts'

const sources = await readSources(join(import.meta.dirname, '..'))
const made = (path: string, text: string) => ({ path, text })

suite('the house', () => {
  test('every room imports only the rooms below it', () => {
    assert.deepEqual(breaches(sources), [])
  })

  test('no files import each other in a circle', () => {
    assert.deepEqual(circles(sources), [])
  })

  test(`half of the source files have at most ${bounds.median} lines and none more than ${bounds.most}`, () => {
    const { median, tooLong } = sizes(sources)
    assert.deepEqual(tooLong, [])
    assert.ok(median <= bounds.median, `the median is ${median} lines`)
  })

  test('no file leaves work for later, names a path of one machine, or reads the environment behind the back of config', () => {
    assert.deepEqual(blemishes(sources), [])
  })
})

suite('the checker', () => {
  for (const text of [
    "import { openStore } from '../runner/worker.ts'",
    "import type { Worker } from '../runner/worker.ts'",
    "export * from '../runner/worker.ts'",
    "export { openStore }\n  from '../runner/worker.ts'",
    "import '../runner/worker.ts'",
    "const { openStore } = await import('../runner/worker.ts')",
    "type Worker = import('../runner/worker.ts').Worker",
  ])
    test(`names the offender of: ${text.replace('\n', ' ')}`, () => {
      assert.deepEqual(breaches([...sources, made('store/bad.ts', text)]).slice(-1), [
        'store/bad.ts imports runner/worker.ts, but store may import only: nothing of ours',
      ])
    })

  test('lets a room import itself, what is below it, and packages', () => {
    const text = "import a from './a.ts'\nimport type b from '../sandbox/b.ts'\nimport c from 'zod'\n"
    assert.deepEqual(breaches([made('runner/agents/good.ts', text.replace('..', '../..'))]), [])
  })

  test('keeps config for main alone', () => {
    assert.deepEqual(breaches([made('main.ts', "import './config.ts'"), made('config.ts', '')]), [])
    assert.equal(breaches([made('bot/bad.ts', "import type { Config } from '../config.ts'")]).length, 1)
  })

  test('keeps tests out of the product, and shows them every room', () => {
    assert.equal(breaches([made('views/bad.ts', "import '../test/engines.ts'")]).length, 1)
    assert.equal(breaches([made('store/bad.ts', "import './store.contract.ts'")]).length, 1)
    assert.deepEqual(breaches([made('store/a.test.ts', "import '../main.ts'")]), [])
  })

  test('refuses a room that is not on the map', () => {
    assert.match(breaches([made('utils/bad.ts', '')])[0] ?? '', /no known room/)
  })

  test('reads no import out of a comment', () => {
    assert.deepEqual(
      importsOf(made('store/a.ts', "/** from '../bot/a.ts' */\n// import '../bot/b.ts'\n")),
      [],
    )
  })

  test('finds a circle of types through three files', () => {
    const circle = [
      made('store/a.ts', "import type { B } from './b.ts'"),
      made('store/b.ts', "import type { C } from './c.ts'"),
      made('store/c.ts', "import type { A } from './a.ts'"),
    ]
    assert.deepEqual(circles(circle), ['store/a.ts → store/b.ts → store/c.ts → store/a.ts'])
    assert.deepEqual(circles(circle.slice(1)), [])
  })

  test('finds a file that is too long, and a house of long files', () => {
    assert.deepEqual(sizes([made('bot/a.ts', '\n'.repeat(301))]).tooLong, ['bot/a.ts has 301 lines'])
    assert.equal(sizes([made('bot/a.ts', '\n'.repeat(9)), made('bot/b.ts', '\n'.repeat(101))]).median, 101)
  })

  test('finds each blemish', () => {
    const texts = [
      `// ${'TO'}DO: later`,
      `const a = '${'/wo'}rk/a'`,
      `open("${'/ho'}me/jo/a")`,
      'process.env.PORT',
    ]
    for (const text of texts) assert.equal(blemishes([made('bot/bad.ts', text)]).length, 1, text)
    const fine = [
      "cd('/workspace/')",
      "const home = '/home/agent/a'",
      'root/a',
      'a/work/b',
      'join(root, "work/")',
    ]
    for (const text of fine) assert.deepEqual(blemishes([made('bot/good.ts', text)]), [], text)
  })
})
