import { describe, expect, test } from 'vitest'
import type { Address, SlotId } from '#domain/ids.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { createWire, open, OTHER_SEQUENCER, SEQUENCER, type Settings, vote, type World } from '#roles/sequencer/sequencer.test-world.ts'

/** Windows of 2, 6 and 8 blocks; two epochs a day, and a snapshot in both for the quota. */
const MARKET: Settings = {
  epochsKept: 100,
  market: { snapshotWindowBlocks: 2, batchWindowBlocks: 6, attestationWindowBlocks: 8 },
  rewards: { epochsInADay: 2, dailySnapshotQuota: 2, areRewardsEnabled: true },
}

/** An epoch in which these slots vote alike, until nothing of it can change. */
async function epoch(world: World, epochId: number, slotIds: readonly number[]): Promise<void> {
  await world.release()
  for (const slotId of slotIds) await vote(world, slotId, 0, 0, epochId)
  await world.mine(10)
}

type Update = Extract<ProtocolCall, { kind: 'updateRewards' }>
const updates = (world: World, from: Address = SEQUENCER) =>
  world.chain
    .transactions()
    .flatMap((each) => (each.call.kind === 'updateRewards' && each.from === from ? [{ ...each, call: each.call as Update }] : []))
const words = (world: World) =>
  updates(world).map(({ call: { day, slotIds, submissions, eligibleNodes } }) => [day, slotIds, submissions, eligibleNodes])
const onChain = (world: World, day: number, slotIds: readonly number[]) =>
  Promise.all(slotIds.map((slotId) => world.chain.slotDay(slotId as SlotId, day)))
const said = (world: World, event: string) => world.told.filter((one) => one.event === event).map(({ facts }) => facts)

/** Day 1, in which slots 1 and 2 reach the quota and slot 3 does not; then epoch 3, in which it ends. */
async function dayOver(world: World): Promise<void> {
  await epoch(world, 1, [1, 2, 3])
  await epoch(world, 2, [1, 2])
  await epoch(world, 3, [1])
}

