import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, Hash, ContractNumber } from '#domain/ids.ts'
import type { AnchorChain, CallOutcome, Intent, ProtocolSender } from '#io/chain/port.ts'
import { anchor, end } from './anchor.ts'
import type { PlannedBatch } from './batch.ts'
import type { Pins } from './pin.ts'

const epochId = 7 as EpochId
const SEVEN = { epochId }
const signal = new AbortController().signal
const DONE: CallOutcome = { kind: 'done', transactionHash: '0x' as Hash, blockNumber: 1 as never }
const refused = (reason: string): CallOutcome => ({ kind: 'refused', reason })
const BATCHES = ['first', 'second', 'third'].map(
  (batchCid, index): PlannedBatch => ({
    index,
    batchCid: batchCid as Cid,
    projectIds: [],
    snapshotCids: [],
    rootHash: '0x' as Hash,
    file: new Uint8Array(),
  }),
)
/** Before. */
const PINNED: Pins = { ends: new Map(), done: { has: () => true } }
const PLAN = { batches: BATCHES, pins: PINNED }

/** A chain that holds some batches afterwards, whatever it answered to the calls. */
function chainThat(facts: { readonly outcomes: readonly CallOutcome[]; readonly holds?: readonly string[]; readonly isEnded?: boolean }) {
  const asked: string[] = []
  const sent: Intent[] = []
  const chain = {
    async batchCids() {
      asked.push('batchCids')
      return facts.holds ?? []
    },
    async isEpochEnded() {
      asked.push('isEpochEnded')
      return facts.isEnded ?? false
    },
  } as unknown as AnchorChain
  const sender: ProtocolSender = {
    address: '0x' as never,
    hasSigned: () => true,
    gasMax: async () => 16_777_216,
    async send(intentId, call) {
      sent.push({ intentId, call })
      return facts.outcomes[0] as CallOutcome
    },
    async sendInOrder(intents) {
      asked.push('send')
      sent.push(...intents)
      return facts.outcomes
    },
  }
  return { deps: { chain, sender, view: { head: undefined } }, asked, sent }
}

describe('S6: what counts of a batch is what the chain says after the call', () => {
  test('that is there is anchored, also when its call was refused because it was there before', async () => {
    const { deps, asked } = chainThat({ outcomes: [DONE, refused('E25'), refused('E43')], holds: ['first', 'second', 'third'] })
    expect(await anchor(SEVEN, PLAN, deps, signal)).toEqual({ failures: [undefined, undefined, undefined], block: 1 })
    expect(asked).toEqual(['send', 'batchCids'])
  })

  test.each([
    [DONE, 'batch_window_over'],
    [refused('E25'), 'pair_taken'],
    [refused('E43'), 'ended_elsewhere'],
    [refused('E04'), 'call_refused'],
    [refused('E30'), 'release_undone'],
    [refused('RootOnlyBatchesNotAllowed'), 'root_only_not_allowed'],
  ] as const)('that is not there, after %j, is %s', async (outcome, why) => {
    const { deps } = chainThat({ outcomes: [DONE, outcome, DONE], holds: ['first', 'third'] })
    expect((await anchor(SEVEN, PLAN, deps, signal)).failures).toEqual([undefined, why, undefined])
  })

  test('which is asked as of the last block that took a call: a node that has not come so far says nothing', async () => {
    const done = (blockNumber: number): CallOutcome => ({
      kind: 'done',
      transactionHash: '0x' as Hash,
      blockNumber: blockNumber as BlockNumber,
    })
    const { deps } = chainThat({ outcomes: [done(4), done(6), done(5)] })
    const head = { number: 5 }
    const late = new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'one', method: 'eth_call', detail: 'block 6 is above the head' })
    const batchCids = async (_: EpochId, at = head.number) => {
      if (at > head.number) throw late
      return BATCHES.slice(0, at - 3).map(({ batchCid }) => batchCid)
    }
    const chain = { ...deps.chain, batchCids } as AnchorChain
    await expect(anchor(SEVEN, PLAN, { ...deps, chain }, signal)).rejects.toBe(late)
    head.number = 6
    expect(await anchor(SEVEN, PLAN, { ...deps, chain }, signal)).toEqual({ failures: [undefined, undefined, undefined], block: 6 })
  })

  test('which is asked as of the head that was seen here, be the calls ever so old: a node keeps no state for ever', async () => {
    const { deps } = chainThat({ outcomes: [DONE, refused('E25'), DONE] })
    const asked: (number | undefined)[] = []
    const batchCids = async (_: EpochId, at?: BlockNumber) => {
      asked.push(at)
      return BATCHES.map(({ batchCid }) => batchCid)
    }
    const head = { number: 500 as BlockNumber, contractNumber: 500 as ContractNumber, hash: '0x' as Hash, timestamp: 0 }
    await anchor(SEVEN, PLAN, { ...deps, view: { head }, chain: { ...deps.chain, batchCids } as AnchorChain }, signal)
    expect(asked).toEqual([500])
  })

  test('which is asked once more as of now, where a reorganisation has brought a call later than its outcome said', async () => {
    const { deps } = chainThat({ outcomes: [DONE, DONE, DONE] })
    const batchCids = async (_: EpochId, at?: BlockNumber) => BATCHES.slice(0, at === undefined ? 3 : 2).map(({ batchCid }) => batchCid)
    const chain = { ...deps.chain, batchCids } as AnchorChain
    expect((await anchor(SEVEN, PLAN, { ...deps, chain }, signal)).failures).toEqual([undefined, undefined, undefined])
  })

  test('calls that are made anew have other intents', async () => {
    const { deps, sent } = chainThat({ outcomes: [DONE, DONE, DONE] })
    await anchor({ epochId, attempt: 2 }, PLAN, deps, signal)
    await end({ epochId, attempt: 2 }, deps, signal)
    expect(sent.map(({ intentId }) => intentId)).toEqual(['batch/7/0/2', 'batch/7/1/2', 'batch/7/2/2', 'end/7/2'])
  })

  test('each call has its own intent, and they go out in the order of the plan', async () => {
    const { deps, sent } = chainThat({ outcomes: [DONE, DONE, DONE] })
    await anchor(SEVEN, PLAN, deps, signal)
    expect(sent.map(({ intentId, call }) => [intentId, call.kind, 'batchCid' in call && call.batchCid])).toEqual([
      ['batch/7/0', 'submitSubmissionBatch', 'first'],
      ['batch/7/1', 'submitSubmissionBatch', 'second'],
      ['batch/7/2', 'submitSubmissionBatch', 'third'],
    ])
  })
})

