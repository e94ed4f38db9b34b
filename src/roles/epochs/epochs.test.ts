import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import type { AnchorChain, ProtocolEvent } from '#io/chain/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { MANAGER, open } from './epochs.test-world.ts'

/** The ranges on the anchor chain, from its first block to its head. */
async function releasesOn(chain: AnchorChain): Promise<readonly string[]> {
  const head = await chain.head()
  const ranges: string[] = []
  const isRelease = (event: ProtocolEvent) => event.kind === 'EpochReleased'
  for await (const step of chain.follow({ from: 1 as BlockNumber, known: [], signal: new AbortController().signal })) {
    if (step.kind === 'block') ranges.push(...step.events.filter(isRelease).map((event) => `${event.begin}-${event.end}`))
    if (step.kind === 'block' && step.block.number === head.number) break
  }
  return ranges
}

describe('epochs', () => {
  test('follow each other without a gap, as soon as their end lies the offset below the head', async () => {
    const { clock, chain, source, start, untilEnd } = open({ blocks: 111 })
    const { stats } = start(createFakeStore())
    await clock.advance(10_000)
    expect(await chain.currentEpoch()).toMatchObject({ epochId: 0 })
    source.mine(1)
    await untilEnd(109)
    source.mine(9)
    await clock.advance(10_000)
    expect((await chain.currentEpoch()).end).toBe(109)
    source.mine(31)
    await untilEnd(149)
    expect(await releasesOn(chain)).toEqual(['100-109', '110-119', '120-129', '130-139', '140-149'])
    expect(chain.transactionCount(MANAGER)).toBe(5)
    await clock.advance(1_000)
    expect(stats()).toEqual({ released: 5, refused: 0, retries: 0 })
  })

  test('E1: without a first block they begin at the head, and a restart does not move that', async () => {
    const { clock, source, start, chain, untilEnd } = open({ blocks: 57, firstBlock: 0 })
    const store = createFakeStore()
    const first = start(store)
    await clock.advance(2_000)
    first.stop()
    expect(await first.ended).toBeUndefined()
    source.mine(40)
    start(store.crash())
    await untilEnd(85)
    expect(await releasesOn(chain)).toEqual(['56-65', '66-75', '76-85'])
  })

  test('E1, E4, E5: a crash at any moment releases nothing twice and skips nothing', async () => {
    for (let crashAtMs = 0; crashAtMs < 3_000; crashAtMs += 100) {
      const { clock, source, start, chain, untilEnd } = open({ blocks: 200 })
      const store = createFakeStore()
      const first = start(store)
      await clock.advance(crashAtMs)
      first.stop()
      const after = store.crash()
      await clock.advance(200)
      start(after)
      source.mine(1)
      await untilEnd(189)
      expect(await releasesOn(chain)).toEqual([
        '100-109',
        '110-119',
        '120-129',
        '130-139',
        '140-149',
        '150-159',
        '160-169',
        '170-179',
        '180-189',
      ])
      expect(chain.transactionCount(MANAGER)).toBe(9)
      chain.stop()
    }
  })

  test('E1, E3, E4: a release that the anchor chain takes back is made good with the same transaction', async () => {
    const { clock, chain, source, start, untilEnd } = open({ blocks: 112 })
    start(createFakeStore())
    await untilEnd(109)
    await clock.advance(1_500)
    chain.reorg(3, { isLosingTransactions: true })
    expect(await chain.currentEpoch()).toMatchObject({ epochId: 0 })
    source.mine(10)
    await untilEnd(119)
    expect(await releasesOn(chain)).toEqual(['100-109', '110-119'])
  })

  test('E2: a range being rewritten waits; one rewritten after its release is reported', async () => {
    const { source, start, untilEnd, log } = open({ blocks: 112 })
    start(createFakeStore())
    await untilEnd(109)
    source.reorg(5)
    source.mine(10)
    await untilEnd(119)
    expect(log.filter((line) => line.startsWith('source_rewritten'))).toHaveLength(1)
    expect(log.find((line) => line.startsWith('source_rewritten'))).toContain('"block":109')
  })

  test('E5: outages are waited out', async () => {
    const { clock, chain, source, start, untilEnd, log } = open({ blocks: 112 })
    start(createFakeStore())
    chain.setReachable(false)
    await clock.advance(5_000)
    source.setReachable(false)
    chain.setReachable(true)
    await clock.advance(5_000)
    source.setReachable(true)
    source.mine(10)
    await untilEnd(119)
    expect(await releasesOn(chain)).toEqual(['100-109', '110-119'])
    expect(log.some((line) => line.startsWith('will_try_again') && line.includes('CHAIN_UNREACHABLE'))).toBe(true)
  })

  test('a manager that is not named yet says so once, and tries until it is', async () => {
    const { clock, chain, start, untilEnd, log } = open({ blocks: 112, manager: `0x${'99'.repeat(20)}` as Address })
    start(createFakeStore())
    await clock.advance(40_000)
    const market = chain.dataMarket
    const command = `./weft market set --rpc URL --protocol-state ${chain.protocolState} --data-market ${market} --epoch-manager ${MANAGER}`
    expect(log[0]).toBe(`not_appointed ${JSON.stringify({ account: MANAGER, market, missing: 'epoch manager', command })}`)
    expect(log[1]).toBe('release_refused {"epochId":1,"begin":100,"end":109,"reason":"E05"}')
    chain.changeMarket({ epochManager: MANAGER })
    await untilEnd(109)
    await clock.advance(15_000)
    expect(log.filter((line) => line.includes('appointed')).slice(1)).toEqual([
      `appointed ${JSON.stringify({ account: MANAGER, market, as: 'epoch manager' })}`,
    ])
  })

  test('what cannot be made good ends it', async () => {
    const { clock, start } = open()
    const store = createFakeStore()
    const failure = new WeftError('STORE_FAILED', { path: 'p', doing: 'd' })
    const { ended } = start({ ...store, commit: () => Promise.reject(failure) })
    expect(await clock.runUntil(ended, { limitMs: 5_000 })).toBe(failure)
  })

  test('E3: an epoch that somebody else released is not released again', async () => {
    const { chain, source, start, untilEnd } = open({ blocks: 112 })
    const other = chain.sender({ address: MANAGER, journal: createFakeStore() })
    void other.send('by hand', { kind: 'releaseEpoch', begin: 100 as BlockNumber, end: 109 as BlockNumber }, new AbortController().signal)
    start(createFakeStore())
    source.mine(10)
    await untilEnd(119)
    expect(await releasesOn(chain)).toEqual(['100-109', '110-119'])
  })
})
