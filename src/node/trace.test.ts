import { expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
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

async function snapshotted(): Promise<void> {
  const records = openRecords(storeOf('snapshotter'))
  await records.saveEpoch({ epochId: EPOCH, ...range, release, state: 'done' }, { batchWindowBlocks: 0, attestationWindowBlocks: 0 })
  const times = { computedMs: RELEASED_MS + 900, endedMs: RELEASED_MS + 1_500 }
  await records.saveProject(EPOCH, { projectId: A, state: 'submitted', detail: '', snapshotCid: CID, ...range, ...times })
  await records.saveHandOver(EPOCH, A, 1 as SlotId, 71 as BlockNumber)
  await records.saveProject(EPOCH, {
    projectId: B,
    state: 'missed',
    reason: 'preload_failed',
    detail: 'price: HTTP 500',
    ...range,
    endedMs: RELEASED_MS + 5,
  })
}

async function sequenced(): Promise<void> {
  const store = storeOf('sequencer')
  const ledger = createLedger({ epochsKept: 10 }, { store })
  await ledger.release(EPOCH, { ...release, hash: `0x${'7'.repeat(64)}` as Hash })
  await store.commit([{ key: voteKey(EPOCH, A, 1 as SlotId), value: new Uint8Array(1) }])
  await ledger.change(EPOCH, {
    closedBlock: 76 as BlockNumber,
    projects: [{ projectId: A, state: 'batched', reason: undefined, snapshotCid: CID, batchCid: BATCH, votes: 1, total: 1, isTie: false }],
  })
}

async function attested(): Promise<void> {
  const journal = createJournal({ epochsKept: 10 }, { store: storeOf('validator-1') })
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

test('G9: the way of a project through the roles of a machine that are at work, with times and reasons', async () => {
  await Promise.all([snapshotted(), sequenced(), attested()])
  expect(await told('0xAA')).toEqual([
    [
      'snapshotter',
      'released | 0 |  | in anchor block 70, of source blocks 10 to 11',
      `computed | 900 |  | ${CID}`,
      'handed over | 1500 |  | for slot 1 (block 71)',
    ],
    [
      'sequencer',
      'released | 0 |  | in anchor block 70',
      'recorded |  |  | 1 votes, of slot 1',
      'closed |  |  | by anchor block 76',
      `batched |  |  | ${CID} has 1 of 1 votes, batch ${BATCH}`,
      'epoch released |  |  | ',
    ],
    ['validator-1', `withheld |  | not_fetched | batch ${BATCH}`],
  ])
})

test('G9: of a project that ended says why, and who knows nothing is left out', async () => {
  await snapshotted()
  expect(await told(B)).toEqual([
    ['snapshotter', 'released | 0 |  | in anchor block 70, of source blocks 10 to 11', 'missed | 5 | preload_failed | price: HTTP 500'],
  ])
  expect(await told(B, 8 as EpochId)).toEqual([])
})

test('a part of an id that several have is PROJECT_AMBIGUOUS, one that none has is no id', async () => {
  await snapshotted()
  await expect(told('base')).rejects.toMatchObject({ code: 'PROJECT_AMBIGUOUS', facts: { projects: `${A}, ${B}` } })
  await expect(told('none')).rejects.toMatchObject({ code: 'ID_MALFORMED' })
})
