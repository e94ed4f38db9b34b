import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevnetEndpoints } from '#devnet/registry.ts'
import type { ApiOutput, ApiRoute, Point } from '#wire/api.ts'
import { commandsOf, curl } from '../docs/curl.ts'
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
import { until, within } from './within.ts'
import { runWeft, type WeftProcess } from './world.ts'

/** What readers get of a network that runs, with its liar: pages in a real Chromium, answers to the commands of the docs, and proofs. */

/** On a busy machine; otherwise a quarter of it. */
const START_AND_EPOCH_MS = 160_000
/** From one release to the end of an epoch that is final; a busy machine may leave some epochs empty. */
const FINAL_MS = 50_000
/** The slot of the devnet that lies. */
const LIAR = 6
const scratch = mkdtempSync(join(tmpdir(), 'weft-readers-'))
const dataDir = join(scratch, 'devnet')

let devnet: WeftProcess
let dashboards: Dashboards
let network: DevnetEndpoints
/** What was traded in a pair in an epoch that is final. */
let projectId = ''
let epochId = 0

async function ask<Name extends ApiRoute>(_route: Name, path: string): Promise<ApiOutput<Name>> {
  return (await (await fetch(`${network.api}/v1/${path}`)).json()) as ApiOutput<Name>
}

/** Any pair will do, and a ranking: on a busy machine a project may miss an epoch. */
async function isOneFinal(): Promise<boolean> {
  const { items } = await ask('projects', 'projects?type=pairContract_trade_volume')
  for (const { projectId: id, lastFinalizedEpochId } of items)
    if (lastFinalizedEpochId !== undefined) [projectId, epochId] = [id, lastFinalizedEpochId]
  const rankings = await ask('projects', 'projects?type=aggregate_24h_top_pairs')
  return epochId > 0 && rankings.items.some(({ lastFinalizedEpochId }) => lastFinalizedEpochId !== undefined)
}

beforeAll(async () => {
  devnet = runWeft(['devnet', '--data-dir', dataDir])
  dashboards = await openDashboards()
  const wait = { limitMs: START_AND_EPOCH_MS / 2, told: devnet.output, ended: devnet.exited }
  await until(() => existsSync(join(dataDir, 'devnet.json')), { ...wait, awaited: 'the devnet' })
  network = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as DevnetEndpoints
  await until(isOneFinal, { ...wait, awaited: 'a pair and a ranking that are final' })
}, START_AND_EPOCH_MS + 10_000)

afterAll(async () => {
  await dashboards?.[Symbol.asyncDispose]()
  devnet.child.kill('SIGINT')
  await devnet.ended()
  rmSync(scratch, { recursive: true, force: true })
})

const tabOf = (options?: BrowserContextOptions) => dashboards.tab(network.api, options)