describe('S18: the last word about a day', () => {
  test('names what every slot delivered, and rewards those that reached the quota', async () => {
    const world = await open(MARKET)
    await dayOver(world)
    await world.mine(2)
    expect(words(world)).toEqual([
      [1, [3], [1], 0],
      [1, [1, 2], [2, 2], 2],
    ])
    expect(await onChain(world, 1, [1, 2, 3])).toEqual([
      { submissions: 2, isRewarded: true },
      { submissions: 2, isRewarded: true },
      { submissions: 1, isRewarded: false },
    ])
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 2, remaining: 0 })
    expect(said(world, 'day_told')).toEqual([{ day: 1, slots: 3, eligible: 2, quota: 2 }])
    await epoch(world, 4, [1])
    expect(updates(world)).toHaveLength(2)
    await world.stop()
  })

  test('is said in chunks that fit a block', async () => {
    const world = await open({ ...MARKET, counts: { slotsPerUpdate: 1 } })
    await dayOver(world)
    await world.mine(2)
    expect(words(world)).toEqual([
      [1, [3], [1], 0],
      [1, [1], [2], 2],
      [1, [2], [2], 2],
    ])
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 2, remaining: 0 })
    await world.stop()
  })

  test('waits until an epoch late enough is done, whichever that is: one that nobody here saw done keeps nothing up', async () => {
    const world = await open({ ...MARKET, counts: { dayBufferEpochs: 2 } })
    await dayOver(world)
    await world.mine(5)
    expect(updates(world)).toEqual([])
    // Epochs 4 and 5 come and go while it is away.
    const onDisk = world.cut()
    const other = await open({ ...MARKET, onDisk: createFakeStore(), around: world, isNotAwaited: true })
    await epoch(other, 4, [])
    await other.stop()
    const again = await open({ ...MARKET, counts: { dayBufferEpochs: 2 }, onDisk, around: world })
    await again.mine(2)
    expect(words(again)).toHaveLength(2)
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 2, remaining: 0 })
    await again.stop()
  })

  test('is said once, wherever the process was killed', async () => {
    const world = await open({ ...MARKET, counts: { slotsPerUpdate: 1 } })
    await epoch(world, 1, [1, 2, 3])
    await epoch(world, 2, [1, 2])
    await world.release()
    for (let block = 0; block < 12 && updates(world).length === 0; block += 1) await world.mine(1)
    // Planned, and some of its calls wait for a block.
    const again = await world.crash()
    await again.mine(1)
    const third = await again.crash()
    await third.mine(4)
    const sent = updates(third)
    expect(sent.map(({ call }) => call.slotIds)).toEqual([[3], [1], [2]])
    expect(sent.map(({ receipt }) => receipt?.reverted)).toEqual([undefined, undefined, undefined])
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 2, remaining: 0 })
    expect((await third.crash()).events).not.toContain('day_told')
    await third.stop()
  })

  test('leaves out what another sequencer had rewarded before, and rewards the rest', async () => {
    const world = await open(MARKET)
    await epoch(world, 1, [1, 2, 3])
    await epoch(world, 2, [1, 2])
    const call = { kind: 'updateRewards', day: 1, slotIds: [1 as SlotId], submissions: [2], eligibleNodes: 2 } as const
    void world.chain.sender({ address: OTHER_SEQUENCER, journal: createFakeStore() }).send('once', call, new AbortController().signal)
    await epoch(world, 3, [1])
    await world.mine(2)
    expect(words(world)).toEqual([
      [1, [3], [1], 0],
      [1, [2], [2], 2],
    ])
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 2, remaining: 0 })
    await world.stop()
  })

  test('counts those for whom no share is left as well', async () => {
    const world = await open(MARKET)
    await epoch(world, 1, [1, 2, 3])
    await epoch(world, 2, [1, 2])
    const call = { kind: 'updateRewards', day: 1, slotIds: [1 as SlotId], submissions: [2], eligibleNodes: 1 } as const
    void world.chain.sender({ address: OTHER_SEQUENCER, journal: createFakeStore() }).send('once', call, new AbortController().signal)
    await epoch(world, 3, [1])
    await world.mine(3)
    expect(await onChain(world, 1, [1, 2, 3])).toMatchObject([
      { isRewarded: true },
      { submissions: 2, isRewarded: false },
      { submissions: 1 },
    ])
    await world.stop()
  })

  test('that the contract refuses is said again, for as long as it takes one', async () => {
    const world = await open({ ...MARKET, rewards: { ...MARKET.rewards, epochsInADay: 4 }, counts: { countsEveryEpochs: 2 } })
    for (const epochId of [1, 2, 3, 4]) await epoch(world, epochId, [1, 2])
    world.chain.changeMarket({ sequencers: [OTHER_SEQUENCER] })
    await epoch(world, 5, [])
    expect(said(world, 'counts_refused')).toEqual([{ day: 1, slots: 2, code: 'E04' }])
    world.chain.changeMarket({ sequencers: [SEQUENCER] })
    await epoch(world, 6, [])
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 0, remaining: 0 })
    expect(said(world, 'day_told')).toEqual([])
    await epoch(world, 7, [])
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 2, remaining: 0 })
    await world.stop()
  })

  test('that comes too late is told with its code', async () => {
    const world = await open(MARKET)
    await epoch(world, 1, [1, 2])
    const onDisk = world.cut()
    const other = await open({ ...MARKET, onDisk: createFakeStore(), around: world, isNotAwaited: true, rewards: {} })
    for (const epochId of [2, 3, 4, 5]) await epoch(other, epochId, [])
    await other.stop()
    const again = await open({ ...MARKET, onDisk, around: world })
    await again.mine(2)
    expect(said(again, 'day_not_told')).toEqual([{ day: 1, slots: 2, code: 'E38' }])
    await again.stop()
  })

  test('goes out again when a reorganisation takes it off the chain', async () => {
    const world = await open(MARKET)
    await dayOver(world)
    await world.mine(2)
    const { block } = updates(world)[1]?.receipt ?? { block: await world.chain.head() }
    world.chain.reorg((await world.chain.head()).number - block.number + 1, { isLosingTransactions: true })
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 0, remaining: 0 })
    await world.mine(1)
    await world.until(() => world.chain.pendingCount() > 0)
    await world.mine(3)
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 2, remaining: 0 })
    expect(await onChain(world, 1, [1, 2, 3])).toMatchObject([{ isRewarded: true }, { isRewarded: true }, { submissions: 1 }])
    await world.stop()
  })
})

