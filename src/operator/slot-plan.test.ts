import { decodeFunctionData } from 'viem'
import { describe, expect, test } from 'vitest'
import type { SlotId } from '#domain/ids.ts'
import type { NodesSettings, SlotRecord } from '#io/chain/read/slots.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { addressesOf } from './deploy.test-world.ts'
import type { Step } from './plan.ts'
import { assignSteps, planMint, registrySteps, unassignable } from './slot-plan.ts'

const [address, owner, admin, signer, other] = addressesOf('01', '02', '03', '04', '05')
const slot = (slotId: number, of = signer): SlotRecord => ({ slotId: slotId as SlotId, signer: of, owner, isActive: true, isBurned: false })
const NODES: NodesSettings = { address, name: 'Weft nodes', owner, admins: [admin], priceWei: 3n, mintStartTime: 0, slots: [] }
const NOW = 1_000

/** Function and arguments as the contract would read them. */
function called({ transaction }: Step): readonly unknown[] {
  const { functionName, args } = decodeFunctionData({ abi: nodesAbi, data: transaction.data })
  return [functionName, ...(args ?? [])].map((value) =>
    Array.isArray(value) ? value.map((item) => (typeof item === 'string' ? item.toLowerCase() : item)) : value,
  )
}

describe('minting', () => {
  test('of none is nothing', () => {
    expect(planMint(NODES, 0, NOW)).toEqual([])
  })

  test('that is closed is opened first, and closed again together with the last mint', () => {
    const waves = planMint(NODES, 2, NOW)
    expect(waves.map((wave) => wave.map(called))).toEqual([
      [['setMintStartTime', 1n]],
      [
        ['mintNode', 2n],
        ['setMintStartTime', 0n],
      ],
    ])
    expect(waves.flat().every(({ transaction }) => transaction.to === address)).toBe(true)
    expect(waves.flat().map(({ what }) => what)).toEqual(['open minting for the slots', 'mint 2 slots for 6 wei', 'close minting again'])
  })

  test('that opens later is opened for it and set back', () => {
    const waves = planMint({ ...NODES, mintStartTime: NOW + 1 }, 1, NOW)
    expect(called(waves[1]?.at(-1) as Step)).toEqual(['setMintStartTime', BigInt(NOW + 1)])
    expect(waves[1]?.at(-1)?.what).toBe(`open minting at ${NOW + 1}`)
  })

  test.each([1, NOW])('that is open since %i is left as it is', (mintStartTime) => {
    expect(planMint({ ...NODES, mintStartTime }, 2, NOW).map((wave) => wave.map(called))).toEqual([[], [['mintNode', 2n]]])
  })

  test.each([
    [100, [100n]],
    [101, [100n, 1n]],
    [250, [100n, 100n, 50n]],
  ])('of %i slots pays for each, and takes no more than a hundred at once', (count, amounts) => {
    const mints = (planMint({ ...NODES, mintStartTime: 1 }, count, NOW)[1] ?? []) as Step[]
    expect(mints.map(called)).toEqual(amounts.map((amount) => ['mintNode', amount]))
    expect(mints.map(({ transaction }) => transaction.value)).toEqual(amounts.map((amount) => amount * 3n))
  })
})

describe('assigning', () => {
  const nodes = { ...NODES, slots: [slot(1), slot(2), slot(3, other)] }
  const assign = (slotIds: readonly number[], to = signer) => slotIds.map((slotId) => ({ slotId: slotId as SlotId, signer: to }))

  test('leaves alone what is so already', () => {
    expect(assignSteps(nodes, owner, [...assign([1, 2]), ...assign([3], other)])).toEqual([])
  })

  test('sends only what differs, each slot with its own signer', () => {
    const steps = assignSteps(nodes, owner, [...assign([1], other), ...assign([2]), ...assign([3])])
    expect(steps.map(called)).toEqual([['assignSnapshotterToNodeBulkAdmin', [1n, 3n], [other, signer]]])
    expect(steps[0]?.what).toBe(`assign slot 1 to ${other}, slot 3 to ${signer}`)
    expect(steps[0]?.transaction.to).toBe(address)
  })

  test.each([
    ['the owner', owner, 'assignSnapshotterToNodeBulkAdmin'],
    ['an admin', admin, 'assignSnapshotterToNodeBulkAdmin'],
    ['anybody else', other, 'assignSnapshotterToNodeBulk'],
  ] as const)('by %s is done as %s may', (_, sender, call) => {
    const [step] = assignSteps(nodes, sender, assign([3])) as [Step]
    expect([step.transaction.call, called(step)[0]]).toEqual([call, call])
  })

  test('tells runs of slots in one word, and takes no more than a hundred at once', () => {
    const ids = Array.from({ length: 101 }, (_, index) => index + 10)
    const steps = assignSteps(nodes, owner, assign(ids, other))
    expect(steps.map(({ what }) => what)).toEqual([`assign slots 10 to 109 to ${other}`, `assign slot 110 to ${other}`])
    expect(steps.map((step) => (called(step)[1] as unknown[]).length)).toEqual([100, 1])
  })
})

describe('the registry', () => {
  test('that is as wished, or of which nothing is wished, is left alone', () => {
    expect(registrySteps(NODES, {})).toEqual([])
    expect(registrySteps(NODES, { name: NODES.name, priceWei: 3n, mintStartTime: 0 })).toEqual([])
  })

  test('gets its name, its price and its start, each by a call of its own', () => {
    const steps = registrySteps(NODES, { name: 'Other', priceWei: 4n, mintStartTime: 7 })
    expect(steps.map(called)).toEqual([
      ['setName', 'Other'],
      ['updateNodePrice', 4n],
      ['setMintStartTime', 7n],
    ])
    expect(steps.map(({ what }) => what)).toEqual([
      "name the registry 'Other'",
      'set the price of a slot to 4 wei (now 3)',
      'open minting at 7',
    ])
    expect(registrySteps({ ...NODES, mintStartTime: 7 }, { mintStartTime: 0 }).map(({ what }) => what)).toEqual(['close minting'])
  })
})

test('slots that are not there or are burned are named, and what to do about them', () => {
  const nodes = { ...NODES, slots: [slot(1), slot(2), { ...slot(3), isBurned: true }] }
  const wanting = (...ids: number[]) =>
    unassignable(
      nodes,
      ids.map((slotId) => ({ slotId: slotId as SlotId, signer: other })),
    )
  expect(wanting(1, 2)).toEqual([])
  expect(wanting(2, 4, 5, 6, 9)).toEqual(['slots 4 to 6, 9 do not exist: the registry has 1 to 3. `./weft slots mint` makes more'])
  expect(wanting(3, 4)).toEqual([
    'slot 4 does not exist: the registry has 1 to 3. `./weft slots mint` makes more',
    'slot 3 is burned, for good',
  ])
  expect(unassignable(NODES, [{ slotId: 1 as SlotId, signer }])).toEqual([
    'slot 1 does not exist: the registry has none. `./weft slots mint` makes more',
  ])
})