describe('the dashboard', () => {
  const pages = () =>
    pagesOf({
      epochId,
      projectId,
      aggregateId: network.projects.find((id) => id.startsWith('aggregate_24h_top_pairs')) ?? '',
      pair: projectId.split(':')[1] ?? '',
      slotId: LIAR,
      proven: { projectId, epochId },
    })

  test('is where the devnet says', () => {
    expect(devnet.output()).toMatch(new RegExp(`^ {2}dashboard +${network.api}$`, 'm'))
  })

  test('has every page, on three screens', async () => {
    await using tab = await tabOf()
    for (const [index, [name, hash]] of Object.entries(pages()).entries()) {
      const width = WIDTHS[index % WIDTHS.length] ?? WIDTHS[0]
      await tab.page.setViewportSize({ width, height: 900 })
      await tab.page.emulateMedia({ colorScheme: index % 2 === 0 ? 'dark' : 'light' })
      await tab.open(hash)
      await photograph(tab, `devnet-${name}-${width}`)
      await expectSound(tab, `${name} at ${width}`)
    }
  })

  test('has a page for whoever writes programs', async () => {
    await using tab = await tabOf({ viewport: { width: 390, height: 900 }, colorScheme: 'dark' })
    await tab.page.goto(`${network.api}/docs`)
    await expectSound(tab, 'the docs')
  })

  test('knows what the sequencer took and refused', async () => {
    const { sequencers, answered, items } = await ask('refusals', 'refusals')
    expect([sequencers, answered]).toEqual([1, 1])
    expect(items.find((each) => each.epochId === epochId)?.accepted).toBeGreaterThan(0)
    await using tab = await tabOf()
    await tab.open('#/')
    await tab.page
      .getByRole('region', { name: 'Refused submissions' })
      .getByText(/^of [\d,]+ submissions in/)
      .waitFor()
  })

  test('shows an epoch from its release until it is final, as it happens', async () => {
    await using tab = await tabOf()
    await tab.open('#/')
    await tab.page.locator('.live[data-how=stream]').waitFor()
    const rows = (status: string) => tab.page.locator('.timeline li').filter({ hasText: status }).locator('.epoch').allTextContents()
    const before = Math.max(...(await rows('')).map(Number))
    // One after the other, of an epoch that was not there when the page was opened.
    for (const status of ['open', 'finalized']) {
      const isThere = async () => (await rows(status)).some((epochId) => Number(epochId) > before)
      await until(isThere, { awaited: `an epoch after ${before} that is ${status}`, limitMs: FINAL_MS, told: devnet.output })
    }
    expect(tab.faults).toEqual([])
  }, 120_000)

  test('proves a value against the real chain, in the page', async () => {
    await using tab = await tabOf()
    await tab.open(proofPage({ projectId, epochId }))
    await tab.page.getByLabel('Or RPC endpoints').fill(network.anchorRpcUrl)
    await tab.page.getByRole('button', { name: 'Ask them' }).click()
    await tab.page.getByText('proved down to your block').waitFor()
    const links = await linksOf(tab.page)
    expect(links).toHaveLength(12)
    expect(links.filter(([, state]) => state !== 'held')).toEqual([])
    const { text } = (await ask('point', `projects/${projectId}/epochs/${epochId}?text=true`)) as Point
    const { contract } = JSON.parse(text ?? '') as { contract: string }
    expect(await tab.page.locator(`.proved [title="${contract}"]`).count()).toBe(1)
    expect(tab.faults).toEqual([])
  })

  test('turns exactly the right tick red, whatever is flipped', async () => {
    await using tab = await tabOf()
    await tab.open(proofPage({ projectId, epochId }))
    await expectEachFlipCaught(tab)
    expect(tab.faults).toEqual([])
  })

  test('names the slot that is outvoted, and says so to whoever runs it', async () => {
    await using tab = await tabOf()
    await tab.open('#/')
    const outvoted = tab.page.getByRole('region', { name: 'Outvoted slots' })
    expect(await outvoted.getByRole('link', { name: /^Slot/ }).allTextContents()).toEqual([`Slot\u00a0${LIAR}`])
    await outvoted.getByRole('link', { name: /^Slot/ }).click()
    await tab.page.getByRole('heading', { name: `Slot ${LIAR}` }).waitFor()
    await settled(tab.page)
    expect(await tab.page.locator('.figures').textContent()).toMatch(/Outvoted.*0 of \d+ votes/)
    expect(tab.faults).toEqual([])
  })
})