describe('S18: of a day that goes on', () => {
  test('is told now and then what has changed, and rewards nobody', async () => {
    const world = await open({ ...MARKET, rewards: { ...MARKET.rewards, epochsInADay: 9 }, counts: { countsEveryEpochs: 2 } })
    await epoch(world, 1, [1, 2])
    await epoch(world, 2, [1])
    expect(words(world)).toEqual([[1, [1, 2], [1, 1], 0]])
    await epoch(world, 3, [1])
    await epoch(world, 4, [1])
    expect(words(world)).toEqual([
      [1, [1, 2], [1, 1], 0],
      [1, [1], [3], 0],
    ])
    expect(world.chain.rewardDay(1)).toEqual({ eligible: 0, remaining: 0 })
    await world.stop()
  })
})

describe('S18: while a call is under way', () => {
  /** Whoever asks for the rules waits from `hold` on, until what that returns is called. */
  function held() {
    const wire = createWire()
    let gate: Promise<void> | undefined
    const around: typeof wire.around = (chain) => ({
      ...wire.around(chain),
      async rewardRules() {
        await gate
        return chain.rewardRules()
      },
    })
    const hold = () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return () => {
        gate = undefined
        resolve()
      }
    }
    return { wire: { ...wire, around }, hold }
  }

  test('the day goes on, however many epochs are released meanwhile: nobody is rewarded yet', async () => {
    const { wire, hold } = held()
    const rewards = { ...MARKET.rewards, epochsInADay: 20, dailySnapshotQuota: 1 }
    const world = await open({ ...MARKET, wire, rewards, counts: { countsEveryEpochs: 2 } })
    await epoch(world, 1, [1])
    const letGo = hold()
    for (const epochId of [2, 3, 4, 5, 6]) await epoch(world, epochId, [1])
    letGo()
    await world.mine(6)
    expect(words(world).length).toBeGreaterThan(0)
    expect(words(world).filter(([, , , eligible]) => eligible !== 0)).toEqual([])
    expect(said(world, 'day_told')).toEqual([])
    await world.stop()
  })
})

describe('S18: nothing is sent', () => {
  test('while the market does not ask for it, and that is said once a day', async () => {
    const world = await open({ ...MARKET, rewards: { ...MARKET.rewards, areRewardsEnabled: false }, counts: { countsEveryEpochs: 1 } })
    await epoch(world, 1, [1, 2])
    await epoch(world, 2, [1, 2])
    expect(updates(world)).toEqual([])
    expect(said(world, 'counts_not_sent')).toEqual([{ day: 1, reason: 'rewards_off' }])
    for (const epochId of [3, 4, 5, 6]) await epoch(world, epochId, [1, 2])
    expect(said(world, 'counts_not_sent')).toEqual([1, 2, 3].map((day) => ({ day, reason: 'rewards_off' })))
    expect(said(world, 'day_not_told')).toEqual([])
    world.chain.changeRewards({ areRewardsEnabled: true })
    await epoch(world, 7, [1])
    await world.mine(2)
    expect([1, 2, 3].map((day) => world.chain.rewardDay(day).eligible)).toEqual([0, 0, 2])
    await world.stop()
  })

  test('of a day whose beginning was not followed', async () => {
    const world = await open(MARKET)
    await epoch(world, 1, [1, 2])
    await epoch(world, 2, [1, 2])
    world.cut()
    const fresh = await open({ ...MARKET, onDisk: createFakeStore(), around: world })
    await epoch(fresh, 3, [1])
    await fresh.mine(2)
    expect(updates(fresh)).toEqual([])
    expect(said(fresh, 'counts_not_sent')).toEqual([{ day: 1, reason: 'day_not_whole' }])
    await fresh.stop()
  })

  test('that the contract refuses but the code is told, and all of it with a later update', async () => {
    const rewards = { ...MARKET.rewards, epochsInADay: 9 }
    const world = await open({ ...MARKET, rewards, counts: { countsEveryEpochs: 2 } })
    await epoch(world, 1, [1, 2])
    world.chain.changeMarket({ sequencers: [OTHER_SEQUENCER] })
    await epoch(world, 2, [])
    expect(said(world, 'counts_refused')).toEqual([{ day: 1, slots: 2, code: 'E04' }])
    world.chain.changeMarket({ sequencers: [SEQUENCER] })
    await epoch(world, 3, [])
    expect(words(world)).toEqual([])
    await epoch(world, 4, [1])
    expect(words(world)).toEqual([[1, [1, 2], [1, 1], 0]])
    await world.stop()
  })
})
