import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderMarkdown } from './markdown.ts'
import { visible } from './visible.ts'

const rendered = async (text: string) => String(await renderMarkdown(text)).trim()

test('the markdown that people and agents write is shown', async () => {
  assert.equal(
    await rendered('**bold** and `a < b`'),
    '<p><strong>bold</strong> and <code>a &lt; b</code></p>',
  )
  assert.equal(await rendered('one\ntwo'), '<p>one<br>\ntwo</p>')
  assert.equal(await rendered('- a\n- b'), '<ul>\n<li>a</li>\n<li>b</li>\n</ul>')
  assert.equal(
    await rendered('```ts\nif (a < b) {}\n```'),
    '<pre><code class="language-ts">if (a &lt; b) {}\n</code></pre>',
  )
  const link = '<a href="https://a.example/" rel="noopener noreferrer nofollow">'
  assert.equal(await rendered('[site](https://a.example/)'), `<p>${link}site</a></p>`)
  assert.equal(await rendered('see https://a.example/'), `<p>see ${link}https://a.example/</a></p>`)
})

test('links go by http and https only, and no picture is loaded', async () => {
  for (const url of [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc',
    '//a.example',
    '/login',
    'java&#115;cript:alert(1)',
  ])
    assert.doesNotMatch(await rendered(`[a](${url}) <${url}>\n\n[b]\n\n[b]: ${url}`), /<a /, url)
  assert.doesNotMatch(await rendered('![a](https://a.example/p.png)'), /<img/)
})

test('nothing that is written becomes markup of the page', async () => {
  const corpus = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<div hx-get="/logout" hx-trigger="load">',
    '`<b onclick=x>`',
    '```"><script>alert(1)</script>\n</code><script>alert(1)</script>\n```',
    '```\n</pre><svg onload=alert(1)>',
    '[a"onmouseover="alert(1)](https://a.example/"onmouseover="alert(1))',
    '[a](https://a.example/ "title\\" onclick=\\"alert(1)")',
    '<https://a.example/"onclick="alert(1)>',
    '**<iframe src=javascript:alert(1)>**',
    '| a | <b onclick=x> |\n|---|---|\n| <script> | 1 |',
    '&lt;script&gt;alert(1)&lt;/script&gt;',
  ]
  for (const text of corpus)
    for (const tag of (await rendered(text)).match(/<[^>]*>/g) ?? [])
      assert.match(
        tag,
        /^<\/?(p|br|pre|code( class="language-[^"<>]*")?|strong|em|table|thead|tbody|tr|th|td|a( href="https:\/\/[^"<>]*"( title="[^"<>]*")?( rel="noopener noreferrer nofollow")?)?)>$/,
        `${text} became ${await rendered(text)}`,
      )
})

test('what a terminal would hide is shown as it reads in the end, and what fools the eye is written out', () => {
  assert.equal(visible('\u001b[31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b]8;;\u0007'), 'red link')
  assert.equal(visible('10%\r20%\r100%\ndone\r\nend\r'), '100%\ndone\nend')
  assert.equal(visible('safe\u202etxt.exe\u2066\u200b'), 'safe⟨U+202E⟩txt.exe⟨U+2066⟩⟨U+200B⟩')
  assert.equal(visible('a\u0000b\u0007c\u0085\u2028d'), 'a⟨U+0000⟩b⟨U+0007⟩c⟨U+0085⟩⟨U+2028⟩d')
  assert.equal(visible('tab\there, ünï, 日本, 👩‍🚒'), 'tab\there, ünï, 日本, 👩‍🚒')
})

test('a megabyte on one line takes no time worth mentioning', () => {
  const before = performance.now()
  visible('a'.repeat(1_000_000))
  visible('a\r'.repeat(500_000))
  assert.ok(performance.now() - before < 1000)
})
