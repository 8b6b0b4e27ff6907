import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseCommand, parseMention } from './grammar.ts'

const command = (text: string) => {
  const parsed = parseCommand(text)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.detail)
  return parsed.command
}
const mention = (text: string) => {
  const parsed = parseMention(text)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.detail)
  return parsed.command
}
const sentence = (text: string) => {
  const parsed = parseCommand(text)
  assert.ok(!parsed.ok)
  return parsed.detail
}

suite('a command', () => {
  test('takes options before the prompt, quoted or not', () => {
    assert.deepEqual(command('run in=shop model="a b" budget=$2.50 priority=7 timeout=10m fix it'), {
      verb: 'run',
      prompt: 'fix it',
      options: { in: 'shop', model: 'a b', budget: 2.5, priority: 7, timeout: 600 },
    })
    assert.deepEqual(command('RUN In=“my shop” fix'), {
      verb: 'run',
      prompt: 'fix',
      options: { in: 'my shop' },
    })
  })

  test('leaves the prompt as it was typed', () => {
    const prompt = 'x=1 in=shop\n\n  if a "b"  then\n'
    assert.deepEqual(command(`run agent=script ${prompt}`), {
      verb: 'run',
      prompt: prompt.trim(),
      options: { agent: 'script' },
    })
  })

  test('takes only known names for options, and none behind two dashes', () => {
    assert.deepEqual(command('run modle=x fix'), { verb: 'run', prompt: 'modle=x fix', options: {} })
    assert.deepEqual(command('run in=a -- in=b fix'), {
      verb: 'run',
      prompt: 'in=b fix',
      options: { in: 'a' },
    })
    assert.deepEqual(command('sh -- budget=2 make'), { verb: 'sh', prompt: 'budget=2 make', options: {} })
    assert.deepEqual(command('sh --version'), { verb: 'sh', prompt: '--version', options: {} })
    assert.deepEqual(command('run constructor=x fix'), {
      verb: 'run',
      prompt: 'constructor=x fix',
      options: {},
    })
  })

  test('gives a negative number on, for the intake to refuse', () => {
    assert.deepEqual(command('run budget=-1 priority=99 x'), {
      verb: 'run',
      prompt: 'x',
      options: { budget: -1, priority: 99 },
    })
  })

  test('names a job or none', () => {
    assert.deepEqual(command('cancel'), { verb: 'cancel' })
    assert.deepEqual(command(' logs  abc '), { verb: 'logs', job: 'abc' })
  })

  test('asks for help when it says nothing', () => {
    assert.deepEqual(command('  '), { verb: 'help' })
  })

  for (const [text, says] of [
    ['frob the knob', /no verb "frob".*run, sh, jobs, cancel, retry, logs, web, help.*\/hop run/],
    ['run', /prompt is missing.*\/hop run/],
    ['run in=shop', /prompt is missing/],
    ['run --', /prompt is missing/],
    ['sh', /command is missing.*\/hop sh/],
    ['run budget=lots x', /budget is "lots".*dollars above 0.*budget=2\.50/],
    ['run priority=high x', /priority is "high".*0 \(last\) to 9 \(first\)/],
    ['run timeout=soon x', /timeout is "soon".*timeout=10m/],
    ['run in= x', /behind `in=` is missing.*in=shop/],
    ['sh agent=claude ls', /takes no `agent=`/],
    ['cancel this job', /one job id/],
    ['jobs all', /takes nothing after it/],
  ] as const)
    test(`is answered by one sentence when it is "${text}"`, () => {
      assert.match(sentence(text), says)
      assert.doesNotMatch(sentence(text), /\n/)
    })
})

suite('a mention', () => {
  for (const text of [
    'fix the flaky test',
    'run the tests',
    'jobs are slow, look into the queue',
    'cancel the newsletter feature',
    'cancel everythingeverything',
    'help me with the build',
    'web scraping is broken',
    'logs of yesterday show an error, find it',
    'sh',
  ])
    test(`is a prompt as a whole when it is "${text}"`, () => {
      assert.deepEqual(mention(text), { verb: 'run', prompt: text, options: {} })
    })

  test('is a command when the rest fits the verb', () => {
    assert.deepEqual(mention('run in=shop fix it'), {
      verb: 'run',
      prompt: 'fix it',
      options: { in: 'shop' },
    })
    assert.deepEqual(mention('sh npm test'), { verb: 'sh', prompt: 'npm test', options: {} })
    assert.deepEqual(mention('cancel'), { verb: 'cancel' })
    assert.deepEqual(mention('Retry 0mikx1k2v3abcdefg'), { verb: 'retry', job: '0mikx1k2v3abcdefg' })
    assert.deepEqual(mention('jobs'), { verb: 'jobs' })
    assert.deepEqual(mention(''), { verb: 'help' })
  })

  test('takes options without a verb', () => {
    assert.deepEqual(mention('in=shop fix it'), { verb: 'run', prompt: 'fix it', options: { in: 'shop' } })
  })
})