describe('S6: batches by their roots', () => {
  const roots = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...(BATCHES[0] as PlannedBatch),
      index,
      batchCid: `batch ${index}` as Cid,
      projectsRootHash: '0x01' as Hash,
    }))

  test('go ten in a call: 1,000 projects, fifty in a batch, take two', async () => {
    const { deps, sent } = chainThat({ outcomes: [DONE, DONE] })
    await anchor(SEVEN, { batches: roots(20), pins: PINNED }, deps, signal)
    expect(sent.map(({ intentId, call }) => [intentId, 'batches' in call && call.batches.map(({ batchCid }) => batchCid)])).toEqual([
      ['batches/7/0', Array.from({ length: 10 }, (_, index) => `batch ${index}`)],
      ['batches/7/1', Array.from({ length: 10 }, (_, index) => `batch ${index + 10}`)],
    ])
  })

  test('of a call that is refused for one of them go one by one', async () => {
    const { deps, sent } = chainThat({ outcomes: [refused('E25'), DONE], holds: ['batch 1'] })
    const { failures } = await anchor({ epochId, attempt: 1 }, { batches: roots(3), pins: PINNED }, deps, signal)
    expect(sent.map(({ intentId }) => intentId)).toEqual(['batches/7/0/1', 'batch/7/0/1', 'batch/7/2/1'])
    expect(failures[1]).toBeUndefined()
  })
})

describe('S5, S21: what is not pinned yet', () => {
  const byIndex = (ends: readonly Promise<boolean>[]) => new Map(ends.entries())

  test('goes out behind the others when it is, and they do not wait for it', async () => {
    const { deps, sent } = chainThat({ outcomes: [DONE, DONE, DONE], holds: ['first', 'second', 'third'] })
    const slow = Promise.withResolvers<boolean>()
    const pins = { ends: byIndex([Promise.resolve(true), slow.promise, Promise.resolve(true)]), done: new Set([0, 2]) }
    const anchoring = anchor(SEVEN, { batches: BATCHES, pins }, deps, signal)
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
    expect(sent.map(({ intentId }) => intentId)).toEqual(['batch/7/0'])
    pins.done.add(1)
    slow.resolve(true)
    await anchoring
    expect(sent.map(({ intentId }) => intentId)).toEqual(['batch/7/0', 'batch/7/1', 'batch/7/2'])
  })

  test('and not in time never goes out, nor what would stand behind it', async () => {
    const { deps, sent } = chainThat({ outcomes: [DONE], holds: ['first'] })
    const pins = { ends: byIndex([Promise.resolve(true), Promise.resolve(false), Promise.resolve(true)]), done: new Set([0, 2]) }
    expect((await anchor(SEVEN, { batches: BATCHES, pins }, deps, signal)).failures).toEqual([
      undefined,
      'batch_window_over',
      'batch_window_over',
    ])
    expect(sent.map(({ intentId }) => intentId)).toEqual(['batch/7/0'])
  })
})

describe('S6: the end of an epoch', () => {
  test.each([
    [DONE, false, 'ended'],
    [refused('E39'), true, 'ended_elsewhere'],
    [refused('E04'), false, 'call_refused'],
    [refused('E30'), false, 'release_undone'],
  ] as const)('after %j, ended on chain: %s, is %s', async (outcome, isEnded, expected) => {
    const { deps, sent } = chainThat({ outcomes: [outcome], isEnded })
    expect(await end(SEVEN, deps, signal)).toBe(expected)
    expect(sent).toEqual([{ intentId: 'end/7', call: { kind: 'endBatchSubmissions', epochId } }])
  })
})
