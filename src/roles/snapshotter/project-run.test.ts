import { expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { planProjects } from './plan.ts'
import { type ProjectDeps, submit } from './project-run.ts'
import { type EpochRecord, openRecords } from './records.ts'
import { createLoneCompute } from './snapshotter.test-world.ts'

const BLOCK: BlockRef = { number: 1 as BlockNumber, hash: '0x01' as Hash, parentHash: '0x00' as Hash, timestamp: 1 }
const EPOCH: EpochRecord = { epochId: 1 as EpochId, begin: 2 as BlockNumber, end: 3 as BlockNumber, release: BLOCK, state: 'open' }
const snapshotCid = 'cid' as Cid

test('N9: that the block of a vote is still there, and the hand-over on record, are one step: no rollback comes between', async () => {
  const clock = createVirtualClock()
  const records = openRecords(createFakeStore())
  const [project] = planProjects(createLoneCompute(), 'TEST')
  const projectId = project?.projectId as ProjectId
  await records.saveBlock(BLOCK, [EPOCH])
  await records.saveProject(EPOCH.epochId, { projectId, state: 'computed', detail: '', snapshotCid, begin: EPOCH.begin, end: EPOCH.end })
  let isFresh = false
  const recordedFresh: boolean[] = []
  const deps: ProjectDeps = {
    clock,
    random: createSeededRandom(1),
    ipfs: createFakeIpfsNetwork({ clock }).node('own'),
    records: {
      ...records,
      saveHandOver(...args) {
        recordedFresh.push(isFresh)
        return records.saveHandOver(...args)
      },
    },
    handOver: {
      clock,
      random: createSeededRandom(1),
      collector: { submitSnapshot: async () => 'Success', close: async () => undefined },
      sign: () => ({}) as Submission,
      // What it says holds until others have their turn.
      head() {
        isFresh = true
        queueMicrotask(() => {
          isFresh = false
        })
        return BLOCK
      },
      isOurs: () => true,
      onRetry: () => undefined,
    },
    handOverLimit: (work) => work(),
    slotIds: () => [1 as SlotId],
    onComputed: () => undefined,
    onHandedOver: () => undefined,
  }
  const run = {
    epoch: EPOCH,
    project: project as NonNullable<typeof project>,
    signal: new AbortController().signal,
    ending: () => undefined,
  }
  expect(await submit(run, Promise.resolve({ ok: true, snapshot: 1n, snapshotCid }), deps)).toMatchObject({ state: 'submitted' })
  expect(recordedFresh).toEqual([true])
})
