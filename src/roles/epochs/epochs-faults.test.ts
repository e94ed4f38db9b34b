import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import type { AnchorChain, CallOutcome } from '#io/chain/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { type Change, MANAGER, open } from './epochs.test-world.ts'
import { nextEpoch } from './epochs.ts'

/** The loop when something breaks between two of its steps. */

const epochAt = (epochId: number, begin: number) =>
  ({ epochId, begin, end: begin === 0 ? 0 : begin + 9 }) as Awaited<ReturnType<AnchorChain['currentEpoch']>>

describe('where the next epoch begins', () => {
  test('E1: right behind the contract’s last one, whatever was decided for the first', async () => {
    const { deps, role, chain } = open()
    expect((await nextEpoch(role, deps)).begin).toBe(100)
    const answering = (epoch: ReturnType<typeof epochAt>) => ({ ...deps, chain: { ...chain, currentEpoch: async () => epoch } })
    expect((await nextEpoch(role, answering(epochAt(1, 300)))).begin).toBe(310)
    // Taken back by a rewrite: before the first epoch again.
    expect((await nextEpoch(role, answering(epochAt(0, 0)))).begin).toBe(100)
  })

  test('E1: before the first is decided once, on disk before anybody hears of it', async () => {
    const store = createFakeStore()
    const { deps, role, source } = open({ firstBlock: 0, blocks: 50, store })
    expect((await nextEpoch(role, deps)).begin).toBe(49)
    source.mine(7)
    expect((await nextEpoch(role, { ...deps, store: store.crash() })).begin).toBe(49)
    const failure = new WeftError('STORE_FAILED', { path: 'p', doing: 'd' })
    const broken = { ...createFakeStore(), commit: () => Promise.reject(failure) }
    await expect(nextEpoch(role, { ...deps, store: broken })).rejects.toBe(failure)
  })

  test('E1: a setting changed after the decision does not move it', async () => {
    const { deps, role } = open()
    expect((await nextEpoch(role, deps)).begin).toBe(100)
    expect((await nextEpoch({ ...role, firstBlock: 500 }, deps)).begin).toBe(100)
  })
})

describe('right before the release', () => {
  test('E1: the contract is asked again: what it took back meanwhile is released first', async () => {
    // The last epoch is there when the range is chosen, and gone once the range is ripe.
    const answers = [epochAt(1, 100), epochAt(0, 0)]
    const { clock, sent, start, untilEnd } = open({ blocks: 150 }, ({ chain }) => ({
      chain: { ...chain, currentEpoch: async () => answers.shift() ?? chain.currentEpoch() },
    }))
    start()
    await untilEnd(109)
    await clock.advance(100)
    expect(sent[0]).toBe('releaseEpoch/100 100-109')
  })

  test('E1, E2: a range that waited is read again after a failure, as it is then', async () => {
    let isDown = true
    const { clock, source, log, start, untilEnd } = open({ blocks: 130 }, ({ sender }) => ({
      sender: {
        ...sender,
        send: (...args) =>
          isDown ? Promise.reject(new WeftError('CHAIN_UNREACHABLE', { endpoint: 'x', method: 'send' })) : sender.send(...args),
      },
    }))
    start()
    await clock.advance(3_000)
    // The source chain is rewritten below the range, while the anchor chain is away.
    source.reorg(40)
    isDown = false
    await untilEnd(109)
    expect(log.some((line) => line.startsWith('source_rewritten {"block":99'))).toBe(true)
  })
})

