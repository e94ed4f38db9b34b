import { afterEach, describe, expect, test } from 'vitest'
import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { SigningRecord, VoteOfSlots } from './port.ts'
import { EPOCHS_REMEMBERED } from './signed.ts'

/** Processes of one machine, one after the other or side by side. */
export interface Machine {
  open(dataDir: string, slotIds: readonly SlotId[]): Promise<SigningRecord & { stop?(): Promise<void> }>
  stop(): Promise<void>
}

export const voteOf = (change: Partial<VoteOfSlots> = {}): VoteOfSlots => ({
  epochId: 7 as EpochId,
  projectId: 'pairs:0xab:NS' as ProjectId,
  snapshotCid: 'cid' as Cid,
  slotIds: [1, 2, 3] as SlotId[],
  ...change,
})
const OTHER = { snapshotCid: 'other' as Cid }
const SLOTS = [1, 2, 3, 4] as SlotId[]

/** What was signed on a machine is remembered there. */
export function testSigningRecord(name: string, start: () => Promise<Machine>): void {
  describe(`${name}: what was signed on this machine`, () => {
    let machine: Machine
    const opened = async (dataDir = 'one', slotIds = SLOTS) => {
      machine ??= await start()
      return machine.open(dataDir, slotIds)
    }
    afterEach(async () => {
      await machine?.stop()
      machine = undefined as never
    })

    test('N24: is signed again, and nothing else in its place, slot by slot', async () => {
      const record = await opened()
      expect(await record.checkAndRecord(voteOf())).toEqual([])
      expect(await record.checkAndRecord(voteOf())).toEqual([])
      const slotIds = [2, 4] as SlotId[]
      expect(await record.checkAndRecord(voteOf({ ...OTHER, slotIds }))).toEqual([{ slotId: 2, snapshotCid: 'cid' }])
      // Slot 4 has that one now, and slot 2 still the first.
      expect(await record.checkAndRecord(voteOf({ slotIds }))).toEqual([{ slotId: 4, snapshotCid: 'other' }])
    })

    test('N24: concerns one epoch and one project', async () => {
      const record = await opened()
      await record.checkAndRecord(voteOf())
      expect(await record.checkAndRecord(voteOf({ ...OTHER, epochId: 8 as EpochId }))).toEqual([])
      expect(await record.checkAndRecord(voteOf({ ...OTHER, projectId: 'pairs:0xcd:NS' as ProjectId }))).toEqual([])
    })

    test('N24: of two that come at once the first is taken', async () => {
      const record = await opened()
      const [first, second] = await Promise.all([record.checkAndRecord(voteOf()), record.checkAndRecord(voteOf(OTHER))])
      expect([first.length, second.length]).toEqual([0, 3])
    })

    test('N24: binds whoever signs for the slots after it, from another data directory, and from the same one', async () => {
      for (const dataDir of ['one', 'two', 'one']) {
        const record = await opened(dataDir)
        const before = await record.checkAndRecord(voteOf(dataDir === 'one' ? {} : OTHER))
        expect(before).toHaveLength(dataDir === 'one' ? 0 : 3)
        await record.stop?.()
      }
    })

    test('of other slots binds nobody', async () => {
      const [one, two] = [await opened('one', [1] as SlotId[]), await opened('two', [2] as SlotId[])]
      await one.checkAndRecord(voteOf({ slotIds: [1] as SlotId[] }))
      expect(await two.checkAndRecord(voteOf({ ...OTHER, slotIds: [2] as SlotId[] }))).toEqual([])
    })

    test(`is forgotten ${EPOCHS_REMEMBERED} epochs later, and not before`, async () => {
      const record = await opened()
      await record.checkAndRecord(voteOf())
      const later = (epochs: number) => record.checkAndRecord(voteOf({ epochId: (7 + epochs) as EpochId }))
      await later(EPOCHS_REMEMBERED - 1)
      expect(await record.checkAndRecord(voteOf(OTHER))).toHaveLength(3)
      await later(EPOCHS_REMEMBERED)
      expect(await record.checkAndRecord(voteOf(OTHER))).toEqual([])
    })
  })
}
