import { expect, test } from 'vitest'
import { createAnchorView, type Header, type ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, SubmissionId, ContractNumber } from '#domain/ids.ts'
import { back, released, step } from '#domain/steps.test-chain.ts'
import { windowOf } from '#domain/window.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { type Ballots, createBallots } from '#roles/sequencer/intake/record.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { collect } from './collect.ts'

const CID = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid
const epochId = 1 as EpochId

const block = (number: number, fork = 0): Header => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0x${String(number * 10 + fork).padStart(64, '0')}` as Hash,
  timestamp: number,
})

/** Epoch 1 was released in block 10, with a window of 5 blocks; the head is block 20. */
function openBox() {
  const view = createAnchorView()
  for (let number = 5; number <= 20; number += 1)
    view.apply(step(block(number), ...(number === 10 ? [released(epochId), released(2)] : [])))
  const epoch = view.epoch(epochId) as ReleasedEpoch
  const rulesOf = ({ release }: ReleasedEpoch) => ({
    ...rulesWith({ projectsPerSlotMax: 100 }),
    window: windowOf({ release, unit: 'blocks', length: 5 }),
  })
  const store = createFakeStore()
  const hasher = createSubmissionHasher({ chainId: 1, protocolState: `0x${'5'.repeat(40)}` as Address })
  const ballots = createBallots({ store, view, rulesOf, isLeftOut: () => false })
  let votes = 0
  const collected = (inMemory: Ballots['inMemory']) =>
    collect(epochId, rulesOf(epoch).window, { store, view, ballots: { inMemory }, hasher }, async () => undefined)
  /** From memory; the next process, which has only the disk, collects the same. */
  async function all() {
    const votes = await collected(ballots.inMemory)
    expect(
      (await collected(() => undefined)).map(({ submissionId, submission, signer }) => ({ submissionId, submission, signer })),
    ).toEqual(votes)
    return votes
  }
  return {
    view,
    epoch,
    store,
    vote(project: string, slot: number, how: { readonly header?: Header; readonly epoch?: number; readonly id?: string } = {}): void {
      const submission = {
        request: {
          slotId: slot as SlotId,
          deadlineBlock: 500 as BlockNumber,
          snapshotCid: CID,
          epochId: (how.epoch ?? 1) as EpochId,
          projectId: project as ProjectId,
        },
        signature: 'ab',
        header: (how.header ?? block(12)).hash as string,
        dataMarket: '',
        nodeVersion: 'v1',
        protocolState: '',
      }
      votes += 1
      const submissionId = (how.id ?? `00000000-0000-4000-8000-${String(votes).padStart(12, '0')}`) as SubmissionId
      const payload = encodeSubmission(submission)
      const ballot = { submission, submissionId, payload, protocol: 'weft', signer: `0x${'5a'.repeat(20)}` as Address } as const
      void store.commit(ballots.record(ballot).writes)
    },
    async collected(): Promise<string[]> {
      return (await all()).map(({ submission: { request } }) => `${request.projectId} ${request.slotId}`)
    },
    async ids(): Promise<string[]> {
      return (await all()).map(({ submissionId }) => submissionId)
    },
  }
}

test('G2: votes come by project id, code unit by code unit, then by slot number; those of other epochs do not', async () => {
  const { vote, collected } = openBox()
  for (const slot of [10, 9, 2]) for (const project of ['b:N', 'a:0:N', 'a:N0', 'a:N', 'a!:N', 'B:N']) vote(project, slot)
  vote('a:N', 3, { epoch: 2 })
  vote('a:N', 4, { epoch: 10 })
  expect(await collected()).toEqual(
    ['B:N', 'a!:N', 'a:0:N', 'a:N', 'a:N0', 'b:N'].flatMap((project) => [2, 9, 10].map((slot) => `${project} ${slot}`)),
  )
})

test('S2: a vote whose header a reorganisation took away, or moved out of the window, is left out', async () => {
  const { vote, collected, view } = openBox()
  vote('a:N', 1, { header: block(10) })
  vote('a:N', 2, { header: block(15) })
  vote('a:N', 3, { header: block(16) })
  vote('a:N', 4, { header: block(9) })
  vote('a:N', 5, { header: block(13, 1) })
  expect(await collected()).toEqual(['a:N 1', 'a:N 2'])
  view.apply(back(block(14)))
  view.apply(step(block(15, 1)))
  expect(await collected()).toEqual(['a:N 1'])
})

test('none is left out, however many there are', async () => {
  const { vote, collected } = openBox()
  for (let slot = 1; slot <= 501; slot += 1) for (let project = 0; project < 10; project += 1) vote(`${project}:N`, slot)
  expect(new Set(await collected()).size).toBe(5_010)
})

test('G1: nothing is collected before all of it is durable', async () => {
  const { vote, collected, store } = openBox()
  vote('a:N', 1)
  await collected()
  expect(store.crash().scan('vote/')).toHaveLength(1)
})

test('S3, G2: votes that bear one id have the same ids in the batch, whichever came first', async () => {
  const [one, other] = [openBox(), openBox()]
  const id = '00000000-0000-4000-8000-aaaaaaaaaaaa'
  for (const slot of [1, 2]) one.vote('a:N', slot, { id })
  for (const slot of [2, 1]) other.vote('a:N', slot, { id })
  const ids = await one.ids()
  expect(await other.ids()).toEqual(ids)
  expect(new Set(ids).size).toBe(2)
})