describe('what was released', () => {
  test('E1, E4: and taken back, twice, has one transaction in the chain, and the next range follows it', async () => {
    const { clock, chain, source, start, untilEnd } = open({ blocks: 112 })
    start()
    for (let round = 0; round < 2; round += 1) {
      await untilEnd(109)
      chain.reorg(2, { isLosingTransactions: true })
      await clock.advance(500)
    }
    source.mine(10)
    await untilEnd(119)
    expect(await chain.currentEpoch()).toEqual({ epochId: 2, begin: 110, end: 119 })
    expect(chain.transactionCount(MANAGER)).toBe(2)
  })

  test('E3: is known from the contract alone: a sender that says "done" moves nothing on', async () => {
    const { clock, chain, sent, start } = open({ blocks: 150 }, ({ sender }) => ({
      sender: {
        ...sender,
        // Sends nothing: its receipt is of a block that has been undone.
        async send(intentId) {
          sent.push(intentId)
          await clock.sleep(1_000)
          return { kind: 'done', transactionHash: `0x${'ab'.repeat(32)}`, blockNumber: 1 } as CallOutcome
        },
      },
    }))
    start()
    await clock.advance(5_000)
    expect(new Set(sent)).toEqual(new Set(['releaseEpoch/100']))
    expect(await chain.currentEpoch()).toMatchObject({ epochId: 0 })
  })
})

describe('a refusal', () => {
  const refusing = (times: number): Change => {
    let left = times
    return ({ sender }) => ({
      sender: {
        ...sender,
        async send(intentId, call, signal) {
          if (left === 0) return sender.send(intentId, call, signal)
          left -= 1
          refusedIntents.push(intentId)
          return { kind: 'refused', reason: 'E03' }
        },
      },
    })
  }
  const refusedIntents: string[] = []

  test('E4, E5: is tried again under a new intent after a pause that grows, and the count begins anew with the next range', async () => {
    refusedIntents.splice(0)
    const { clock, chain, source, sent, log, start, untilEnd } = open({ blocks: 112 }, refusing(3))
    const { stats } = start()
    await clock.advance(400)
    expect(refusedIntents).toEqual(['releaseEpoch/100'])
    await clock.advance(800)
    expect(refusedIntents).toHaveLength(2)
    await clock.advance(1_500)
    expect(refusedIntents).toHaveLength(2)
    await clock.advance(1_000)
    expect(refusedIntents).toEqual(['releaseEpoch/100', 'releaseEpoch/100/1', 'releaseEpoch/100/2'])
    await untilEnd(109)
    source.mine(10)
    await untilEnd(119)
    expect(sent).toEqual(['releaseEpoch/100/3 100-109', 'releaseEpoch/110 110-119'])
    expect(chain.transactionCount(MANAGER)).toBe(2)
    expect(stats()).toMatchObject({ refused: 3, retries: 0 })
    expect(log.filter((line) => line.startsWith('release_refused'))).toHaveLength(3)
  })

  test('E4: counts for its own range only: the one behind a range that somebody else released begins anew', async () => {
    refusedIntents.splice(0)
    const { clock, chain, source, sent, start, untilEnd } = open({ blocks: 112 }, refusing(2))
    start()
    await clock.advance(1_200)
    expect(refusedIntents).toEqual(['releaseEpoch/100', 'releaseEpoch/100/1'])
    const other = chain.sender({ address: MANAGER, journal: createFakeStore() })
    const call = { kind: 'releaseEpoch', begin: 100 as BlockNumber, end: 109 as BlockNumber } as const
    void other.send('by hand', call, new AbortController().signal)
    await untilEnd(109)
    source.mine(10)
    await untilEnd(119)
    expect(sent.at(-1)).toBe('releaseEpoch/110 110-119')
  })

  test('E5: pauses at most half a minute, however often', async () => {
    refusedIntents.splice(0)
    const { clock, start } = open({ blocks: 112 }, refusing(1_000))
    start()
    await clock.advance(120_000)
    const before = refusedIntents.length
    await clock.advance(90_000)
    expect(refusedIntents.length - before).toBe(3)
  })

  test.each([['goes on'], ['was started anew meanwhile']])(
    'E4: before a release that a reorganisation takes back changes nothing: it goes out by its own intent, by one that %s',
    async (how) => {
      refusedIntents.splice(0)
      const { clock, chain, source, sent, start, untilEnd } = open({ blocks: 112 }, refusing(1))
      const { stop } = start()
      await untilEnd(109)
      source.mine(10)
      await untilEnd(119)
      if (how !== 'goes on') stop()
      chain.reorg(chain.blocks().length - 1, { isLosingTransactions: true })
      if (how !== 'goes on') start()
      await untilEnd(119)
      await clock.advance(5_000)
      expect(new Set(sent)).toEqual(new Set(['releaseEpoch/100/1 100-109', 'releaseEpoch/110 110-119']))
      expect(chain.transactionCount(MANAGER)).toBe(2)
    },
  )

  test('E4: that is mined while nobody listens is found by the next start, and followed by a new intent', async () => {
    const { clock, chain, sent, log, start, untilEnd } = open({ blocks: 112 })
    // The manager is replaced between estimate and block: the release is mined behind that, as a revert.
    chain.changeMarket({ epochManager: `0x${'99'.repeat(20)}` as Address })
    const { stop } = start()
    await clock.runUntil(() => chain.pendingCount() === 2, { limitMs: 900 })
    stop()
    await clock.advance(1_000)
    chain.changeMarket({ epochManager: MANAGER })
    await clock.advance(1_000)
    start()
    await untilEnd(109)
    expect(sent).toEqual(['releaseEpoch/100 100-109', 'releaseEpoch/100 100-109', 'releaseEpoch/100/1 100-109'])
    expect(log.filter((line) => line.startsWith('release_refused'))).toEqual([
      'release_refused {"epochId":1,"begin":100,"end":109,"reason":"E05"}',
    ])
    expect(chain.transactionCount(MANAGER)).toBe(2)
  })
})

