import { beforeEach, describe, expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, ChainStep, MarketState, ProtocolEvent } from '#io/chain/port.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import type { EpochEntry } from '#roles/sequencer/ledger.ts'
import { createObserver, emptySummary } from './observer.ts'
import type { DevnetReport, EpochLine, UnfinishedEpoch } from './report.ts'

const VALIDATORS = ['a', 'b', 'c'].map((digit) => `0x${digit.repeat(40)}` as Address)
const [FIRST, SECOND] = ['bafy1', 'bafy2'] as [Cid, Cid]
const ATTESTATION_WINDOW = 10
const PROJECTS = ['a:TEST', 'b:TEST', 'c:TEST'] as ProjectId[]

type Happening = { readonly kind: ProtocolEvent['kind'] } & Record<string, unknown>
const released = (epochId: number): Happening => ({ kind: 'EpochReleased', epochId })
const submitted = (epochId: number, batchCid = FIRST): Happening => ({ kind: 'SnapshotBatchSubmitted', epochId, batchCid })
const attested = (epochId: number, batchCid = FIRST, voters = VALIDATORS): Happening[] =>
  voters.map((validator) => ({ kind: 'SnapshotBatchAttestationSubmitted', epochId, batchCid, validator }))
const final = (epochId: number, batchCid = FIRST): Happening => ({ kind: 'SnapshotBatchFinalized', epochId, batchCid })
const snapshot = (epochId: number, projectId = PROJECTS[0]): Happening => ({ kind: 'SnapshotFinalized', epochId, projectId })
const ended = (epochId: number): Happening => ({ kind: 'BatchSubmissionsCompleted', epochId })
const refuted = (epochId: number, batchCid = FIRST): Happening => ({ kind: 'TriggerBatchResubmission', epochId, batchCid })
/** An epoch with one batch, all of it in one block. */
const whole = (epochId: number): Happening[] => [
  released(epochId),
  submitted(epochId),
  snapshot(epochId),
  ended(epochId),
  ...attested(epochId),
  final(epochId),
]

let clock: VirtualClock
let lines: EpochLine[]
let live: EpochLine[]
let over: UnfinishedEpoch[]
let records: Map<number, Partial<EpochEntry>>
let failures: Map<string, { readonly reason: 'compute_failed'; readonly detail: string }>
beforeEach(() => {
  clock = createVirtualClock()
  lines = []
  live = []
  over = []
  records = new Map()
  failures = new Map()
})

const report: DevnetReport = {
  progress: () => undefined,
  ready: () => undefined,
  summary: () => undefined,
  fault: () => undefined,
  live: (line) => void live.push(line),
  epoch: (line) => void lines.push(line),
  unfinished: (epoch) => void over.push(epoch),
  advice: () => undefined,
}

/** Blocks one second apart, each with what happens in it. */
async function observe(
  blocks: readonly (readonly Happening[] | 'rollback')[],
  epochsWanted?: number,
  signal = new AbortController().signal,
) {
  async function* follow(): AsyncGenerator<ChainStep> {
    for (const [index, happenings] of blocks.entries()) {
      const block = {
        number: index + 1,
        contractNumber: index + 1,
        hash: '0x' as Hash,
        parentHash: '0x' as Hash,
        timestamp: 1_700_000_000 + index,
      } as unknown as BlockRef
      if (happenings === 'rollback') yield { kind: 'rollback', to: block }
      else {
        const events = happenings.map((each, logIndex) => ({
          block,
          logIndex,
          transactionHash: '0x',
          ...each,
        })) as unknown as ProtocolEvent[]
        yield { kind: 'block', block, events }
      }
      await clock.advance(1_000)
    }
    if (signal.aborted) throw signal.reason
  }
  const chain = {
    market: async () => ({ attestationWindowBlocks: ATTESTATION_WINDOW, validators: VALIDATORS }) as unknown as MarketState,
    deploymentBlock: async () => 1 as BlockNumber,
    follow,
  } as unknown as AnchorChain
  const recordOf = (epochId: EpochId) => {
    const record = records.get(epochId)
    return record && ({ accepted: 0, rejected: {}, projects: [], outvotedSlots: [], ...record } as unknown as EpochEntry)
  }
  const observer = createObserver({
    chain,
    clock,
    report,
    projectsAt: () => PROJECTS,
    recordOf,
    failureOf: (epochId, projectId) => failures.get(`${epochId} ${projectId}`),
  })
  await observer.run(epochsWanted, signal)
  return observer.summary()
}

