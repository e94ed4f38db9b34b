import fc from 'fast-check'
import { decodeFunctionData } from 'viem'
import { describe, expect, test } from 'vitest'
import { type Cid, type EpochId, parseAddress } from '#domain/ids.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { addressesOf, FORM } from './deploy.test-world.ts'
import { manifestWish } from './manifest.ts'
import { freshMarket, type MarketWish, planMarket, windowRounds } from './market-plan.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const [state, market, owner, a, b, c] = addressesOf('01', '02', '03', '0a', '0b', '0c')
const FRESH = freshMarket(market, owner, FORM)
const WINDOWS = { snapshotWindowBlocks: 5, batchWindowBlocks: 10, attestationWindowBlocks: 20 }

const inOrder = fc
  .uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 3, maxLength: 3 })
  .map((blocks) => blocks.sort((left, right) => left - right) as [number, number, number])

/** What the contract says to one window being set (E41, E42, E45). */
function set(windows: readonly number[], index: number, blocks: number): number[] {
  const [snapshot, batch, attestation] = windows as [number, number, number]
  const isFine = [
    blocks !== 0 && (batch === 0 || blocks < batch),
    blocks > snapshot && (attestation === 0 || blocks < attestation),
    batch !== 0 && blocks > batch,
  ][index]
  if (!isFine) throw new Error(`${index} to ${blocks} of ${windows}`)
  return windows.with(index, blocks)
}

describe('windows', () => {
  test('any order of windows leads to any other, whatever the order within a round', () => {
    const now = fc.oneof(inOrder, fc.constant([0, 0, 0] as [number, number, number]))
    fc.assert(
      fc.property(now, inOrder, fc.boolean(), (from, to, isReversed) => {
        let windows: number[] = from
        // Each is estimated against the state before its round, so each must be fine there and after any of the others.
        for (const round of windowRounds(from, to))
          for (const index of isReversed ? round.toReversed() : round) {
            set(windows, index, to[index] as number)
            windows = set(windows, index, to[index] as number)
          }
        expect(windows).toEqual(to)
      }),
      { numRuns: 500, ...replay },
    )
  })

  test('each of a round is fine on its own', () => {
    fc.assert(
      fc.property(inOrder, inOrder, (from, to) => {
        let windows: number[] = from
        for (const round of windowRounds(from, to)) {
          for (const index of round) set(windows, index, to[index] as number)
          for (const index of round) windows = windows.with(index, to[index] as number)
        }
      }),
      { numRuns: 500, ...replay },
    )
  })

  test('what can never be is left to the contract', () => {
    expect(windowRounds([5, 10, 20], [5, 5, 20])).toEqual([[1]])
    expect(windowRounds([0, 0, 0], [5, 0, 20])).toEqual([[0], [2]])
  })
})

/** Addresses come back with checksum capitals; the sequencer id keeps its own. */
function inLowerCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inLowerCase)
  return typeof value === 'string' && value.startsWith('0x') ? value.toLowerCase() : value
}

describe('market plan', () => {
  test('nothing wished is nothing done, nor is what is so already', () => {
    expect(planMarket(state, FRESH, {}).flat()).toEqual([])
    const now = { ...FRESH, ...WINDOWS, sequencers: [a, b] }
    expect(planMarket(state, now, { ...WINDOWS, sequencers: [b, a], attestationsMin: 2, isEnabled: true }).flat()).toEqual([])
  })

  test('only what differs, windows in rounds, roles as one list each', () => {
    const now = { ...FRESH, sequencers: [a], validators: [a, b] }
    const waves = planMarket(state, now, {
      ...WINDOWS,
      sequencers: [b],
      validators: [a, b, c],
      rewardsEnabled: true,
      dailySnapshotQuota: 7n,
    })
    expect(waves.map((wave) => wave.map(({ transaction }) => transaction.call))).toEqual([
      [
        'updateSnapshotSubmissionWindow',
        'updateBatchSubmissionWindow',
        'updateDailySnapshotQuota',
        'toggleRewards',
        'updateAddresses',
        'updateAddresses',
      ],
      ['updateAttestationSubmissionWindow'],
    ])
    expect(waves.flat().map(({ what }) => what)).toContain(`add sequencer ${b}, remove sequencer ${a}`)
    expect(waves.flat().every(({ transaction }) => transaction.to === state)).toBe(true)
  })

  test.each<[MarketWish, string, readonly unknown[]]>([
    [{ sequencerId: '12D3KooW' }, 'setSequencerId', ['12D3KooW']],
    [{ rootOnlyBatchesAllowed: true }, 'setRootOnlyBatches', [true]],
    [{ admins: [a] }, 'updateAddresses', [2, [a], [true]]],
    [{ rewardsEnabled: true }, 'toggleRewards', []],
    [{ rewardAllowanceWei: 0n }, 'setRewardAllowance', [true, 0n]],
    [{ isEnabled: false }, 'toggleDataMarket', [false]],
  ])('%o is one call of %s, and none once it is so', (wish, call, args) => {
    const steps = planMarket(state, FRESH, wish).flat()
    expect(steps.map(({ transaction }) => transaction.call)).toEqual([call])
    const data = steps[0]?.transaction.data as `0x${string}`
    const decoded = decodeFunctionData({ abi: protocolStateAbi, data })
    expect(decoded.args?.map(inLowerCase)).toEqual([market, ...args])
    expect(planMarket(state, { ...FRESH, ...(wish as object) }, wish).flat()).toEqual([])
  })

  test('an allowance is lifted by its name', () => {
    const steps = planMarket(state, { ...FRESH, rewardAllowanceWei: 5n }, { rewardAllowanceWei: 'unlimited' }).flat()
    const data = steps[0]?.transaction.data as `0x${string}`
    expect(decodeFunctionData({ abi: protocolStateAbi, data }).args?.slice(1)).toEqual([false, 0n])
    expect(steps[0]?.what).toBe('let rewards be paid from all that no other market was granted (now 5)')
  })

  test('long lists of addresses take several calls', () => {
    const validators = Array.from({ length: 250 }, (_, index) => parseAddress(`0x${(index + 1).toString(16).padStart(40, '0')}`))
    expect(planMarket(state, FRESH, { validators }).flat()).toHaveLength(3)
  })
})

