import type { BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dashboardFolder } from '#node/dashboard.ts'
import { type ScriptedApi, startScriptedApi } from '../../dashboard/test/server.ts'
import { PAIRS } from '../../dashboard/test/snapshots.ts'
import {
  type Dashboards,
  expectEachFlipCaught,
  expectSound,
  linksOf,
  openDashboards,
  pagesOf,
  photograph,
  proofPage,
  settled,
  WIDTHS,
} from './dashboard-pages.ts'

/** The dashboard in a real Chromium, on an api that says what these tests script. */

let api: ScriptedApi
let dashboards: Dashboards
beforeAll(async () => {
  api = await startScriptedApi({ folder: await dashboardFolder() })
  dashboards = await openDashboards()
})
afterAll(async () => {
  await dashboards?.[Symbol.asyncDispose]()
  await api?.[Symbol.asyncDispose]()
})
const tabOf = (options?: BrowserContextOptions) => dashboards.tab(api.url, options)

const idOf = (type: string): string => api.world.scripted.find(({ projectType }) => projectType === type)?.projectId ?? ''
const PROVEN = proofPage({ projectId: 'pair:0x08:PROOF', epochId: 1 })
const pages = () =>
  pagesOf({
    epochId: 137,
    projectId: idOf('pairContract_pair_total_reserves'),
    aggregateId: idOf('aggregate_24h_top_pairs'),
    pair: PAIRS[0]?.address ?? '',
    slotId: 7,
    proven: { projectId: 'pair:0x08:PROOF', epochId: 1 },
  })

describe('each page is sound', () => {
  test.each(WIDTHS.map((width, screen) => ({ width, screen })))(
    'on a screen of $width pixels, light and dark',
    async ({ width, screen }) => {
      await using tab = await tabOf({ viewport: { width, height: 900 } })
      for (const [index, [name, hash]] of Object.entries(pages()).entries()) {
        // Each page is seen in both over the three screens.
        const colorScheme = (index + screen) % 2 === 0 ? 'dark' : 'light'
        await tab.page.emulateMedia({ colorScheme })
        await tab.open(hash)
        await photograph(tab, `${name}-${width}-${colorScheme}`)
        await expectSound(tab, `${name} at ${width}, ${colorScheme}`)
      }
      expect(api.problems).toEqual([])
    },
  )
})

test.each(WIDTHS)('what an aggregate was made from is seen whole on a screen of %i pixels', async (width) => {
  await using tab = await tabOf({ viewport: { width, height: 900 } })
  await tab.open(pages()['aggregate'] ?? '')
  const graph = tab.page.getByRole('region', { name: 'Graph of sources' })
  expect(await graph.getByRole('link').count()).toBeGreaterThan(3)
  expect(await graph.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0)
})

test('a table keeps the same distance to both sides of its panel, also where columns are left out', async () => {
  await using tab = await tabOf({ viewport: { width: 390, height: 900 } })
  await tab.open('#/uniswap')
  const paddings = await tab.page.locator('tbody tr:first-child').evaluateAll((rows) =>
    rows.map(({ children, ownerDocument: { defaultView } }) => {
      const shown = [...children].map((cell) => defaultView.getComputedStyle(cell)).filter(({ display }) => display !== 'none')
      return [shown[0]?.paddingLeft, shown.at(-1)?.paddingRight]
    }),
  )
  expect(paddings).toEqual([
    ['16px', '16px'],
    ['16px', '16px'],
  ])
})

describe('it is live', () => {
  test('an epoch moves on before the eyes of whoever looks', async () => {
    await using tab = await tabOf()
    await tab.open('#/')
    await tab.page.locator('.live[data-how=stream]').waitFor()
    const first = tab.page.locator('.timeline li').first()
    for (const status of ['pending', 'finalized', 'open']) {
      api.advance()
      await first.getByText(status).waitFor()
    }
    expect(await first.locator('.epoch').textContent()).toBe(String(api.world.newest()))
    expect(tab.faults).toEqual([])
  })

  test('without a stream it asks again and again, and says so', async () => {
    await using mute = await startScriptedApi({ folder: await dashboardFolder() })
    mute.breakStreams()
    await using tab = await dashboards.tab(mute.url)
    await tab.page.clock.install()
    await tab.open('#/')
    await tab.page.locator('.live[data-how=polling]').waitFor()
    mute.advance()
    await tab.page.clock.runFor(6_000)
    await tab.page.locator('.timeline li').first().getByText('pending').waitFor()
  })
})

