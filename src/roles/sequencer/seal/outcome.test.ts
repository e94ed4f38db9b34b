import { describe, expect, test } from 'vitest'
import { createAnchorView } from '#domain/anchor-view.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { createCounters } from '#roles/sequencer/counters.ts'
import { createBallots } from '#roles/sequencer/intake/record.ts'
import { createLedger } from '#roles/sequencer/ledger.ts'
import type { CountedProject } from './finalize.ts'
import { type NoteDeps, noteClosed, noteEnded, notePlan, noteVoid } from './outcome.ts'

const epochOf = (number: number) => number as EpochId
const release = (number: number) => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0x${number}` as Hash,
  timestamp: number,
})

function open() {
  const store = createFakeStore()
  const view = createAnchorView()
  return {
    ledger: createLedger({ epochsKept: 2 }, { store }),
    ballots: createBallots({ store, view, rulesOf: () => undefined, isLeftOut: () => false }),
    counters: createCounters(),
    options: {},
  }
}

const noteClosedAt7 = (epochId: EpochId, deps: NoteDeps) => noteClosed(epochId, 7 as BlockNumber, deps)

describe('G11: the refusals of an epoch', () => {
  test.each([
    ['closed', noteClosedAt7],
    ['void', noteVoid],
  ])('are held no longer than till it is %s: they are counted for the next one, however many epochs there were', async (_state, note) => {
    const deps = open()
    for (let number = 1; number <= 1_100; number += 1) {
      const epochId = epochOf(number)
      await deps.ledger.release(epochId, release(number))
      deps.counters.count('signer_mismatch', { epochId })
      expect([number, deps.counters.rejectedOf(epochId)]).toEqual([number, { signer_mismatch: 1 }])
      await note(epochId, deps)
      expect(deps.counters.rejectedOf(epochId)).toEqual({})
      if (note === noteClosedAt7) {
        expect(deps.ledger.get(epochId)).toMatchObject({ state: 'closed', rejected: { signer_mismatch: 1 } })
        await noteEnded(epochId, 'ended', deps)
      }
    }
  })
})

/** A project that was finalized against these slots. */
const wonAgainst = (projectId: string, outvotedSlots: readonly number[]): CountedProject => ({
  projectId: projectId as ProjectId,
  ballots: [],
  result: {
    kind: 'finalized',
    snapshotCid: 'bafy' as Cid,
    votesPerCid: new Map([['bafy' as Cid, 3]]),
    total: 3 + outvotedSlots.length,
    isTie: false,
    outvotedSlots: outvotedSlots as readonly SlotId[],
  },
})

test('the slots that lost are named once, by their numbers, whatever the projects in which they did', async () => {
  const deps = open()
  await deps.ledger.release(epochOf(1), release(1))
  await noteClosedAt7(epochOf(1), deps)
  const counted = [wonAgainst('pairs:0x01:TEST', [9, 100]), wonAgainst('pairs:0x02:TEST', [2, 9, 10])]
  const { outvotedSlots } = await notePlan(epochOf(1), { counted, planned: [], accepted: 8 }, deps)
  expect(outvotedSlots).toEqual([2, 9, 10, 100])
})
