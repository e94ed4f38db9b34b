import { describe, expect, test } from 'vitest'
import { addressesOf, FORM } from './deploy.test-world.ts'
import { freshMarket } from './market-plan.ts'
import { formDifferences, wantedForm, wantedSettings } from './wanted.ts'

const [market, deployer, a, b] = addressesOf('01', '02', '0a', '0b')
const FRESH = freshMarket(market, deployer, FORM)

describe('what a market is made of', () => {
  test('is the published one unless the configuration says otherwise', () => {
    expect(wantedForm({})).toEqual(FORM)
    const asked = { epochSize: 6, sourceChainId: 8_453, sourceBlockTimeSeconds: 2, blockNumbersAsEpochIds: false }
    const { blockNumbersAsEpochIds: usesBlockNumbersAsEpochIds, ...rest } = asked
    expect(wantedForm({ market: asked })).toEqual({ ...rest, usesBlockNumbersAsEpochIds })
  })

  test('has epochs of one block where block numbers are their ids', () => {
    expect(wantedForm({ market: { blockNumbersAsEpochIds: true } })).toMatchObject({ epochSize: 1, usesBlockNumbersAsEpochIds: true })
  })

  test('can never change: each difference is told, and what is not asked for is none', () => {
    expect(formDifferences({}, FRESH)).toEqual([])
    expect(
      formDifferences({ market: { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, blockNumbersAsEpochIds: false } }, FRESH),
    ).toEqual([])
    const problems = formDifferences(
      { market: { epochSize: 1, sourceChainId: 2, sourceBlockTimeSeconds: 3, blockNumbersAsEpochIds: true } },
      FRESH,
    )
    expect(problems.map((problem) => /^market\.(\w+): is (\w+) for ever/.exec(problem)?.slice(1))).toEqual([
      ['epochSize', '10'],
      ['sourceChainId', '1'],
      ['sourceBlockTimeSeconds', '12'],
      ['blockNumbersAsEpochIds', 'false'],
    ])
  })
})

describe('settings to reach', () => {
  test('of a new market: windows, and the deployer in every role', () => {
    expect(wantedSettings({}, FRESH, deployer)).toMatchObject({
      snapshotWindowBlocks: 20,
      batchWindowBlocks: 60,
      attestationWindowBlocks: 120,
      attestationsMin: 1,
      epochManager: deployer,
      sequencers: [deployer],
      validators: [deployer],
    })
  })

  test('a second run without a configuration takes back nothing that was changed since', () => {
    const changed = {
      ...FRESH,
      snapshotWindowBlocks: 1,
      batchWindowBlocks: 2,
      attestationWindowBlocks: 3,
      attestationsMin: 2,
      epochManager: a,
      sequencers: [a],
      validators: [a, b],
      admins: [b],
      sequencerId: 'x',
      rewardPoolWei: 5n,
    }
    const { admins, sequencerId, rewardPoolWei, ...rest } = wantedSettings({}, changed, deployer)
    expect([admins, sequencerId, rewardPoolWei]).toEqual([undefined, undefined, undefined])
    for (const [name, value] of Object.entries(rest))
      if (value !== undefined) expect([name, value]).toEqual([name, changed[name as keyof typeof changed]])
  })

  test('the configuration wins over both', () => {
    const config = {
      windows: { snapshotBlocks: 5, batchBlocks: 6, attestationBlocks: 7 },
      minAttestations: 2,
      epochManager: b,
      sequencers: [a],
      validators: [a, b],
      admins: [a],
      sequencerId: '',
      rootOnlyBatches: true,
      dailySnapshotQuota: 1n,
      rewardPoolWei: 0n,
      rewards: false,
    }
    expect(wantedSettings({ market: config }, { ...FRESH, epochManager: a, sequencers: [b], validators: [b] }, deployer)).toEqual({
      snapshotWindowBlocks: 5,
      batchWindowBlocks: 6,
      attestationWindowBlocks: 7,
      attestationsMin: 2,
      epochManager: b,
      sequencers: [a],
      validators: [a, b],
      admins: [a],
      sequencerId: '',
      rootOnlyBatchesAllowed: true,
      dailySnapshotQuota: 1n,
      rewardPoolWei: 0n,
      rewardsEnabled: false,
    })
  })

  test.each([
    [2, [a], 1],
    [2, [a, b], 2],
    [1, [a, b], 1],
    [3, [a, b], 2],
  ])('%i attestations of %j: %i, or nothing would ever be final', (attestationsMin, validators, wanted) => {
    expect(wantedSettings({}, { ...FRESH, attestationsMin, validators }, deployer).attestationsMin).toBe(wanted)
  })

  test('an empty list is a list: it takes the role from everybody', () => {
    expect(wantedSettings({ market: { sequencers: [] } }, { ...FRESH, sequencers: [a] }, deployer).sequencers).toEqual([])
  })
})