describe('a manifest', async () => {
  const wish = await manifestWish({ bytes: new TextEncoder().encode('{"namespace":"NS"}'), what: 'it' }, FORM)
  const other = { ...wish, cid: 'bafkreie5akwyk4thluoy6pcddfwr6o2us66ltllqt2khphrxfect7detcy' as Cid }
  const ref = (cid: string, fromEpochId: number) => ({ cid, fromEpochId: fromEpochId as EpochId })
  const planned = (now: Partial<typeof FRESH>, manifest: MarketWish['manifest']) =>
    planMarket(state, { ...FRESH, ...now }, { manifest })
      .flat()
      .map(({ transaction }) => decodeFunctionData({ abi: protocolStateAbi, data: transaction.data }).args)
  const at = (epochId: number) => ({ currentEpochId: epochId as EpochId })

  test.each<[string, Partial<typeof FRESH>, MarketWish['manifest'], number | undefined]>([
    ['of a new market applies from its first epoch on', {}, wish, 0],
    ['of a market at work applies when the roles have had time to fetch it', at(7), wish, 67],
    ['applies from the epoch that is named', at(7), { ...wish, fromEpochId: 9 }, 9],
    ['that applies already is not sent', { ...at(7), manifest: ref(wish.cid, 0) }, wish, undefined],
    ['that applies already, at any later epoch too', { ...at(7), manifest: ref(wish.cid, 0) }, { ...wish, fromEpochId: 9 }, undefined],
    ['that is announced already is not sent', { ...at(7), pendingManifest: ref(wish.cid, 9) }, wish, undefined],
    ['that is announced already may be put off', { ...at(7), pendingManifest: ref(wish.cid, 9) }, { ...wish, fromEpochId: 12 }, 12],
    ['takes the place of one that is announced', { ...at(7), pendingManifest: ref(other.cid, 9) }, wish, 67],
    [
      'that applies now takes back one that is announced',
      { ...at(7), manifest: ref(wish.cid, 0), pendingManifest: ref(other.cid, 9) },
      wish,
      67,
    ],
  ])('%s', (_name, now, manifest, fromEpochId) => {
    expect(planned(now, manifest)).toEqual(fromEpochId === undefined ? [] : [[expect.anything(), wish.cid, BigInt(fromEpochId)]])
  })

  test.each<[string, Partial<typeof FRESH>, number, RegExp]>([
    ['nothing', {}, 4, /from epoch 4 on \(now none\)$/],
    [
      'one that begins later',
      { pendingManifest: ref(other.cid, 4) },
      4,
      /\(now none; takes the place of bafkreie5.*, announced from epoch 4 on\)$/,
    ],
    [
      'one that begins before, and leaves epochs without rules',
      { pendingManifest: ref(other.cid, 0) },
      4,
      /, announced from epoch 0 on: CAREFUL, epochs before 4 will have no manifest\)$/,
    ],
    [
      'one that was to follow another, which goes on',
      { ...at(7), manifest: ref('bafkold', 0), pendingManifest: ref(other.cid, 8) },
      9,
      /\(now bafkold; takes the place of bafkreie5.*, announced from epoch 8 on\)$/,
    ],
  ])('says what it takes the place of: %s', (_name, now, fromEpochId, text) => {
    const [step] = planMarket(state, { ...FRESH, ...now }, { manifest: { ...wish, fromEpochId } }).flat()
    expect(step?.what).toMatch(text)
  })

  test('of another market is refused, with all that is not so', () => {
    const manifest = { ...wish, manifest: { ...wish.manifest, epochSize: 11, sourceChainId: 5 } }
    expect(() => planned({}, manifest)).toThrow(
      expect.objectContaining({
        code: 'MARKET_CONTRADICTED',
        facts: { problems: [expect.stringContaining('epochSize: the manifest says 11'), expect.stringContaining('sourceChainId')] },
      }),
    )
  })
})