describe('a proof is checked in the tab', () => {
  test('every link holds, and the data are what was proved', async () => {
    await using tab = await tabOf()
    await tab.open(PROVEN)
    const links = await linksOf(tab.page)
    expect(links.length).toBeGreaterThan(5)
    expect(links.filter(([, state]) => state !== 'held')).toEqual([])
    await tab.page.getByText('the block is not vouched for').waitFor()
    expect(await tab.page.locator('.proved .tree').textContent()).toContain('pair:0x08:PROOF')
  })

  test('with a block hash of the reader’s own it hangs on that', async () => {
    await using tab = await tabOf()
    await tab.open(PROVEN)
    const hash = (await tab.page.getByLabel('Block hash').getAttribute('placeholder')) ?? ''
    await tab.page.getByLabel('Block hash').fill(hash)
    await tab.page.getByText('proved down to your block').waitFor()
    await tab.page.getByLabel('Block hash').fill(`0x${'12'.repeat(32)}`)
    await tab.page.locator('[data-step=block][data-state=failed]').waitFor()
  })

  test('what is flipped at a layer turns exactly its tick red, and nothing else', async () => {
    await using tab = await tabOf()
    await tab.open(PROVEN)
    await expectEachFlipCaught(tab)
    await expectSound(tab, 'a proof that fails')
    await tab.page.getByLabel('nothing').check()
    await tab.page.locator('.proved').waitFor()
  })

  test('a byte of the storage proof flipped leaves what it proved unproved', async () => {
    await using tab = await tabOf()
    await tab.open(PROVEN)
    await tab.page.getByLabel('a byte of the storage proof').check()
    const failed = tab.page.locator('.chain .failed')
    await failed.waitFor()
    expect(await failed.count()).toBe(1)
    expect(await failed.textContent()).toContain('is not proved: there is no node with hash 0x')
  })
})

test('a proof that the api could not give is asked for again', async () => {
  await using tab = await tabOf()
  let isAway = true
  await tab.page.route(/\/v1\/proofs\//, (route) =>
    isAway ? route.fulfill({ status: 503, json: { code: 'QUEUE_FULL' } }) : route.continue(),
  )
  await tab.open(PROVEN)
  await tab.page.getByText('Not here yet').waitFor()
  isAway = false
  api.advance()
  await tab.page.getByText('the block is not vouched for').waitFor()
})

describe('by the keyboard alone', () => {
  test('from the top of the page to a proof', async () => {
    await using tab = await tabOf()
    const { page } = tab
    await tab.open('#/')
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').textContent()).toBe('Skip to the content')
    await page.keyboard.press('Enter')
    await page.locator('main:focus').waitFor()
    await page.getByRole('navigation', { name: 'Pages' }).getByText('Uniswap V2').focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Uniswap V2' }).waitFor()
    await settled(page)
    const chart = page.getByRole('slider').first()
    await chart.focus()
    const before = await chart.getAttribute('aria-valuetext')
    await page.keyboard.press('Home')
    expect(await chart.getAttribute('aria-valuetext')).not.toBe(before)
    const epochId = await chart.getAttribute('aria-valuenow')
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => url.hash.startsWith('#/verify/') && url.hash.endsWith(`/${epochId}`))
    await page.locator('main:focus').waitFor()
  })

  test('a table is sorted', async () => {
    await using tab = await tabOf()
    await tab.open('#/uniswap')
    const heading = tab.page.getByRole('button', { name: 'Volume, 24 h' }).first()
    await heading.focus()
    await tab.page.keyboard.press('Enter')
    await tab.page.keyboard.press('Enter')
    expect(await tab.page.getByRole('columnheader', { name: 'Volume, 24 h' }).first().getAttribute('aria-sort')).toBe('ascending')
    expect(await tab.page.locator('tbody tr').first().textContent()).toContain('MKR-WETH')
  })
})

