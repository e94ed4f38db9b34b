import { expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { openRecords } from './records.ts'
import { slotsFared } from './slots-fared.ts'

test('how the votes of each slot fared: in a batch or not, for the CID that won or another, and which was the last', async () => {
  const store = createFakeStore()
  const records = openRecords(store)
  const range = { begin: 1 as BlockNumber, end: 9 as BlockNumber }
  const [A, B, C] = ['a:NS', 'b:NS', 'c:NS'] as [ProjectId, ProjectId, ProjectId]
  const market = { batchWindowBlocks: 0, attestationWindowBlocks: 0 }
  for (const [index, state] of (['done', 'open', 'undone'] as const).entries())
    await records.saveEpoch(
      {
        epochId: (index + 1) as EpochId,
        ...range,
        release: { number: 10 as BlockNumber, contractNumber: 10 as ContractNumber, timestamp: 1 },
        state,
      },
      market,
    )
  const hand = async (epochId: number, projectId: ProjectId, slots: readonly number[]) => {
    const [epoch, block] = [epochId as EpochId, 12 as BlockNumber]
    const endedMs = 1_000 * epochId
    await records.saveProject(epoch, { projectId, state: 'submitted', detail: '', snapshotCid: 'own' as Cid, ...range, endedMs })
    for (const slotId of slots) await records.saveHandOver(epoch, projectId, slotId as SlotId, block)
  }
  const outcome = { asOf: 20 as BlockNumber, concludedMs: 1 }
  await hand(1, A, [1, 2])
  await records.saveOutcome(1 as EpochId, { projectId: A, ...outcome, verdict: 'same', leftOut: [2 as SlotId] })
  await hand(1, B, [1])
  await records.saveOutcome(1 as EpochId, { projectId: B, ...outcome, verdict: 'other', leftOut: [] })
  // Nothing was finalized: nobody was left out.
  await hand(1, C, [2])
  await records.saveOutcome(1 as EpochId, { projectId: C, ...outcome, verdict: 'none', leftOut: [2 as SlotId] })
  await hand(2, A, [1])
  await hand(3, A, [2])
  let breaths = 0
  const breathe = async () => {
    breaths += 1
  }
  expect(await slotsFared([1, 2, 3] as SlotId[], store, breathe)).toEqual([
    { slotId: 1, lastEpochId: 2, lastMs: 2_000, handedOver: 3, included: 2, outvoted: 1, leftOut: 0 },
    { slotId: 2, lastEpochId: 1, lastMs: 1_000, handedOver: 2, included: 0, outvoted: 0, leftOut: 1 },
    { slotId: 3, handedOver: 0, included: 0, outvoted: 0, leftOut: 0 },
  ])
  expect(breaths).toBe(2)
})
