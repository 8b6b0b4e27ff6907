import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCommand } from '../grammar.ts'
import { hop, typed } from './command.ts'

/** Chosen options as Discord sends them. */
const chosen = (verb: string, options: Readonly<Record<string, string | number>> = {}) =>
  typed({
    options: [{ name: verb, options: Object.entries(options).map(([name, value]) => ({ name, value })) }],
  })

test('what is chosen reads as what would be typed, with a prompt that sets no options', () => {
  const text = chosen('run', {
    prompt: 'in=other budget=9 fix "it"',
    in: 'my shop',
    model: 'a"b',
    budget: 2.5,
    priority: 7,
    timeout: '20m',
  })
  assert.deepEqual(parseCommand(text), {
    ok: true,
    command: {
      verb: 'run',
      prompt: 'in=other budget=9 fix "it"',
      options: { in: 'my shop', model: "a'b", budget: 2.5, priority: 7, timeout: 1200 },
    },
  })
  assert.deepEqual(parseCommand(chosen('sh', { command: '-- ls' })), {
    ok: true,
    command: { verb: 'sh', prompt: '-- ls', options: {} },
  })
  assert.deepEqual(parseCommand(chosen('cancel', { job: ' abc1 ' })), {
    ok: true,
    command: { verb: 'cancel', job: 'abc1' },
  })
  assert.deepEqual(parseCommand(typed({})), { ok: true, command: { verb: 'help' } })
})

test('every subcommand that is registered is a verb, its required options come first, and all fits Discord’s limits', () => {
  const [command] = hop as unknown as readonly [{ readonly options: readonly Sub[] }]
  for (const { name, description, options } of command.options) {
    const parsed = parseCommand(
      chosen(name, Object.fromEntries(options.map(one => [one.name, one.type === 3 ? '5' : 5]))),
    )
    assert.ok(parsed.ok, `${name}: ${JSON.stringify(parsed)}`)
    assert.equal(parsed.command.verb, name)
    assert.ok(description.length <= 100 && options.every(one => one.description.length <= 100))
    const required = options.map(one => one.required === true)
    assert.deepEqual(
      required,
      required.toSorted((a, b) => Number(b) - Number(a)),
    )
  }
  assert.ok(JSON.stringify(hop).length < 8000)
})

interface Sub {
  readonly name: string
  readonly description: string
  readonly options: readonly {
    readonly name: string
    readonly type: number
    readonly description: string
    readonly required?: boolean
  }[]
}
