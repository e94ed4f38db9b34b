import { expect, test } from 'vitest'
import type { Hash, SlotId } from '#domain/ids.ts'
import { batchOf, CID_A, judged, openWorld, P1 } from './validator.test-world.ts'

const SLOT_3 = 3 as SlotId

/** An epoch in whose window slot 3 is burned; what becomes of a batch in which it has voted in each of two blocks. */
async function burnedInWindow({ isStartedLate = false } = {}) {
  const world = await openWorld()
  let running = isStartedLate ? undefined : await world.start()
  const epochId = await world.releaseNext()
  world.chain.burnSlot(SLOT_3)
  await world.mine()
  const burned = await world.chain.head()
  running ??= await world.start()
  return {
    world,
    burned,
    /** The checks that a batch fails in which the slot's vote names the block. */
    async failuresOf(header: Hash): Promise<readonly string[]> {
      await world.mine(6)
      const votes = [world.submission(1, CID_A), world.submission(2, CID_A), world.submission(SLOT_3, CID_A, P1, { header })]
      const batchCid = await world.anchor(batchOf(votes, [[P1, CID_A]]), { epochId })
      const { failureCount } = await judged(world, running)
      const failures = running.validator.evidence(epochId, batchCid)?.failures ?? []
      expect(failures).toHaveLength(failureCount)
      await running.stop()
      return failures.map(({ check }) => check)
    },
  }
}

test('V1: what a burned slot signed before its burning is judged as the sequencer judged it', async () => {
  const { world, failuresOf } = await burnedInWindow()
  expect(await failuresOf(world.release.hash)).toEqual([])
})

test('V1: a burned slot has no vote from the block of its burning on', async () => {
  const { burned, failuresOf } = await burnedInWindow()
  expect(await failuresOf(burned.hash)).toEqual(['submission_slot'])
})

test('V1: a validator that was started after a burning judges what was signed before it as the others do', async () => {
  const { world, failuresOf } = await burnedInWindow({ isStartedLate: true })
  expect(await failuresOf(world.release.hash)).toEqual([])
})

test('V1: a burning that a reorganisation takes back has not been', async () => {
  const { world, failuresOf } = await burnedInWindow()
  world.chain.reorg(1, { isLosingTransactions: true })
  await world.mine()
  const { hash } = await world.chain.head()
  expect(await failuresOf(hash)).toEqual([])
})
