import { expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, ContractNumber, SubmissionId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { COLLECTOR_LIMITS } from '#roles/collector/collector.ts'
import { openOutbox } from '#roles/collector/outbox.ts'
import { encodeBallot } from '#roles/sequencer/intake/ballot.ts'
import { voteKey } from '#roles/sequencer/keys.ts'
import { createLedger } from '#roles/sequencer/ledger.ts'
import { openRecords } from '#roles/snapshotter/records.ts'
import { createJournal } from '#roles/validator/journal.ts'
import { roleStores } from './role-stores.test-world.ts'
import { traceIn } from './trace.ts'

const { folder, storeOf } = roleStores()

const EPOCH = 7 as EpochId
const A = 'base:0xaa:TEST' as ProjectId
const B = 'base:0xbb:TEST' as ProjectId
const CID = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid
const BATCH = 'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44' as Cid
const release = { number: 70 as BlockNumber, contractNumber: 70 as ContractNumber, timestamp: 1_700_000_000 }
const RELEASED_MS = 1_700_000_000_000
const range = { begin: 10 as BlockNumber, end: 11 as BlockNumber }

const ID = '3f2a8c1e-5b7d-4e6f-9a0b-1c2d3e4f5a6b' as SubmissionId
const TRACE = '3f2a8c1e5b7d4e6f9a0b1c2d3e4f5a6b'
const VOTE: Submission = {
  request: { slotId: 1 as SlotId, deadlineBlock: 500 as BlockNumber, snapshotCid: CID, epochId: EPOCH, projectId: A },
  signature: '00'.repeat(65),
  header: `0x${'7'.repeat(64)}`,
  dataMarket: `0x${'2'.repeat(40)}`,
  nodeVersion: 'v0.1.0',
  protocolState: '',
}

async function snapshotted(): Promise<void> {
  const records = openRecords(storeOf('snapshotter'))
  await records.saveEpoch({ epochId: EPOCH, ...range, release, state: 'done' }, { batchWindowBlocks: 0, attestationWindowBlocks: 0 })
  const times = { computedMs: RELEASED_MS + 900, endedMs: RELEASED_MS + 1_500 }
  await records.saveProject(EPOCH, { projectId: A, state: 'submitted', detail: '', snapshotCid: CID, ...range, ...times })
  for (const slotId of [1, 2, 10, 3]) await records.saveHandOver(EPOCH, A, slotId as SlotId, (slotId === 2 ? 72 : 71) as BlockNumber)
  await records.saveProject(EPOCH, {
    projectId: B,
    state: 'missed',
    reason: 'preload_failed',
    detail: 'price: HTTP 500',
    ...range,
    endedMs: RELEASED_MS + 5,
  })
}

/** Under the id that its random source makes. */
async function collected(): Promise<void> {
  const random = { uuid: () => ID, fraction: () => 0 }
  const clock = { nowMs: () => RELEASED_MS + 1_400, sleep: () => Promise.resolve() }
  const deps = { store: storeOf('collector'), clock, random, onReady: () => undefined }
  await openOutbox(COLLECTOR_LIMITS, deps).add(VOTE)
}

async function sequenced(): Promise<void> {
  const store = storeOf('sequencer')
  const ledger = createLedger({ epochsKept: 10 }, { store })
  await ledger.release(EPOCH, { ...release, hash: `0x${'7'.repeat(64)}` as Hash })
  const ballot = { protocol: 'weft', submissionId: ID, signer: `0x${'1'.repeat(40)}` as Address, payload: new Uint8Array(0) } as const
  await store.commit([{ key: voteKey(EPOCH, A, 1 as SlotId), value: encodeBallot({ ...ballot, submission: VOTE }) }])
  await ledger.change(EPOCH, {
    closedBlock: 76 as BlockNumber,
    projects: [{ projectId: A, state: 'batched', reason: undefined, snapshotCid: CID, batchCid: BATCH, votes: 1, total: 1, isTie: false }],
  })
}

async function attested(): Promise<void> {
  const journal = createJournal({ store: storeOf('validator-1') })
  const findings = { isDivergent: false, isLate: false, failureCount: 0, evidenceCid: undefined }
  await journal.note({ epochId: EPOCH, batchCid: BATCH, state: 'withheld', reason: 'not_fetched', root: undefined, ...findings })
}

const told = async (project: string, epochId: EpochId = EPOCH) =>
  (await traceIn(folder(), { project, epochId })).roles.map(({ role, steps }) => [
    role,
    ...steps.map(({ step, atMs, reason, detail }) =>
      [step, atMs === undefined ? '' : atMs - RELEASED_MS, reason ?? '', detail].join(' | '),
    ),
  ])

test('G9: the way of a project through the roles of a machine that are at work, with times, reasons and where to find its traces', async () => {
  await Promise.all([snapshotted(), collected(), sequenced(), attested()])
  expect(await told('0xAA')).toEqual([
    [
      'snapshotter',
      'released | 0 |  | in anchor block 70, of source blocks 10 to 11',
      `computed | 900 |  | ${CID}`,
      'handed over | 1500 |  | for slot 1, 3, 10 (block 71), 2 (block 72)',
    ],
    ['collector', `taken | 1400 |  | slot 1, ${CID}, as ${ID}, trace ${TRACE}`],
    [
      'sequencer',
      'released | 0 |  | in anchor block 70',
      `recorded |  |  | 1 votes, of slot 1 (trace ${TRACE})`,
      'closed |  |  | by anchor block 76',
      `batched |  |  | ${CID} has 1 of 1 votes, batch ${BATCH}, trace 14aeef1810f52481076b6bb6c16cb759`,
      'epoch released |  |  | ',
    ],
    ['validator-1', `withheld |  | not_fetched | batch ${BATCH}, trace 14aeef1810f52481076b6bb6c16cb759`],
  ])
})

test('G9: of a project that ended says why, and who knows nothing is left out', async () => {
  await snapshotted()
  expect(await told(B)).toEqual([
    ['snapshotter', 'released | 0 |  | in anchor block 70, of source blocks 10 to 11', 'missed | 5 | preload_failed | price: HTTP 500'],
  ])
  expect(await told(B, 8 as EpochId)).toEqual([])
})

test('a part of an id that several have is PROJECT_AMBIGUOUS, one that none has PROJECT_UNKNOWN', async () => {
  await snapshotted()
  await expect(told('base')).rejects.toMatchObject({ code: 'PROJECT_AMBIGUOUS', facts: { projects: `${A}, ${B}` } })
  await expect(told('none')).rejects.toMatchObject({ code: 'PROJECT_UNKNOWN' })
})
