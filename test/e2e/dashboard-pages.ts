import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'
import { openBrowser } from '../../dashboard/test/browser.ts'

/** The dashboard of any api, in a real Chromium: the scripted one of these tests, or one that runs. */

export const WIDTHS = [390, 1_280, 1_920] as const

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** An api gives a proof 15 s before it says that the chain does not answer; nothing else takes a tenth of that. What does not come at all is told before the test ends. */
const LIMIT_MS = 20_000

export interface Tab extends AsyncDisposable {
  readonly page: Page
  /** What the console says of errors, and what no page catches. */
  readonly faults: string[]
  /** Goes to a page, by what stands behind `#`, and waits until nothing in it is a sketch. */
  open(hash: string): Promise<void>
}

export type Dashboards = Awaited<ReturnType<typeof openDashboards>>

/** One browser, for the dashboards of several apis. */
export async function openDashboards() {
  const browser: Browser = await openBrowser()
  return {
    async tab(url: string, options: BrowserContextOptions = {}): Promise<Tab> {
      const context = await browser.newContext({ locale: 'en-US', timezoneId: 'UTC', reducedMotion: 'reduce', ...options })
      const page = await context.newPage()
      page.setDefaultTimeout(LIMIT_MS)
      const faults: string[] = []
      page.on('console', (message) => message.type() === 'error' && faults.push(`${message.text()} ${message.location().url}`))
      page.on('pageerror', (failure) => faults.push(String(failure)))
      return {
        page,
        faults,
        async open(hash) {
          await page.goto(`${url}/${hash}`)
          await settled(page)
        },
        [Symbol.asyncDispose]: () => context.close(),
      }
    },
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

/** There is a heading, and nothing of the page is still awaited. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1').waitFor()
  await page.locator('.skeleton, [data-state=checking]').first().waitFor({ state: 'detached' })
}

/** Faults against accessibility that keep people out. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: Axe }).axe.run())
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`)
}
interface Axe {
  run(): Promise<{
    readonly violations: readonly { readonly id: string; readonly impact: string; readonly nodes: readonly { readonly html: string }[] }[]
  }>
}

/** No page is wider than its screen. */
export const overflow = (page: Page): Promise<number> => page.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth)

/** What of a market is looked at. */
export interface Sights {
  readonly epochId: number
  readonly projectId: string
  readonly aggregateId: string
  /** Address of a contract. */
  readonly pair: string
  readonly slotId: number
  readonly proven: { readonly projectId: string; readonly epochId: number }
}

/** Every page there is, by what stands behind `#`, and what is shown in place of one. */
export const pagesOf = ({ epochId, projectId, aggregateId, pair, slotId, proven }: Sights): Readonly<Record<string, string>> => ({
  network: '#/',
  epoch: `#/epochs/${epochId}`,
  projects: '#/projects',
  project: `#/projects/${encodeURIComponent(projectId)}`,
  aggregate: `#/projects/${encodeURIComponent(aggregateId)}`,
  uniswap: '#/uniswap',
  pair: `#/uniswap/${pair}`,
  aave: '#/aave',
  slots: '#/slots',
  slot: `#/slots/${slotId}`,
  verify: '#/verify',
  proof: proofPage(proven),
  nowhere: '#/nowhere',
})

export const proofPage = ({ projectId, epochId }: Sights['proven']): string => `#/verify/${encodeURIComponent(projectId)}/${epochId}`

/** What is true of every page, whatever stands in it. */
export async function expectSound({ page, faults }: Tab, name: string): Promise<void> {
  const found = { wider: await overflow(page), barriers: await barriers(page), faults }
  expect(found, name).toEqual({ wider: 0, barriers: [], faults: [] })
}

/** The state of each link of a proof, in order. */
export const linksOf = (page: Page): Promise<(readonly [step: string, state: string])[]> =>
  page
    .locator('.chain li')
    .evaluateAll((links) => links.map((link) => [link.getAttribute('data-step') ?? '', link.getAttribute('data-state') ?? ''] as const))

/** A picture of the page for people to look at, where `DASHBOARD_SHOTS` names a folder for them. */
export async function photograph({ page }: Tab, name: string): Promise<void> {
  const folder = process.env['DASHBOARD_SHOTS']
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}

/** What is flipped, and the link that it must break. */
const FLIPPED = [
  ['a byte of the data', 'cid'],
  ['a hash on the way to the root', 'cids_root'],
  ['a byte of the batch on chain', 'batch'],
  ['a character of the CID', 'cids_root'],
  ['a byte of the block header', 'block'],
] as const

/** On the page of a proof: whatever is flipped, the links before it hold, it fails, and none behind it is reached. */
export async function expectEachFlipCaught({ page }: Tab): Promise<void> {
  for (const [layer, step] of FLIPPED) {
    await page.getByLabel(layer).check()
    await page.locator(`[data-step=${step}][data-state=failed]`).waitFor()
    const at = (await linksOf(page)).findIndex(([name]) => name === step)
    // The ticks come one by one, and so does what they say in the end.
    const stateOf = (index: number) => (index < at ? 'held' : index === at ? 'failed' : 'unreached')
    const wrong = async () => (await linksOf(page)).filter(([, state], index) => state !== stateOf(index))
    await expect.poll(wrong, { message: layer }).toEqual([])
  }
}
