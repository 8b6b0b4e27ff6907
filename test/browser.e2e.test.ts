import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBrowser } from './browser.ts'
import { engine, skipOf } from './engines.ts'
import { startHouse, until } from './house.ts'

const chromium = await engine('chromium')
const skip = skipOf(await engine('bubblewrap')) || skipOf(chromium)

test('a message typed in a browser becomes a commit, and the thread moves without a reload', {
  skip,
}, async () => {
  const data = await mkdtemp(join(tmpdir(), 'bellhop-browser-'))
  await using house = await startHouse({ BELLHOP_DATA: data, SANDBOX: 'bubblewrap', AGENT: 'script' })
  assert.ok(chromium.ok)
  await using browser = await openBrowser(chromium.path)
  const page = await browser.newPage()
  const trouble: string[] = []
  page.on('pageerror', error => trouble.push(error.message))
  page.on('console', message => message.type() === 'error' && trouble.push(message.text()))

  const link = /(http\S+\/login\/\S+)/.exec(house.printed())?.[1]
  assert.ok(link)
  await page.goto(link)
  await page.getByRole('button', { name: /log in/i }).click()
  await page.getByRole('link', { name: 'Chat', exact: true }).click()

  await page.getByRole('textbox').fill('/hop sh echo typed > typed.txt; sleep 1; echo all good')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.waitForURL(/\/chat\/./)
  await page.evaluate('window.sameDocument = true')
  await page
    .getByText(/Queued|Starting|Running/)
    .first()
    .waitFor()
  await page.getByText('all good', { exact: true }).first().waitFor({ timeout: 20_000 })
  await page.getByText(/Done/).first().waitFor()
  assert.equal(await page.evaluate('window.sameDocument'), true)

  const file = await until('the file in the workspace', async () => {
    const response = await house.api('/workspaces/main/files/typed.txt')
    return response.ok && (await response.text())
  })
  assert.equal(file, 'typed\n')

  await page.getByRole('link', { name: 'Open' }).first().click()
  await page.getByText('all good').first().waitFor()
  await page.getByText('+typed').first().waitFor()

  await page.goto(link)
  await page.getByRole('button', { name: /log in/i }).click()
  await page
    .getByText(/expired|used/i)
    .first()
    .waitFor()
  assert.deepEqual(
    trouble.filter(text => !/410|401/.test(text)),
    [],
  )
  assert.equal(await house.stop(), 0, house.printed())
  await rm(data, { recursive: true })
})
