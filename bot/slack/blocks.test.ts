import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { blocksOf } from './blocks.ts'
import { mrkdwn } from './markup.ts'

void describe('mrkdwn', () => {
  for (const [name, markdown, expected] of [
    ['bold, italic and struck text', '**a** *b* _c_ ~~d~~', '*a* _b_ _c_ ~d~'],
    ['a heading, bold once', '# The **end**\nof it', '*The end*\n\nof it'],
    ['lines as they are', 'one\ntwo\n\nthree', 'one\ntwo\n\nthree'],
    ['lists, nested and numbered', '- a\n  - b\n- c\n\n3. x\n4. y', '• a\n    • b\n• c\n3. x\n4. y'],
    ['a quote', '> a\n> b\n\nc', '> a\n> b\n\nc'],
    [
      'links, and addresses as they stand',
      '[t](https://a.b/?x=1&y) https://c.d',
      '<https://a.b/?x=1&amp;y|t> <https://c.d>',
    ],
    ['code without its language', 'x\n```ts\nif (a < b) {}\n```', 'x\n\n```\nif (a &lt; b) {}\n```'],
    ['marks inside code as they are', '`a * b & **c**`', '`a * b &amp; **c**`'],
    ['html as text', '<b>x</b>', '&lt;b&gt;x&lt;/b&gt;'],
  ] as const)
    test(`has ${name}`, () => assert.equal(mrkdwn(markdown), expected))

  test('never holds a sign that mentions somebody, however it is written', () => {
    for (const wicked of [
      '<!channel>',
      '[x](!channel)',
      '[x](<!here>)',
      '[x](@U1)',
      '[x](#C1)',
      '![x](!channel)',
      '[<!here>](https://a.b)',
      '[x](https://a.b|<!here>)',
      '`<!channel>`',
      '```\n<!channel>\n```',
      '~~~\n```\n<@U1>\n~~~',
      '&lt;!channel&gt;',
      '<https://a.b|x> <subteam^S1>',
    ])
      assert.doesNotMatch(mrkdwn(wicked), /<(?!https:\/\/a\.b)/, wicked)
  })

  test('lets no code end its own block', () => {
    assert.equal(mrkdwn('~~~\n```\nrm\n~~~').split('```').length, 3)
  })
})

void describe("Slack's blocks", () => {
  const sizes = (text: string) =>
    blocksOf({ text }).blocks.map(block => ('text' in block ? (block.text?.text.length ?? 0) : 0))

  test('stay within all of Slack’s limits, whatever the text', () => {
    for (const text of [
      '',
      ' ',
      'x'.repeat(3500),
      '&'.repeat(3500),
      'a\n'.repeat(1750),
      '```\n<>\n```\n'.repeat(300),
      '[é](https://a.b/é)'.repeat(200),
    ]) {
      const { text: fallback, blocks } = blocksOf({ text })
      assert.ok(blocks.length >= 1 && blocks.length <= 50)
      assert.ok(fallback.length >= 1 && fallback.length <= 4000)
      assert.ok(Math.max(...sizes(text)) <= 3000)
      assert.ok(Math.min(...sizes(text)) >= 1)
      assert.ok(sizes(text).reduce((sum, size) => sum + size, 0) <= 10_001)
    }
  })

  test('cut no escape in two', () => {
    for (const block of blocksOf({ text: `${'x'.repeat(2998)}${'&'.repeat(400)}` }).blocks)
      if ('text' in block) assert.doesNotMatch(block.text?.text ?? '', /&(?!amp;)|^a?m?p?;/)
  })

  test('give buttons their label, style, and what pressing brings', () => {
    const { blocks } = blocksOf({
      text: 'x',
      buttons: [
        { label: 'L'.repeat(80), style: 'danger', press: { verb: 'cancel', job: 'j' } },
        { label: 'Open', press: { url: 'https://a.b' } },
      ],
    })
    assert.deepEqual(blocks[1], {
      type: 'actions',
      elements: [
        {
          type: 'button',
          action_id: 'hop:0',
          text: { type: 'plain_text', text: 'L'.repeat(75) },
          style: 'danger',
          value: '{"verb":"cancel","job":"j"}',
        },
        {
          type: 'button',
          action_id: 'hop:1',
          text: { type: 'plain_text', text: 'Open' },
          url: 'https://a.b',
        },
      ],
    })
  })
})