describe('an epoch that is final', () => {
  test('is told once, with what the chain says and what the sequencer took, refused and decided', async () => {
    records.set(1, {
      accepted: 18,
      // What was asked to come again came again: it was not refused.
      rejected: { signer_mismatch: 2, vote_conflict: 1, epoch_unknown: 40, header_unknown: 5 },
      outvotedSlots: [6 as SlotId],
      projects: [{ total: 6, votes: 5 } as never, { total: 6, votes: 4 } as never, { total: 5, votes: 5 } as never],
    })
    const summary = await observe(
      [
        [released(1)],
        [submitted(1, FIRST), submitted(1, SECOND), ...PROJECTS.map((projectId) => snapshot(1, projectId))],
        [ended(1), ...attested(1, FIRST), ...attested(1, SECOND, VALIDATORS.slice(0, 2))],
        [final(1, FIRST), final(1, SECOND)],
        attested(1, SECOND, VALIDATORS.slice(2)),
        [],
      ],
      undefined,
    )
    expect(lines).toEqual([
      {
        epochId: 1,
        releasedAt: 1_700_000_000_000,
        accepted: 18,
        rejected: 3,
        projects: PROJECTS.length,
        missed: [],
        finalized: 3,
        refuted: 0,
        disputed: 0,
        batches: 2,
        attestations: 3,
        outvotedSlots: 1,
        blocksToAttested: 3,
        releasedToFinalizedMs: 3_000,
      },
    ])
    expect(summary).toMatchObject({
      epochs: 1,
      accepted: 18,
      rejected: 3,
      finalized: 3,
      batches: 2,
      attestations: 3,
      outvotedSnapshots: 3,
      outvoted: [{ slotId: 6, epochs: 1 }],
      rejections: { signer_mismatch: 2, vote_conflict: 1 },
      unfinished: [],
      elapsedMs: 6_000,
    })
  })

  test('counts a validator when it has attested every batch, once', async () => {
    const twice = [...attested(1, FIRST, [VALIDATORS[0] as Address]), ...attested(1, FIRST, [VALIDATORS[0] as Address])]
    await observe([[released(1), submitted(1, FIRST), submitted(1, SECOND)], [...twice, ...attested(1, SECOND)], []])
    expect(live.at(-1)).toMatchObject({ attestations: 1, batches: 2 })
  })

  test('waits for the validators that are still to come, and no longer than they may', async () => {
    const two = attested(1, FIRST, VALIDATORS.slice(0, 2))
    const blocks = (count: number) => [[released(1), submitted(1), ended(1), ...two, final(1)], ...Array.from({ length: count }, () => [])]
    await observe(blocks(ATTESTATION_WINDOW))
    expect(lines).toEqual([])
    await observe(blocks(ATTESTATION_WINDOW + 1))
    expect(lines).toMatchObject([{ epochId: 1, attestations: 2 }])
  })

  test.each([
    ['that was not ended', [submitted(1), ...attested(1), final(1)]],
    ['without a batch', [ended(1)]],
    [
      'of which a batch is not final',
      [submitted(1, FIRST), submitted(1, SECOND), ended(1), ...attested(1, FIRST), ...attested(1, SECOND), final(1)],
    ],
  ])('is none %s', async (_, happenings) => {
    const summary = await observe([[released(1), ...happenings], ...Array.from({ length: ATTESTATION_WINDOW + 1 }, () => [])])
    expect(lines).toEqual([])
    expect(summary).toMatchObject({ epochs: 0, unfinished: [{ epochId: 1, reason: 'attestations_missing' }] })
  })
})

