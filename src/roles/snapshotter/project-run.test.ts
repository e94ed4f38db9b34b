import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createFakeSigningRecord } from '#io/keys/fake.ts'
import type { SigningRecord } from '#io/keys/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { planProjects } from './plan.ts'
import { type ProjectDeps, submit } from './project-run.ts'
import { type EpochRecord, openRecords } from './records.ts'
import { createLoneCompute } from './snapshotter.test-world.ts'

const BLOCK: BlockRef = {
  number: 1 as BlockNumber,
  contractNumber: 1 as ContractNumber,
  hash: '0x01' as Hash,
  parentHash: '0x00' as Hash,
  timestamp: 1,
}
const EPOCH: EpochRecord = { epochId: 1 as EpochId, begin: 2 as BlockNumber, end: 3 as BlockNumber, release: BLOCK, state: 'open' }
const snapshotCid = 'cid' as Cid

/** A project that is computed, and all that its hand-over needs. */
async function open() {
  const clock = createVirtualClock()
  const records = openRecords(createFakeStore())
  const [project] = planProjects(createLoneCompute(), 'TEST')
  const projectId = project?.projectId as ProjectId
  await records.saveBlock(BLOCK, [EPOCH])
  await records.saveProject(EPOCH.epochId, { projectId, state: 'computed', detail: '', snapshotCid, begin: EPOCH.begin, end: EPOCH.end })
  const deps: ProjectDeps = {
    clock,
    random: createSeededRandom(1),
    report: () => undefined,
    ipfs: createFakeIpfsNetwork({ clock }).node('own'),
    records,
    handOver: {
      clock,
      random: createSeededRandom(1),
      report: () => undefined,
      collector: { submitSnapshot: async () => 'Success', close: async () => undefined },
      sign: async () => ({}) as Submission,
      head: () => BLOCK,
      isOurs: () => true,
      onRetry: () => undefined,
      inTurn: (work) => work(),
    },
    slotIds: () => [1 as SlotId],
    mayVote: () => true,
    onComputed: () => undefined,
    onHandedOver: () => undefined,
  }
  const run = {
    epoch: EPOCH,
    project: project as NonNullable<typeof project>,
    signal: new AbortController().signal,
    ending: () => undefined,
  }
  return { run, deps, records, projectId }
}

test('N9: that the block of a vote is still there, and the hand-over on record, are one step: no rollback comes between', async () => {
  const { run, deps, records } = await open()
  let isFresh = false
  const recordedFresh: boolean[] = []
  const watched: ProjectDeps = {
    ...deps,
    records: {
      ...records,
      saveHandOver(...args) {
        recordedFresh.push(isFresh)
        return records.saveHandOver(...args)
      },
    },
    handOver: {
      ...deps.handOver,
      // What it says holds until others have their turn.
      head() {
        isFresh = true
        queueMicrotask(() => {
          isFresh = false
        })
        return BLOCK
      },
    },
  }
  expect(await submit(run, Promise.resolve({ ok: true, snapshot: 1n, snapshotCid }), watched)).toMatchObject({ state: 'submitted' })
  expect(recordedFresh).toEqual([true])
})

test.each([
  ['our own disk', new WeftError('STORE_FAILED', { path: 'p', doing: 'd' })],
  ['a state that there is not', new WeftError('STATE_TRANSITION', { machine: 'm', from: 'f', to: 't' })],
  ['a fault in our own code', new TypeError('a bug')],
])("N4: a failure of %s is the process's, and no end of the project", async (_, failure) => {
  const { run, deps, records, projectId } = await open()
  await expect(submit(run, Promise.reject(failure), deps)).rejects.toBe(failure)
  expect(records.project(EPOCH.epochId, projectId)).toMatchObject({ state: 'computed' })
})

describe('N24: what this machine has signed', () => {
  const signedElsewhere = async (slotIds: readonly number[], cid = 'another') => {
    const signed = createFakeSigningRecord()
    const { projectId } = await open()
    await signed.checkAndRecord({ epochId: EPOCH.epochId, projectId, snapshotCid: cid as Cid, slotIds: slotIds as SlotId[] })
    return signed
  }
  /** The slots that were handed over, and what was told. */
  async function submitted(signed: SigningRecord) {
    const { run, deps, records, projectId } = await open()
    const handed: SlotId[] = []
    const told: string[] = []
    const sign: ProjectDeps['handOver']['sign'] = async ({ slotId }) => {
      handed.push(slotId)
      return {} as Submission
    }
    const slotIds = () => [1, 2] as SlotId[]
    const report: ProjectDeps['report'] = (event) => void told.push(event)
    await submit(run, Promise.resolve({ ok: true, snapshot: {}, snapshotCid }), {
      ...deps,
      signed,
      slotIds,
      report,
      handOver: { ...deps.handOver, sign },
    })
    return { handed, told, record: records.project(EPOCH.epochId, projectId) }
  }

  test('for one of the slots is not signed there in another form, and the others go on', async () => {
    expect(await submitted(await signedElsewhere([1]))).toMatchObject({
      handed: [2],
      told: ['signed_before'],
      record: { state: 'submitted' },
    })
  })

  test('for all of them ends the project, with the reason', async () => {
    expect(await submitted(await signedElsewhere([1, 2]))).toMatchObject({
      handed: [],
      told: ['signed_before', 'signed_before'],
      record: { state: 'missed', reason: 'signed_before' },
    })
  })

  test('is signed again when it is the same', async () => {
    expect(await submitted(await signedElsewhere([1, 2], snapshotCid))).toMatchObject({
      handed: [1, 2],
      told: [],
      record: { state: 'submitted' },
    })
  })

  test('is on disk before the signature is made, which waits while the disk has no room', async () => {
    const { run, deps } = await open()
    const order: string[] = []
    let isFull = true
    const signed: SigningRecord = {
      async checkAndRecord() {
        order.push('recorded')
        if (!isFull) return []
        isFull = false
        throw new WeftError('STORE_FULL', { path: 'p', doing: 'd' })
      },
    }
    const sign: ProjectDeps['handOver']['sign'] = async () => {
      order.push('signed')
      return {} as Submission
    }
    const ended = submit(run, Promise.resolve({ ok: true, snapshot: {}, snapshotCid }), {
      ...deps,
      signed,
      handOver: { ...deps.handOver, sign },
    })
    await (deps.clock as VirtualClock).advance(1_000)
    await ended
    expect(order).toEqual(['recorded', 'recorded', 'signed'])
  })
})
