import { beforeEach, describe, expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import type { Asking } from '#io/http/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { SNAPSHOTTER_API, type SnapshotterRoute } from '#wire/snapshotter-api.ts'
import { openRecords, type Outcome, type ProjectRecord } from './records.ts'
import { statusRoutes } from './status.ts'

/** The routes of deployed nodes (spec/08 §1), over three epochs. */

const A = 'base:0xaa:TEST' as ProjectId
const B = 'base:0xbb:TEST' as ProjectId
const ALL = 'all:TEST' as ProjectId
const range = { begin: 1 as BlockNumber, end: 9 as BlockNumber }
const release = { number: 10 as BlockNumber, contractNumber: 10 as ContractNumber, timestamp: 1_000 }
const times = { computedMs: 1_002_900, endedMs: 1_004_100 }
const asking = {} as Asking

let store: ReturnType<typeof createFakeStore>
let records: ReturnType<typeof openRecords>
beforeEach(async () => {
  store = createFakeStore()
  records = openRecords(store)
  for (const epochId of [1, 2, 3] as EpochId[])
    await records.saveEpoch(
      { epochId, ...range, release, state: epochId === 3 ? 'open' : 'done' },
      { batchWindowBlocks: 0, attestationWindowBlocks: 0 },
    )
  const project = (projectId: ProjectId, change: Partial<ProjectRecord>): ProjectRecord => ({
    projectId,
    state: 'submitted',
    detail: '',
    snapshotCid: `own ${projectId}` as Cid,
    ...range,
    ...times,
    ...change,
  })
  const missed = { state: 'missed', snapshotCid: undefined, computedMs: undefined } as unknown as Partial<ProjectRecord>
  const outcome = (projectId: ProjectId, change: Partial<Outcome>): Outcome => ({
    projectId,
    asOf: 20 as BlockNumber,
    concludedMs: 1_060_000,
    verdict: 'same',
    finalizedCid: `own ${projectId}` as Cid,
    ...change,
  })
  const [one, two, three] = [1, 2, 3] as [EpochId, EpochId, EpochId]
  await records.saveProject(one, project(A, {}))
  await records.saveHandOver(one, A, 1 as SlotId, 12 as BlockNumber)
  await records.saveOutcome(one, outcome(A, {}))
  await records.saveProject(one, project(B, {}))
  await records.saveOutcome(one, outcome(B, { verdict: 'other', finalizedCid: 'other' as Cid, differences: ['a: 1, not 2'] }))
  await records.saveProject(two, project(A, { ...missed, reason: 'preload_failed', detail: 'price: HTTP 500' }))
  await records.saveOutcome(two, outcome(A, { verdict: 'only_finalized', finalizedCid: 'other' as Cid }))
  await records.saveProject(two, project(ALL, { ...missed, reason: 'base_missing' }))
  const open = { asOf: 20 as BlockNumber, concludedMs: 1_060_000, openUntil: 90 as ContractNumber }
  await records.saveOutcome(two, { projectId: ALL, verdict: 'none', ...open })
  await records.saveProject(three, project(A, { state: 'computed', endedMs: undefined as unknown as number }))
})

function ask(name: SnapshotterRoute, fields: Readonly<Record<string, unknown>> = {}): unknown {
  const route = statusRoutes(store).find(({ path }) => path === SNAPSHOTTER_API[name].path)
  const answer = route?.answer(fields, asking)
  return SNAPSHOTTER_API[name].output.strict().parse(answer)
}

const at = (timestamp: number, change: object = {}) => ({ status: 'success', error: null, extra: null, timestamp, ...change })
const failed = (timestamp: number, error: string, extra: object | null = null) => at(timestamp, { status: 'failed', error, extra })

test('how every project fared is counted; what is open is not', () => {
  expect(ask('snapshotterStatus')).toEqual({
    totalSuccessfulSubmissions: 1,
    totalIncorrectSubmissions: 1,
    totalMissedSubmissions: 2,
    projects: [
      { projectId: A, successfulSubmissions: 1, incorrectSubmissions: 0, missedSubmissions: 1 },
      { projectId: B, successfulSubmissions: 0, incorrectSubmissions: 1, missedSubmissions: 0 },
      { projectId: ALL, successfulSubmissions: 0, incorrectSubmissions: 0, missedSubmissions: 1 },
    ],
  })
})

test('of one project the epochs are named in which it was missed or incorrect, with what differs where it is asked for', () => {
  expect(ask('snapshotterProjectStatus', { projectId: A })).toEqual({
    missedSubmissions: [{ epochId: 2, finalizedSnapshotCid: 'other', reason: 'preload_failed: price: HTTP 500' }],
    incorrectSubmissions: [],
  })
  const incorrect = { epochId: 1, submittedSnapshotCid: `own ${B}`, finalizedSnapshotCid: 'other' }
  expect(ask('snapshotterProjectStatus', { projectId: B })).toMatchObject({ incorrectSubmissions: [{ ...incorrect, reason: '' }] })
  expect(ask('snapshotterProjectStatus', { projectId: B, data: 'true' })).toMatchObject({
    incorrectSubmissions: [{ ...incorrect, reason: 'a: 1, not 2' }],
  })
})

describe('the steps of an epoch', () => {
  test('G9: are those that each project has taken, with the reason where one failed', () => {
    const { items } = ask('epochProcessingStatus', { page: '1', size: '2' }) as { items: { epochId: number; transitionStatus: unknown }[] }
    expect(items.map(({ epochId }) => epochId)).toEqual([3, 2])
    expect(items.map(({ transitionStatus }) => transitionStatus)).toEqual([
      {
        EPOCH_RELEASED: at(1_000),
        PRELOAD: { base: at(1_002) },
        SNAPSHOT_BUILD: { [A]: at(1_002) },
        SNAPSHOT_SUBMIT_COLLECTOR: {},
        SNAPSHOT_FINALIZE: {},
      },
      {
        EPOCH_RELEASED: at(1_000),
        PRELOAD: { base: failed(1_004, 'preload_failed: price: HTTP 500') },
        SNAPSHOT_BUILD: { [ALL]: failed(1_004, 'base_missing') },
        SNAPSHOT_SUBMIT_COLLECTOR: {},
        SNAPSHOT_FINALIZE: { [A]: failed(1_060, 'finalized without a submission of ours', { snapshot_cid: 'other' }) },
      },
    ])
  })

  test('come in pages, newest first', () => {
    expect(ask('epochProcessingStatus', { page: '2', size: '2' })).toMatchObject({
      items: [
        {
          epochId: 1,
          epochEnd: 9,
          transitionStatus: {
            SNAPSHOT_SUBMIT_COLLECTOR: { [A]: at(1_004), [B]: at(1_004) },
            SNAPSHOT_FINALIZE: { [A]: at(1_060, { extra: { snapshot_cid: `own ${A}` } }), [B]: { status: 'failed' } },
          },
        },
      ],
      total: 3,
      page: 2,
      size: 2,
      pages: 2,
    })
    expect(() => ask('epochProcessingStatus', { size: '31' })).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }))
  })
})
