import type { Browser } from 'playwright-core'
import { chromium } from 'playwright-core'

/** No sandbox, because tests run as root in containers; nothing is asked of the vendor's servers. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

/** Starts the Chromium that `engine('chromium')` found, without a window. */
export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args })