describe('what people ask of it', () => {
  test('a market without Aave says so plainly', async () => {
    await using plain = await startScriptedApi({ folder: await dashboardFolder(), hasAave: false })
    await using tab = await dashboards.tab(plain.url)
    await tab.open('#/aave')
    await tab.page.getByText('Aave V3 is not computed here').waitFor()
    await expectSound(tab, 'no Aave')
  })

  test('colours are those that were chosen, whatever the system says', async () => {
    await using tab = await tabOf({ colorScheme: 'light' })
    await tab.open('#/uniswap')
    const background = () =>
      tab.page.locator('body').evaluate((body) => body.ownerDocument.defaultView.getComputedStyle(body).backgroundColor)
    const light = await background()
    await tab.page.getByLabel('Colours').selectOption('dark')
    expect(await background()).not.toBe(light)
    await tab.page.reload()
    await settled(tab.page)
    expect(await background()).not.toBe(light)
  })

  test('a project is found by a part of its contract', async () => {
    await using tab = await tabOf()
    await tab.open('#/projects')
    await tab.page.getByRole('searchbox').fill(PAIRS[3]?.address.slice(4, 20) ?? '')
    await expect.poll(() => tab.page.locator('tbody tr').count()).toBe(3)
  })

  test('who was outvoted is one step from the epoch, and any number is drawn', async () => {
    await using tab = await tabOf()
    await tab.open(`#/projects/${encodeURIComponent(idOf('pairContract_trade_volume'))}`)
    await tab.page.getByRole('button', { name: 'Votes', exact: true }).nth(1).click()
    await tab.page.locator('.ballot').first().waitFor()
    await tab.page.locator('.leaf', { hasText: 'totalFee' }).first().getByRole('button').click()
    await tab.page.getByRole('heading', { name: 'totalFee' }).waitFor()
    await settled(tab.page)
    expect(tab.faults).toEqual([])
  })

  test('numbers stand in the units that their compute declares, in the tree and over time', async () => {
    await using tab = await tabOf()
    await tab.open(`#/projects/${encodeURIComponent(idOf('pairContract_trade_volume'))}`)
    const leaf = tab.page.locator('.leaf', { hasText: /^token0TradeVolume\d/ }).first()
    expect(await leaf.textContent()).toMatch(/[\d.,]+ token 0$/)
    expect(await leaf.locator('.key').getAttribute('title')).toBe('Swapped of token 0')
    await leaf.getByRole('button').click()
    await tab.page.getByRole('heading', { name: 'token0TradeVolume' }).waitFor()
    await settled(tab.page)
    expect(await tab.page.locator('.chart-read strong').textContent()).toMatch(/[\d.,]+ token 0$/)
  })

  test('where the bytes of the newest epoch are not here yet, those before are shown', async () => {
    await using tab = await tabOf()
    await tab.page.route(/aggregate_24h_top_pairs.*\/latest/, async (route) => {
      const response = await route.fetch()
      const { text: _, ...point } = (await response.json()) as { text: string }
      await route.fulfill({ response, json: { ...point, reason: { code: 'unavailable', message: 'on its way' } } })
    })
    await tab.open('#/uniswap')
    await tab.page.getByRole('heading', { name: 'Pairs' }).waitFor()
    expect(await tab.page.locator('tbody tr').first().textContent()).toContain('USDC-WETH')
  })

  test('what there is not is said, with what to do', async () => {
    await using tab = await tabOf()
    await tab.open('#/slots/999')
    await tab.page.getByRole('alert').first().waitFor()
    expect(await tab.page.getByRole('alert').first().textContent()).toContain('There is no such thing')
  })

  test('a project that nobody knows is said to be none, with a way on', async () => {
    await using tab = await tabOf()
    await tab.open(`#/projects/${encodeURIComponent('none:0x00:nowhere')}`)
    await tab.page.getByText('No batch that is kept here names a project of this id').waitFor()
    await tab.page.getByRole('main').getByRole('link', { name: 'projects', exact: true }).first().click()
    await tab.page.getByRole('heading', { name: 'Projects' }).waitFor()
  })

  test('what the sequencer refused stands by code, with what the code means', async () => {
    await using tab = await tabOf()
    await tab.open('#/')
    const refused = tab.page.getByRole('region', { name: 'Refused submissions', exact: true })
    expect(await refused.locator('tbody tr').allTextContents()).toEqual([
      expect.stringMatching(/^window_closedThe submission window of the epoch is over\.\d/),
      expect.stringMatching(/^vote_conflict\d/),
    ])
  })

  test('an api that has gone is told of, not a blank page', async () => {
    const gone = await startScriptedApi({ folder: await dashboardFolder() })
    await using tab = await dashboards.tab(gone.url)
    await tab.open('#/projects')
    await gone[Symbol.asyncDispose]()
    await tab.page.getByRole('link', { name: 'Slots' }).click()
    await tab.page.getByText('The api does not answer').waitFor()
    // Once, however much of the page is missing.
    await tab.page.getByRole('link', { name: 'Network', exact: true }).click()
    await tab.page.getByRole('heading', { name: 'Epochs' }).waitFor()
    await expect.poll(() => tab.page.getByText('Not here yet').count()).toBeGreaterThan(3)
    expect(await tab.page.getByRole('alert').count()).toBe(1)
    await photograph(tab, 'gone')
  })
})