describe('a failure', () => {
  test('E5: is told, and the same step tried again after a pause that grows to half a minute and begins anew after a success', async () => {
    let isDown = true
    const { log, clock, source, start, untilEnd } = open({ blocks: 112 }, ({ source: real }) => ({
      source: {
        ...real,
        head: async () => {
          if (isDown) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'source', method: 'head' })
          return real.head()
        },
      },
    }))
    const { stats } = start()
    await clock.advance(90_000)
    const pauses = () =>
      log.filter((line) => line.startsWith('will_try_again')).map((line) => JSON.parse(line.slice(line.indexOf('{'))).pauseMs as number)
    expect(pauses().slice(0, 8)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    isDown = false
    await untilEnd(109)
    const before = pauses().length
    isDown = true
    source.mine(10)
    await clock.advance(1_500)
    expect(pauses()[before]).toBe(1_000)
    isDown = false
    await untilEnd(119)
    await clock.advance(1_000)
    expect(stats()).toEqual({ released: 2, refused: 0, retries: pauses().length })
  })

  test('E5: while the market is read for the first time is waited out too', async () => {
    const { chain, clock, log, start, untilEnd } = open()
    chain.setReachable(false)
    start()
    await clock.advance(2_000)
    chain.setReachable(true)
    await untilEnd(109)
    expect(log.some((line) => line.startsWith('will_try_again {"code":"CHAIN_UNREACHABLE"'))).toBe(true)
  })

  test('that is a bug ends it, with all that ran beside it', async () => {
    const bug = new TypeError('a bug')
    const { clock, start } = open({}, ({ source }) => ({ source: { ...source, block: () => Promise.reject(bug) } }))
    const { ended } = start()
    expect(await clock.runUntil(ended, { limitMs: 60_000 })).toBe(bug)
    // The loop reads the market once; what watches the appointment reads it again and again.
    let reads = 0
    const looks = open({}, ({ chain }) => ({
      chain: {
        ...chain,
        async market() {
          reads += 1
          if (reads > 2) throw bug
          return chain.market()
        },
      },
    }))
    expect(await looks.clock.runUntil(looks.start().ended, { limitMs: 60_000 })).toBe(bug)
  })

  test('stopped in the midst of a pause it ends without one', async () => {
    const { chain, clock, start } = open()
    chain.setReachable(false)
    const { stop, ended } = start()
    await clock.advance(8_000)
    const atMs = clock.nowMs()
    stop()
    expect(await clock.runUntil(ended, { limitMs: 60_000 })).toBeUndefined()
    expect(clock.nowMs()).toBe(atMs)
  })
})

test('a range is one call of the first source block on, of the market’s own size', async () => {
  const { sent, start, untilEnd } = open({ blocks: 133 })
  start()
  await untilEnd(129)
  expect(sent).toEqual(['releaseEpoch/100 100-109', 'releaseEpoch/110 110-119', 'releaseEpoch/120 120-129'])
})