test('what is under way at the end is counted apart, and what was missed by its reason', async () => {
  records.set(2, { accepted: 114 })
  const summary = await observe([[released(1), submitted(1), ended(1), ...attested(1), final(1)], [released(2)]])
  expect(summary).toMatchObject({ epochs: 1, accepted: 0, missed: { not_submitted: 3 }, underWay: { epochs: 1, accepted: 114 } })
})

test('epochs are told in the order of their ids: one that is final waits for those before it', async () => {
  await observe([[released(1), submitted(1), ended(1)], whole(2), [...attested(1), final(1)]])
  expect(lines.map(({ epochId }) => epochId)).toEqual([1, 2])
})

test.each([
  [undefined, 'attestations_missing'],
  [{}, 'attestations_missing'],
  [{ reason: 'all_batches_anchored' }, 'attestations_missing'],
  [{ reason: 'no_submissions' }, 'no_submissions'],
] as const)('an epoch that is not final when its time is over is told with its reason: %o is %s', async (record, reason) => {
  if (record !== undefined) records.set(1, record)
  const blocks = [[released(1)], ...Array.from({ length: ATTESTATION_WINDOW }, () => [])]
  expect((await observe(blocks)).unfinished).toEqual([])
  expect(over).toEqual([])
  expect((await observe([...blocks, []])).unfinished).toEqual([{ epochId: 1, reason }])
  expect(over).toEqual([{ epochId: 1, reason }])
})

test('it ends with as many epochs as were asked for, and tells no more', async () => {
  const summary = await observe([whole(1), [...whole(2), ...whole(3)], whole(4)], 2)
  expect(lines.map(({ epochId }) => epochId)).toEqual([1, 2])
  expect(summary.epochs).toBe(2)
})

test('the same slot is counted once per epoch in which it lost', async () => {
  for (const epochId of [1, 2, 3]) records.set(epochId, { outvotedSlots: (epochId === 2 ? [7, 5] : [5]) as SlotId[] })
  expect((await observe([whole(1), whole(2), whole(3)])).outvoted).toEqual([
    { slotId: 5, epochs: 3 },
    { slotId: 7, epochs: 1 },
  ])
})

test('what is under way is told block by block, the newest epoch alone', async () => {
  await observe([[released(1)], [released(2)], 'rollback', [submitted(2)]])
  expect(live.map(({ epochId, batches, releasedToFinalizedMs }) => [epochId, batches, releasedToFinalizedMs])).toEqual([
    [1, 0, 0],
    [2, 0, 0],
    [2, 1, 0],
  ])
})

test('events of an epoch that was never seen released, or of none, are nothing', async () => {
  const summary = await observe([[submitted(9), ...attested(9), ended(9), final(9), { kind: 'SnapshotterAddressChanged', slotId: 1 }]])
  expect(summary).toMatchObject({ epochs: 0, unfinished: [] })
})

test('G9: of a project that nobody submitted, those who should have computed it say why', async () => {
  failures.set(`1 ${PROJECTS[1]}`, { reason: 'compute_failed', detail: 'compute.ts:12: no luck' })
  await observe([whole(1)], 1)
  expect(lines[0]?.missed).toEqual([
    { projectId: PROJECTS[1], reason: 'compute_failed', detail: 'compute.ts:12: no luck' },
    { projectId: PROJECTS[2], reason: 'not_submitted' },
  ])
})

test.each(['below_min_votes', 'below_min_share'])(
  'G9: of one with a few votes all the same, those who gave none say why: %s',
  async (reason) => {
    failures.set(`1 ${PROJECTS[1]}`, { reason: 'compute_failed', detail: 'compute.ts:12: no luck' })
    const few = [PROJECTS[1], PROJECTS[2]].map((projectId) => ({ projectId, reason, total: 1, votes: 1 }) as never)
    records.set(1, { projects: few })
    await observe([whole(1)], 1)
    expect(lines[0]?.missed).toEqual([
      { projectId: PROJECTS[1], reason: 'compute_failed', detail: 'compute.ts:12: no luck' },
      { projectId: PROJECTS[2], reason },
    ])
  },
)

