import sparticuz from '@sparticuz/chromium'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** A real Chromium: the machine's own, or the one that npm brings. */

const OWN = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable']
/** As root there is no sandbox; shared memory is small in containers; fonts are drawn alike everywhere. */
const FLAGS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none', '--hide-scrollbars']

export async function openBrowser(): Promise<Browser> {
  const executablePath = OWN.find((path) => existsSync(path)) ?? (await sparticuz.executablePath())
  return chromium.launch({ executablePath, args: FLAGS, headless: true })
}
