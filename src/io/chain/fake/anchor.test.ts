import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber, SlotId } from '#domain/ids.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { chainSuite } from '#io/chain/suite/anchor.ts'
import { createMemoryJournal, SUITE_MARKET, SUITE_REORG_DEPTH_MAX, SUITE_REWARDS } from '#io/chain/suite/scene.ts'
import { type BehindWorld, behindSuite } from '#io/chain/suite/behind.ts'
import type { Account } from '#io/chain/suite/scene.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeChain } from './anchor.ts'

const ACCOUNTS: readonly Account[] = ['epochManager', 'sequencer', 'otherSequencer', 'validator1', 'validator2', 'validator3', 'stranger']
const address = (account: Account): Address => `0x${'00'.repeat(19)}${(ACCOUNTS.indexOf(account) + 0xa0).toString(16)}` as Address
const signers = [`0x${'51'.repeat(20)}`, `0x${'52'.repeat(20)}`] as [Address, Address]
const market = {
  ...SUITE_MARKET,
  epochManager: address('epochManager'),
  sequencers: [address('sequencer'), address('otherSequencer')],
  validators: [address('validator1'), address('validator2'), address('validator3')],
}

interface Numbering {
  readonly contractNumberOf: (number: number) => number
  readonly lastSeeing: (contractNumber: number) => number
}
/** Contracts see each number in three blocks, and one jump soon after the release. */
const OF_PARENT: Numbering = {
  contractNumberOf: (number) => (number < 12 ? 5_000 : 5_004) + Math.floor(number / 3),
  lastSeeing: (contractNumber) => 3 * (contractNumber - 5_004) + 2,
}

/** As on most chains. */
const OWN: Numbering = { contractNumberOf: (number) => number, lastSeeing: (contractNumber) => contractNumber }

async function openWorld({ contractNumberOf, lastSeeing }: Numbering): Promise<BehindWorld> {
  const clock = createVirtualClock()
  const chain = createFakeChain({ clock, market, signers, pollMs: 10, reorgDepthMax: SUITE_REORG_DEPTH_MAX, contractNumberOf })
  chain.changeRewards(SUITE_REWARDS)
  chain.mine()
  return {
    chain,
    signers,
    address,
    lastSeeing,
    sender: (account, options = {}) => chain.sender({ address: address(account), journal: createMemoryJournal(), ...options }),
    mine: async (count) => chain.mine(count),
    reorg: async (depth) => chain.reorg(depth, { isLosingTransactions: true }),
    async assignSigner(slotId, signer) {
      chain.assignSigner(slotId, signer)
      chain.mine()
    },
    async burnSlot(slotId) {
      chain.burnSlot(slotId)
      chain.mine()
    },
    async setManifest(manifest) {
      chain.setManifest(manifest)
      chain.mine()
    },
    async setRootOnlyAllowed(isAllowed) {
      chain.setRootOnlyAllowed(isAllowed)
      chain.mine()
    },
    pendingCount: async () => chain.pendingCount(),
    until: (isReached) => clock.runUntil(isReached, { limitMs: 10_000 }),
    transactionCount: async (account) => chain.transactionCount(address(account)),
    run: (work) => clock.runUntil(work, { limitMs: 10_000 }),
    lag: (blocks) => chain.setLag({ blocks, every: 2 }),
    close: async () => chain.stop(),
  }
}

chainSuite('fake', () => openWorld(OWN))
behindSuite('fake', () => openWorld(OWN))
chainSuite('fake whose contracts see a parent’s number', () => openWorld(OF_PARENT))
behindSuite('fake whose contracts see a parent’s number', () => openWorld(OF_PARENT))