describe('the api', () => {
  const pageOf = (name: string): string => readFileSync(join(import.meta.dirname, `../../docs/${name}.md`), 'utf8')
  const commands = ['FIRST-DATA-POINT', 'API'].flatMap((name) => commandsOf(pageOf(name))).filter((line) => !line.includes('/stream'))

  test('answers every command of the docs', async () => {
    const { batchList, releasedAt } = await ask('epoch', `epochs/${epochId}`)
    const values = { URL: network.api, PROJECT: projectId, BATCH: batchList[0]?.batchCid ?? '', START: String(releasedAt - 100) }
    // Epochs of the pages are those of their tests.
    const here = commands.map((line) => line.replace(/(?<!slots)\/[12](?=[/?" ]|$)/g, `/${epochId}`))
    const statuses = await Promise.all(here.map(async (line) => [line, (await curl(line, values)).status] as const))
    expect(statuses.length).toBeGreaterThan(35)
    expect(statuses.filter(([, status]) => status !== 200)).toEqual([])
  })

  test('lists the validators, who attest, and what the liar lost', async () => {
    const { items } = await ask('validators', 'validators')
    expect(items).toHaveLength(3)
    for (const { attested } of items) expect(attested).toBeGreaterThan(0)
    const outvoted = await ask('epochOutvoted', `epochs/${epochId}/outvoted`)
    expect([...new Set(outvoted.items.map(({ slotId }) => slotId))]).toEqual([LIAR])
  })

  test('tells on its stream what is final, within a second of the block that made it so', async () => {
    const leaving = new AbortController()
    const { body } = await fetch(`${network.api}/v1/stream?kind=point&status=finalized`, { signal: leaving.signal })
    let said = ''
    async function firstPoint(): Promise<Point> {
      for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
        said += part
        const data = /^event: point\ndata: (.*)\n\n/m.exec(said)?.[1]
        if (data !== undefined) return JSON.parse(data) as Point
      }
      throw new Error('the stream ended')
    }
    const { finalizedAt, status } = await within(firstPoint(), { awaited: 'a final point', limitMs: FINAL_MS, told: () => said })
    expect([status, await secondsOf('latest')]).toEqual(['finalized', expect.toSatisfy((head: number) => head - (finalizedAt ?? 0) <= 1)])
    leaving.abort()
  })
})

/** Time of a block of the anchor chain, whose blocks are a second apart. */
const secondsOf = async (block: string): Promise<number> => Number((await blockOf(block)).timestamp)

async function blockOf(block: string): Promise<{ readonly hash: string; readonly timestamp: string }> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_getBlockByNumber', params: [block, false] })
  const response = await fetch(network.anchorRpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return ((await response.json()) as { result: { hash: string; timestamp: string } }).result
}

describe('the command line', () => {
  async function weft(...args: readonly string[]): Promise<readonly [code: number | null, output: string]> {
    const { ended, output } = runWeft(args)
    return [await ended(), output()]
  }
  const jsonIn = (output: string): Record<string, unknown> => JSON.parse(output.split('\n').find((line) => line.startsWith('{')) ?? '{}')

  test('makes a proof in one file, which holds without a network, and in which no byte may be another', async () => {
    const file = join(scratch, 'proof.json')
    const [made, told] = await weft('proof', projectId, String(epochId), '--out', file, '--data-dir', dataDir, '--json')
    expect([made, jsonIn(told)], told).toEqual([0, expect.objectContaining({ ok: true, epochId, dataMarket: network.dataMarket })])
    const { hash } = await blockOf(`0x${Number(jsonIn(told)['blockNumber']).toString(16)}`)
    const trust = ['--block-hash', hash, '--data-market', network.dataMarket]
    const [checked, steps] = await weft('verify', file, ...trust, '--show')
    expect(checked, steps).toBe(0)
    expect(steps).toMatch(/\nverified\n\{/)

    const proof = JSON.parse(readFileSync(file, 'utf8')) as { snapshot: string }
    const bytes = Buffer.from(proof.snapshot, 'base64')
    bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10)
    writeFileSync(file, JSON.stringify({ ...proof, snapshot: bytes.toString('base64') }))
    const [refused, why] = await weft('verify', file, ...trust)
    expect([refused, why]).toEqual([1, expect.stringContaining('not verified: cid')])
  })

  test('gets the same data from chain and IPFS as from the api', async () => {
    const [mine, own] = await weft('get', projectId, String(epochId), '--data-dir', dataDir, '--json')
    const [theirs, told] = await weft('get', projectId, String(epochId), '--api', network.api, '--json')
    expect([mine, theirs]).toEqual([0, 0])
    expect(jsonIn(own)).toMatchObject({ epochId, status: 'finalized', text: jsonIn(told)['text'] })
  })
})
