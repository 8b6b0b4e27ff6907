import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Message } from '../store/records.ts'
import { openBrowser } from '../test/browser.ts'
import { engine, skipOf } from '../test/engines.ts'
import { openWeb } from '../test/web.ts'
import { openApp } from './app.ts'
import { serveApp } from './serve.ts'

type Web = Awaited<ReturnType<typeof openWeb>>

const form = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' }

/** Posts a form as a browser does. */
const post = (
  web: Web,
  path: string,
  cookie: { cookie: string },
  fields: Record<string, string>,
  headers = {},
) =>
  web.app.request(path, {
    method: 'POST',
    headers: { ...cookie, ...form, ...headers },
    body: String(new URLSearchParams(fields)),
  })

/** What lies in the inbox of the browser chat, without the time. */
const inbox = async (web: Web) =>
  (await web.store.find('inbox', { where: { platform: 'web', state: 'new' }, by: 'receivedAt' })).map(
    ({ body }) => body,
  )

/** Makes the conversation of a chat with one turn, as the bot does with the first envelope. */
const openConversation = async (web: Web, id: string, owner: string, text: string) => {
  const at = web.now().toISOString()
  const address = `web:${id}`
  const record = {
    _id: id,
    rev: 0,
    platform: 'web',
    team: 'web',
    channel: address,
    address,
    owner,
    createdAt: at,
  }
  await web.store.put('conversations', record)
  await web.store.append(`conversation/${id}`, [
    { type: 'turn', key: 'first', at, by: owner, text, files: [] },
  ])
  web.bell.ring(`conversation/${id}`)
}

/** Has the conversation show this message, as the bot does. */
const show = async (web: Web, conversation: string, slot: string, wanted: Message) => {
  const _id = `${conversation}/${slot}`
  const before = await web.store.get('outbox', _id)
  const n = before?.n ?? 1 + (await web.store.count('outbox', { conversation }))
  const createdAt = before?.createdAt ?? web.now().toISOString()
  const row = {
    _id,
    rev: before?.rev ?? 0,
    platform: 'web',
    conversation,
    slot,
    n,
    urgent: false,
    createdAt,
    wanted,
  }
  await web.store.put('outbox', { ...row, state: 'pending' })
  web.bell.ring(`conversation/${conversation}`)
}

test('the first message opens a chat, and the same form sent twice says it once', async () => {
  await using web = await openWeb()
  const { cookie } = await web.person('ada')
  const page = await (await web.app.request('/chat', { headers: cookie })).text()
  const key = /name="key" value="([^"]+)"/.exec(page)?.[1] ?? ''
  const [first, second] = await Promise.all(
    [1, 2].map(() => post(web, '/chat', cookie, { key, text: 'hello' })),
  )
  const address = first?.headers.get('location') ?? ''
  assert.match(address, /^\/chat\/[a-z0-9]{16}$/)
  assert.equal(second?.headers.get('location'), address)
  const conversation = address.slice('/chat/'.length)
  assert.deepEqual(await inbox(web), [{ user: 'ada', name: 'ada', conversation, text: 'hello' }])
  assert.equal((await web.app.request(address, { headers: cookie })).status, 200)
})

test('a chat that the bot opens while it is looked for is there', async () => {
  await using web = await openWeb()
  const { cookie } = await web.person('ada')
  const location =
    (await post(web, '/chat', cookie, { key: 'k', text: 'hello' })).headers.get('location') ?? ''
  let looked = false
  const conversation: typeof web.intake.conversation = async (who, id) => {
    const found = await web.intake.conversation(who, id)
    if (!looked) await openConversation(web, id, 'ada', 'hello')
    looked = true
    return found
  }
  const app = openApp({ ...web, intake: { ...web.intake, conversation } })
  assert.equal((await app.request(location, { headers: cookie })).status, 200)
})

test('a chat and whatever is posted to it are its owner’s alone', async () => {
  await using web = await openWeb()
  const [ada, bob] = [await web.person('ada'), await web.person('bob')]
  await openConversation(web, 'c1', 'ada', 'mine')
  for (const path of ['/chat/c1', '/chat/c1/live', '/chat/none'])
    assert.equal((await web.app.request(path, { headers: bob.cookie })).status, 404, path)
  for (const path of ['/chat/c1', '/chat/none'])
    assert.equal((await post(web, path, bob.cookie, { key: 'k', text: 'x' })).status, 404, path)
  const press = { key: 'k', verb: 'cancel', job: 'j' }
  assert.equal((await post(web, '/chat/c1/press', bob.cookie, press)).status, 404)
  assert.deepEqual(await inbox(web), [])
  assert.equal((await web.app.request('/chat/c1', { headers: ada.cookie })).status, 200)
})

test('nobody takes the id of a conversation that is not there yet', async () => {
  await using web = await openWeb()
  const { cookie } = await web.person('eve')
  await openConversation(web, 'own', 'eve', 'hello')
  assert.equal((await post(web, '/chat/own', cookie, { key: 'wanted', text: 'x' })).status, 303)
  assert.equal((await web.app.request('/chat/wanted', { headers: cookie })).status, 404)
  assert.equal((await post(web, '/chat/wanted', cookie, { key: 'k', text: 'x' })).status, 404)
})