test('G9: projects that are not final are named with their reasons', async () => {
  records.set(1, { projects: [{ projectId: PROJECTS[1], reason: 'no_votes', total: 0, votes: 0 } as never] })
  await observe([whole(1)], 1)
  expect(lines).toMatchObject([
    {
      finalized: 1,
      missed: [
        { projectId: PROJECTS[1], reason: 'no_votes' },
        { projectId: PROJECTS[2], reason: 'not_submitted' },
      ],
    },
  ])
})

test('being told to stop is no failure; a chain that fails is', async () => {
  const stopping = new AbortController()
  stopping.abort(new Error('stopped'))
  expect(await observe([whole(1)], undefined, stopping.signal)).toMatchObject({ epochs: 1 })
  const failing = { aborted: false } as AbortSignal
  const broken = createObserver({
    chain: {
      market: async () => ({}),
      deploymentBlock: async () => 1,
      // biome-ignore lint/correctness/useYield: it fails before it has anything to say.
      async *follow() {
        throw new Error('the chain is gone')
      },
    } as unknown as AnchorChain,
    clock,
    report,
    projectsAt: () => [],
    recordOf: () => undefined,
  })
  await expect(broken.run(undefined, failing)).rejects.toThrow('the chain is gone')
})

test('a devnet that was stopped before its first epoch has nothing to tell', () => {
  expect(emptySummary(7)).toEqual({
    epochs: 0,
    accepted: 0,
    rejected: 0,
    finalized: 0,
    batches: 0,
    attestations: 0,
    outvotedSnapshots: 0,
    outvoted: [],
    missed: {},
    rejections: {},
    unfinished: [],
    underWay: { epochs: 0, accepted: 0 },
    elapsedMs: 7,
  })
})

describe('an epoch with a batch that a majority refuted', () => {
  const disputedUntilNow = [released(1), submitted(1), submitted(1, SECOND), ...attested(1, SECOND), final(1, SECOND), ended(1), refuted(1)]

  test('is decided when a corrected one is final, and counts what was refuted', async () => {
    await observe([disputedUntilNow, [submitted(1, 'bafy3' as Cid)], [...attested(1, 'bafy3' as Cid), final(1, 'bafy3' as Cid)]])
    expect(live.slice(0, 2).map(({ epochId, refuted: count }) => [epochId, count])).toEqual([
      [1, 1],
      [1, 1],
    ])
    expect(lines).toMatchObject([{ epochId: 1, batches: 3, refuted: 1, disputed: 0, attestations: 3 }])
  })

  test('is not decided while the sequencer has a project of it as disputed', async () => {
    records.set(1, { projects: [{ projectId: PROJECTS[0], state: 'disputed' }] as unknown as EpochEntry['projects'] })
    await observe([disputedUntilNow, [submitted(1, 'bafy3' as Cid)], [...attested(1, 'bafy3' as Cid), final(1, 'bafy3' as Cid)]])
    expect([lines, live.at(-1)?.disputed]).toEqual([[], 1])
  })

  test('ends as not corrected when none comes within the round, which counts from the refutation', async () => {
    const quiet = Array.from({ length: ATTESTATION_WINDOW }, () => [])
    const summary = await observe([[released(1), submitted(1)], [], [], [refuted(1), ended(1)], ...quiet])
    expect(summary.unfinished).toEqual([])
    const later = await observe([[released(1), submitted(1)], [], [], [refuted(1), ended(1)], ...quiet, []])
    expect(later.unfinished).toEqual([{ epochId: 1, reason: 'not_corrected' }])
  })
})

test('an epoch that is ended without a batch is over at once: those after it do not wait for it', async () => {
  records.set(1, { reason: 'no_submissions' })
  const summary = await observe([[released(1), ended(1)], whole(2)])
  expect(summary).toMatchObject({ epochs: 1, unfinished: [{ epochId: 1, reason: 'no_submissions' }] })
})