describe('fake chain', () => {
  test('mines on the clock until it is stopped', async () => {
    const clock = createVirtualClock()
    const chain = createFakeChain({ clock, market, signers, blockTimeMs: 1_000 })
    await clock.advance(5_000)
    expect((await chain.head()).number).toBe(5)
    chain.stop()
    await clock.advance(5_000)
    expect((await chain.head()).number).toBe(5)
  })

  test('unreachable, it answers nothing, and a follower waits it out', async () => {
    const clock = createVirtualClock()
    const chain = createFakeChain({ clock, market, signers, blockTimeMs: 1_000 })
    const seen: number[] = []
    const following = (async () => {
      for await (const step of chain.follow({ from: 1 as BlockNumber, known: [], signal: new AbortController().signal })) {
        if (step.kind === 'block') seen.push(step.block.number)
        if (seen.length === 6) return
      }
    })()
    await clock.advance(2_500)
    chain.setReachable(false)
    await expect(chain.head()).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    await clock.advance(2_500)
    expect(seen).toEqual([1, 2])
    chain.setReachable(true)
    await clock.runUntil(following, { limitMs: 10_000 })
    expect(seen).toEqual([1, 2, 3, 4, 5, 6])
    chain.stop()
  })

  test('whoever has lost the journal makes another transaction, and the one that it pushed aside is made anew', async () => {
    const clock = createVirtualClock()
    const chain = createFakeChain({ clock, market, signers, blockTimeMs: 1_000, pollMs: 100 })
    const signal = new AbortController().signal
    const manager = address('epochManager')
    const journalled = chain.sender({ address: manager, journal: createMemoryJournal() })
    const forgetful = chain.sender({ address: manager, journal: createMemoryJournal() })
    const epoch = (begin: number) =>
      ({ kind: 'releaseEpoch', begin, end: begin + market.epochSize - 1 }) as Extract<ProtocolCall, { kind: 'releaseEpoch' }>
    const both = [forgetful.send('release', epoch(101), signal), journalled.send('release', epoch(201), signal)]
    await clock.advance(0)
    // Both took the first nonce: one waits in vain, until its nonce is used up for good.
    expect(chain.pendingCount()).toBe(2)
    const [done, late] = await clock.runUntil(Promise.all(both), { limitMs: 30_000 })
    expect([done?.kind, late]).toEqual(['done', { kind: 'refused', reason: 'E22' }])
    expect(chain.transactionCount(manager)).toBe(2)
    chain.stop()
  })

  test('a call that has gone out waits out that nobody answers, as with the real sender', async () => {
    const clock = createVirtualClock()
    const chain = createFakeChain({ clock, market, signers, blockTimeMs: 1_000 })
    const sender = chain.sender({ address: address('epochManager'), journal: createMemoryJournal() })
    const call: ProtocolCall = { kind: 'releaseEpoch', begin: 101 as BlockNumber, end: (100 + market.epochSize) as BlockNumber }
    const sent = sender.send('release', call, new AbortController().signal)
    await clock.advance(0)
    chain.setReachable(false)
    await clock.advance(3_000)
    chain.setReachable(true)
    expect(await clock.runUntil(sent, { limitMs: 10_000 })).toMatchObject({ kind: 'done', blockNumber: 1 })
    chain.stop()
  })

  test('an onlooker sees every block with its events, also while nobody is answered', () => {
    const chain = createFakeChain({ clock: createVirtualClock(), market, signers })
    chain.burnSlot(1 as SlotId)
    chain.setReachable(false)
    chain.mine(2)
    expect(chain.blocks().map(({ block, events }) => [block.number, events.map(({ kind }) => kind)])).toEqual([
      [0, []],
      [1, ['NodeBurned']],
      [2, []],
    ])
    chain.reorg(2, { isLosingTransactions: true })
    expect(chain.blocks().flatMap(({ events }) => events)).toEqual([])
  })
})

test('a node that lags has an older head, older state, and fails for what lies above: of every so manieth read', async () => {
  const chain = createFakeChain({ clock: createVirtualClock(), market, signers })
  chain.mine(2)
  chain.changeMarket({ snapshotWindowBlocks: 77 })
  chain.mine()
  chain.setLag({ blocks: 1, every: 2 })
  const windows = [await chain.market(), await chain.market()].map(({ snapshotWindowBlocks }) => snapshotWindowBlocks)
  expect(windows).toEqual([77, SUITE_MARKET.snapshotWindowBlocks])
  expect([(await chain.head()).number, (await chain.head()).number]).toEqual([3, 2])
  const top = 3 as BlockNumber
  expect([(await chain.block(top))?.number, await chain.block(top)]).toEqual([3, undefined])
  await chain.batchCids(1 as never, top)
  await expect(chain.batchCids(1 as never, top)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  chain.setLag()
  expect([(await chain.head()).number, (await chain.head()).number]).toEqual([3, 3])
})
