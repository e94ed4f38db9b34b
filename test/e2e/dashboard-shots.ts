import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '#client/client.ts'
import { barriers, openDashboards, overflow, pagesOf, type Tab, WIDTHS } from './dashboard-pages.ts'

/**
 * Pictures of every page of the dashboard that an api serves, to be looked at: `node_modules/.bin/node test/e2e/dashboard-shots.ts URL FOLDER`. It says what of them is
 * unsound as well.
 */

const [url = '', folder = ''] = process.argv.slice(2)
const client = createClient({ api: url })

/** A project of the type that is final. */
async function finalOf(type: string) {
  for await (const { projectId, dataSource = '', lastFinalizedEpochId } of client.list('projects', { type }))
    if (lastFinalizedEpochId !== undefined) return { projectId, dataSource, epochId: lastFinalizedEpochId }
  throw new Error(`no project ${type} is final yet`)
}

/** Slots that lost votes come first. */
async function slotToLookAt(): Promise<number> {
  const slots = await Array.fromAsync(client.list('slots', {}))
  return (slots.find(({ recent }) => recent.winning < recent.votes) ?? slots[0])?.slotId ?? 1
}

/** Beside what there is: what there is not. */
const MISSING = {
  'no-project': '#/projects/none%3A0x00%3Anowhere',
  'no-pair': `#/uniswap/0x${'00'.repeat(20)}`,
  'no-slot': '#/slots/999999',
  'no-epoch': '#/epochs/999999',
  'no-proof': '#/verify/none%3A0x00%3Anowhere/1',
}

async function look(tab: Tab, name: string): Promise<void> {
  const cut = await tab.page
    .locator('.scroll')
    .evaluateAll((all) => all.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.getAttribute('aria-label')))
  const found = { wider: await overflow(tab.page), scrolls: cut, barriers: await barriers(tab.page), faults: tab.faults.splice(0) }
  await tab.page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
  if (Object.values(found).some((each) => each !== 0 && (each as unknown[]).length !== 0)) console.info(name, JSON.stringify(found))
}

mkdirSync(folder, { recursive: true })
const proven = await finalOf('pairContract_pair_total_reserves')
const { projectId: aggregateId } = await finalOf('aggregate_24h_top_pairs')
const sights = { ...proven, aggregateId, pair: proven.dataSource, slotId: await slotToLookAt(), proven }
await using dashboards = await openDashboards()
for (const width of WIDTHS)
  for (const colorScheme of ['dark', 'light'] as const) {
    await using tab = await dashboards.tab(url, { viewport: { width, height: 900 }, colorScheme })
    const shot = async (name: string) => look(tab, `${name}-${width}-${colorScheme}`)
    for (const [name, hash] of Object.entries({ ...pagesOf(sights), ...MISSING })) {
      await tab.open(hash)
      await shot(name)
    }
    await tab.open(pagesOf(sights)['proof'] ?? '')
    for (const layer of await tab.page.locator('.option').allTextContents()) {
      await tab.page.getByLabel(layer).check()
      await tab.page.locator('.chain .checking').first().waitFor({ state: 'detached' })
      await shot(`flipped-${layer.replaceAll(' ', '-')}`)
    }
    await tab.page.goto(`${url}/docs`)
    await shot('docs')
  }