test('htmx is answered with a fresh form, or with the reason in the page’s notice', async () => {
  await using web = await openWeb()
  const { cookie } = await web.person('ada')
  await openConversation(web, 'c1', 'ada', 'hello')
  const htmx = { 'hx-request': 'true' }
  const sent = await (await post(web, '/chat/c1', cookie, { key: 'k', text: 'more' }, htmx)).text()
  assert.match(sent, /^<form class="say".*name="key" value="(?!k")[a-z0-9]{16}"/s)
  const empty = await post(web, '/chat/c1', cookie, { key: 'k2', text: ' ' }, htmx)
  assert.deepEqual([empty.status, empty.headers.get('hx-retarget')], [400, '#notice'])
  assert.match(await empty.text(), /role="alert".*write a message first/)
})

test('a press goes through the inbox, once until something else was said', async () => {
  await using web = await openWeb()
  const { cookie } = await web.person('ada')
  await openConversation(web, 'c1', 'ada', 'hello')
  await show(web, 'c1', 's', {
    text: 'Running',
    buttons: [{ label: 'Cancel', press: { verb: 'cancel', job: 'j1' } }],
  })
  const fields = async () => {
    const page = await (await web.app.request('/chat/c1', { headers: cookie })).text()
    const [, text = ''] = /<form method="post" action="\/chat\/c1\/press"(.*?)<\/form>/s.exec(page) ?? []
    return Object.fromEntries(
      [...text.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    )
  }
  const first = await fields()
  for (let press = 0; press < 2; press++) await post(web, '/chat/c1/press', cookie, first)
  await show(web, 'c1', 'end', { text: 'Ended' })
  await post(web, '/chat/c1/press', cookie, await fields())
  const pressed = { user: 'ada', name: 'ada', conversation: 'c1', press: { verb: 'cancel', job: 'j1' } }
  assert.deepEqual(await inbox(web), [pressed, pressed])
})

test('a thread of Slack is read here and answered there', async () => {
  await using web = await openWeb()
  const { cookie } = await web.person('ada')
  await openConversation(web, 'c1', 'ada', 'hello')
  const conversation = await web.store.get('conversations', 'c1')
  assert.ok(conversation)
  await web.store.put('conversations', { ...conversation, platform: 'slack', address: 'slack:T1:C2:171.3' })
  const page = await (await web.app.request('/chat/c1', { headers: cookie })).text()
  assert.match(page, /https:\/\/app\.slack\.com\/client\/T1\/C2\/thread\/C2-171\.3/)
  assert.doesNotMatch(page, /<textarea/)
  assert.equal((await post(web, '/chat/c1', cookie, { key: 'k', text: 'x' })).status, 409)
})

const chromium = await engine('chromium')

test('in a browser, a message is sent by Enter and the thread follows without a reload', {
  skip: skipOf(chromium),
}, async () => {
  assert.ok(chromium.ok)
  await using web = await openWeb()
  const { cookie } = await web.person('ada')
  const server = await serveApp(web.app, { port: 0, host: '127.0.0.1' })
  const browser = await openBrowser(chromium.path)
  try {
    const context = await browser.newContext()
    const [name = '', value = ''] = cookie.cookie.split('=')
    await context.addCookies([{ name, value, url: server.url }])
    const page = await context.newPage()
    const troubles: string[] = []
    page.on('console', message => message.type() === 'error' && troubles.push(message.text()))
    page.on('pageerror', error => troubles.push(error.message))
    await page.goto(`${server.url}/chat`)
    await page.getByRole('textbox').fill('hello <img src=x onerror=alert(1)>')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/chat/*')
    const id = new URL(page.url()).pathname.slice('/chat/'.length)
    await openConversation(web, id, 'ada', 'hello <img src=x onerror=alert(1)>')
    await page.getByRole('article').filter({ hasText: 'hello <img src=x onerror=alert(1)>' }).waitFor()
    await page.getByRole('textbox').fill('half a sentence')
    await show(web, id, 'status', {
      text: '**Running**',
      buttons: [{ label: 'Cancel', press: { verb: 'cancel', job: 'j1' } }],
    })
    await page.getByRole('button', { name: 'Cancel' }).click()
    await show(web, id, 'status', { text: '**Cancelled**' })
    await page.locator('strong', { hasText: 'Cancelled' }).waitFor()
    assert.equal(await page.getByRole('article').count(), 2)
    assert.equal(await page.getByRole('textbox').inputValue(), 'half a sentence')
    await page.getByRole('textbox').press('Enter')
    await page.locator('textarea:placeholder-shown').waitFor()
    assert.deepEqual(
      (await inbox(web)).map(body => Object.entries(body as object).at(-1)),
      [
        ['text', 'hello <img src=x onerror=alert(1)>'],
        ['press', { verb: 'cancel', job: 'j1' }],
        ['text', 'half a sentence'],
      ],
    )
    assert.deepEqual(troubles, [])
  } finally {
    await browser.close()
    await server.close()
  }
})
