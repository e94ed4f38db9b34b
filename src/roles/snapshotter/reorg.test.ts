import { describe, expect, test } from 'vitest'
import type { SlotId } from '#domain/ids.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { sameTerms } from './plan.ts'
import { openRecords } from './records.ts'
import {
  BASE_A,
  BASE_B,
  createComputes,
  createLoneCompute,
  createWorld,
  LONE,
  manager,
  OPTIONS,
  reasons,
  SUM_A,
  signer,
  WINDOW_BLOCKS,
  termsWith,
} from './snapshotter.test-world.ts'

/** The anchor chain is rewritten at each stage of an epoch. */

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }
const losing = { isLosingTransactions: true }

describe('N7: a release that is undone ends work at once', () => {
  test('while it is computed: nothing is signed, each project ends with the reason', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createComputes({ base: () => new Promise(() => undefined) }))
    const epochId = await world.release()
    await world.until(() => snapshotter.stats().epochsOpen === 1)
    world.chain.reorg(1, losing)
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]).toMatchObject({ epochId, state: 'undone', submitted: 0 })
    expect(Object.values(reasons(world.summaries[0]))).toEqual(Array(5).fill('release_undone'))
    expect(snapshotter.epochs()).toMatchObject([{ state: 'undone' }])
    expect(snapshotter.stats()).toMatchObject({ epochsOpen: 0, projectsMissed: 5 })
    expect(world.collector.taken).toEqual([])
  })

  test('while it is handed over: no attempt follows, and it does not count as over', async () => {
    const world = createWorld()
    world.collector.capacity = 0
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
    const epochId = await world.release()
    await world.until(() => snapshotter.stats().handOverRetries > 2)
    world.chain.reorg(1, losing)
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]).toMatchObject({ state: 'undone', missed: [{ projectId: LONE, reason: 'release_undone' }] })
    const { handOverRetries } = snapshotter.stats()
    world.collector.capacity = 9
    await world.clock.advance(60_000)
    expect([snapshotter.stats().handOverRetries, world.collector.taken.length]).toEqual([handOverRetries, 0])
    expect(snapshotter.projects(epochId)).toMatchObject([{ snapshotCid: expect.any(String) }])
  })

  test('after it was half handed over: what comes again is handed over whole, with the same CIDs', async () => {
    const world = createWorld()
    world.collector.capacity = 1
    const snapshotter = await world.start(createLoneCompute())
    const epochId = await world.release()
    await world.until(() => snapshotter.stats().submissionsHandedOver === 1 && snapshotter.stats().handOverRetries > 2)
    world.collector.capacity = 9
    world.chain.reorg(1)
    await world.until(() => world.summaries.some(({ state }) => state === 'done'))
    const slots = world.collector.taken.slice(1).map(({ request }) => request.slotId)
    expect(slots.sort()).toEqual([1, 2])
    expect(new Set(world.collector.taken.map(({ request }) => request.snapshotCid)).size).toBe(1)
    expect(snapshotter.projects(epochId)).toMatchObject([{ state: 'submitted', detail: '' }])
    expect(snapshotter.projects(epochId)[0]?.reason).toBeUndefined()
    expect(snapshotter.epochs()).toMatchObject([{ state: 'done' }])
  })

  test('before it was computed: it is computed when it comes again', async () => {
    const world = createWorld()
    let isStuck = true
    await world.start(
      createLoneCompute((epochId) => (isStuck && epochId > 0 ? new Promise(() => undefined) : Promise.resolve(1n))),
      ONE_SLOT,
    )
    await world.release()
    world.chain.reorg(1, losing)
    await world.until(() => world.summaries.length === 1)
    isStuck = false
    await world.release(2)
    await world.until(() => world.summaries.length === 2)
    expect(world.summaries.map(({ state, submitted }) => [state, submitted])).toEqual([
      ['undone', 0],
      ['done', 1],
    ])
    expect(world.collector.taken).toHaveLength(1)
  })
})

test('N7: a block that is rewritten above the release ends nothing, and the signature names the new one', async () => {
  const world = createWorld()
  world.collector.capacity = 0
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
  await world.release()
  world.chain.mine(2)
  await world.until(() => snapshotter.stats().handOverRetries > 0 && snapshotter.stats().headBlock === 3)
  world.chain.reorg(2)
  const { hash } = await world.chain.head()
  await world.until(() => snapshotter.stats().headBlock === 3)
  await world.clock.advance(1_000)
  world.collector.capacity = 1
  await world.until(() => world.summaries.length === 1)
  expect(world.summaries).toMatchObject([{ state: 'done', submitted: 1 }])
  expect(world.collector.taken[0]?.header).toBe(hash)
})

test('each attempt is signed anew: deadline and header are those of the head of now, the CID stays', async () => {
  const world = createWorld()
  const seen: { header: string; deadlineBlock: number; snapshotCid: string; signature: string }[] = []
  const { answer } = world.collector
  world.collector.answer = async (submission) => {
    const { deadlineBlock, snapshotCid, epochId } = submission.request
    if (epochId > 0) seen.push({ header: submission.header, deadlineBlock, snapshotCid, signature: submission.signature })
    return answer(submission)
  }
  world.collector.capacity = 0
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
  await world.release()
  await world.until(() => seen.length === 1)
  const before = await world.chain.head()
  world.chain.mine(2)
  await world.until(() => snapshotter.stats().headBlock === before.number + 2)
  world.collector.capacity = 1
  await world.until(() => world.collector.taken.length === 1)
  const after = await world.chain.head()
  expect(seen[0]).toMatchObject({ header: before.hash, deadlineBlock: before.number + 500 })
  expect(seen.at(-1)).toMatchObject({ header: after.hash, deadlineBlock: after.number + 500, snapshotCid: seen[0]?.snapshotCid })
  expect(seen.at(-1)?.signature).not.toBe(seen[0]?.signature)
})

describe('N5: finalized data of an earlier epoch', () => {
  /** Two epochs: the second has read what was finalized of the first. */
  async function twoEpochs() {
    const world = createWorld({ market: { snapshotWindowBlocks: 30 } })
    const snapshotter = await world.start()
    const first = await world.release()
    await world.until(() => world.summaries.length === 1)
    const [one, other] = [await world.ipfs.add(canonicalJson({ epoch: 100n })), await world.ipfs.add(canonicalJson({ epoch: 200n }))]
    return { world, snapshotter, first, one, other }
  }
  const sumOf = (epochs: readonly bigint[]) => snapshotCidOf(canonicalJson({ epochs }))
  const sumsIn = (world: ReturnType<typeof createWorld>, epochId: number) =>
    world.collector.taken
      .filter(({ request }) => request.epochId === epochId && request.projectId === SUM_A)
      .map(({ request }) => request.snapshotCid)

  test('G2: what was finalized on a chain that is gone is forgotten', async () => {
    const { world, first, one, other } = await twoEpochs()
    await world.finalize(first, { [BASE_A]: one, [BASE_B]: one })
    const second = await world.release()
    await world.until(() => world.summaries.length === 2)
    expect(sumsIn(world, second)[0]).toBe(await sumOf([100n]))
    // The batch, its end, its attestation and the second release are gone; another CID becomes final, and a third epoch reads it.
    world.chain.reorg(4, losing)
    await world.finalize(first, { [BASE_A]: other, [BASE_B]: other })
    const again = await world.release(4)
    await world.until(() => world.summaries.length === 3)
    await world.finalize(again, { [BASE_A]: other })
    const third = await world.release(6)
    await world.until(() => sumsIn(world, third).length > 0)
    expect(sumsIn(world, third)[0]).toBe(await sumOf([200n, 200n]))
  })

  test('N14: is waited for through a rollback by who has nothing of its own: who waited looks again', async () => {
    const world = createWorld({ market: { snapshotWindowBlocks: 30 } })
    const first = await world.release()
    world.chain.mine(31)
    await world.start()
    const one = await world.ipfs.add(canonicalJson({ epoch: 100n }))
    world.chain.mine(2)
    const second = await world.release()
    await world.until(() => world.collector.taken.some(({ request }) => request.epochId === second))
    expect(sumsIn(world, second)).toEqual([])
    world.chain.mine(3)
    world.chain.reorg(2)
    await world.clock.advance(1_000)
    await world.finalize(first, { [BASE_A]: one, [BASE_B]: one })
    await world.until(() => sumsIn(world, second).length === 2)
    expect(sumsIn(world, second)[0]).toBe(await sumOf([100n]))
  })
})

describe('N8: a slot', () => {
  const slotsOf = (world: ReturnType<typeof createWorld>) => [...new Set(world.collector.taken.map(({ request }) => request.slotId))].sort()

  test('that is given away in the block of the release is not signed for', async () => {
    const world = createWorld()
    await world.start(createLoneCompute())
    world.chain.assignSigner(2 as SlotId, manager)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(slotsOf(world)).toEqual([1])
  })

  test('that is burned is not signed for', async () => {
    const world = createWorld()
    await world.start(createLoneCompute())
    world.chain.burnSlot(2 as SlotId)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(slotsOf(world)).toEqual([1])
  })

  test('that is given away while the collector is down is signed for no more', async () => {
    const world = createWorld()
    const seen: number[] = []
    const { answer } = world.collector
    world.collector.answer = async (submission) => {
      if (submission.request.epochId > 0) seen.push(submission.request.slotId)
      return answer(submission)
    }
    world.collector.capacity = 0
    const snapshotter = await world.start(createLoneCompute())
    await world.release()
    await world.until(() => new Set(seen).size === 2)
    world.chain.assignSigner(2 as SlotId, manager)
    world.chain.mine()
    await world.until(() => snapshotter.stats().headBlock === 2)
    seen.length = 0
    await world.clock.advance(20_000)
    expect(new Set(seen)).toEqual(new Set([1]))
    world.collector.capacity = 9
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries).toMatchObject([{ state: 'done', submitted: 1 }])
    expect(slotsOf(world)).toEqual([1])
  })

  test('none being left, the project ends with the reason and is not called submitted', async () => {
    const world = createWorld()
    world.collector.capacity = 0
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
    await world.release()
    await world.until(() => snapshotter.stats().handOverRetries > 0)
    world.chain.assignSigner(1 as SlotId, manager)
    world.chain.mine()
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]?.missed).toMatchObject([{ reason: 'hand_over_failed', detail: 'no slot is ours any more' }])
  })

  test('that comes back is signed for again', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute())
    world.chain.assignSigner(2 as SlotId, manager)
    world.chain.mine()
    world.chain.assignSigner(2 as SlotId, signer.address)
    world.chain.mine()
    await world.until(() => snapshotter.stats().headBlock === 2)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(slotsOf(world)).toEqual([1, 2])
  })

  test('that was never asked for is not signed for, though it becomes ours', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute())
    world.chain.assignSigner(3 as SlotId, signer.address)
    world.chain.mine()
    world.chain.mine()
    world.chain.reorg(1)
    await world.until(() => snapshotter.stats().headBlock === 2)
    await world.clock.advance(1_000)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(slotsOf(world)).toEqual([1, 2])
  })

  test.each([
    ['at once', false],
    ['as soon as the chain answers', true],
  ])('whose giving away is undone by a reorganisation is signed for again, %s', async (_title, isAway) => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute())
    world.chain.assignSigner(2 as SlotId, manager)
    world.chain.mine()
    await world.until(() => snapshotter.stats().headBlock === 1)
    let failures = isAway ? 3 : 0
    const { slots } = world.chain
    world.chain.slots = async () => {
      if (failures-- > 0) world.chain.setReachable(false)
      return slots().finally(() => world.chain.setReachable(true))
    }
    world.chain.reorg(1, losing)
    world.chain.mine()
    await world.until(() => snapshotter.stats().headBlock === 2)
    await world.clock.advance(20_000)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(slotsOf(world)).toEqual([1, 2])
  })

  test('that is given away between what a first start reads is not signed for', async () => {
    const world = createWorld()
    const { slots } = world.chain
    world.chain.slots = async () => {
      const states = await slots()
      world.chain.assignSigner(2 as SlotId, manager)
      world.chain.mine(2)
      return states
    }
    await world.start(createLoneCompute())
    world.chain.slots = slots
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(slotsOf(world)).toEqual([1])
  })

  test('that is given away while the slots are read after a reorganisation is not signed for', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute())
    world.chain.mine()
    await world.until(() => snapshotter.stats().headBlock === 1)
    const { slots } = world.chain
    const gate = Promise.withResolvers<void>()
    let asked = 0
    world.chain.slots = async () => {
      const states = await slots()
      asked += 1
      await gate.promise
      return states
    }
    world.chain.reorg(1)
    await world.until(() => asked === 1)
    world.chain.assignSigner(2 as SlotId, manager)
    world.chain.mine()
    await world.clock.advance(1_000)
    gate.resolve()
    await world.until(() => snapshotter.stats().headBlock === 2)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(slotsOf(world)).toEqual([1])
  })

  test('that a rewritten chain never gave away but deactivated is not signed for', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute())
    world.chain.mine()
    await world.until(() => snapshotter.stats().headBlock === 1)
    const { slots } = world.chain
    world.chain.slots = async () => (await slots()).map((slot) => (slot.slotId === 2 ? { ...slot, isActive: false } : slot))
    world.chain.reorg(1)
    await world.clock.advance(1_000)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(slotsOf(world)).toEqual([1])
  })

  test('that is not active at start is refused', async () => {
    const world = createWorld()
    const { slots } = world.chain
    world.chain.slots = async () => (await slots()).map((slot) => ({ ...slot, isActive: slot.slotId !== 2 }))
    await expect(world.start(createLoneCompute())).rejects.toMatchObject({ facts: { problems: ['slot 2 is not active'] } })
    await expect(world.start(createLoneCompute(), { ...OPTIONS, slotIds: [] })).rejects.toMatchObject({
      facts: { problems: ['no slot is given'] },
    })
  })
})

test('N7: the window is that of blocks, both ends included', async () => {
  const world = createWorld()
  world.collector.capacity = 0
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
  const epochId = await world.release()
  world.chain.mine(WINDOW_BLOCKS)
  await world.until(() => snapshotter.stats().headBlock === 1 + WINDOW_BLOCKS)
  await world.clock.advance(10_000)
  expect(world.summaries).toEqual([])
  world.chain.mine()
  await world.until(() => world.summaries.length === 1)
  expect(snapshotter.projects(epochId)).toMatchObject([{ reason: 'hand_over_failed', detail: 'not taken for slot 1' }])
})

test('N7: the window is that of seconds of chain time where the market says so', async () => {
  const world = createWorld()
  world.collector.capacity = 0
  const terms = sameTerms(termsWith(createLoneCompute(), { rules: { windowUnit: 'seconds' } }))
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { terms })
  await world.release()
  world.chain.mine(10)
  await world.until(() => snapshotter.stats().headBlock === 11)
  await world.clock.advance(20_000)
  // However long it is by our own clock: without a block no time passes.
  expect(world.summaries).toEqual([])
  world.chain.mine()
  await world.until(() => world.summaries.length === 1)
})

describe('N9: a vote that names a block which is taken away is given again while its window is open', () => {
  /** Handed over for both slots, two blocks above the release. */
  async function handedOver(hold = false) {
    const world = createWorld()
    world.collector.capacity = 0
    const snapshotter = await world.start(createLoneCompute())
    const epochId = await world.release()
    world.chain.mine(2)
    await world.until(() => snapshotter.stats().handOverRetries > 0 && snapshotter.stats().headBlock === 3)
    if (!hold) world.collector.capacity = 9
    if (!hold) await world.until(() => world.summaries.length === 1)
    return { world, snapshotter, epochId }
  }

  test('both slots sign the same CID for a block that is there, and the epoch is done again', async () => {
    const { world, snapshotter, epochId } = await handedOver()
    world.chain.reorg(1)
    const { hash } = await world.chain.head()
    await world.until(() => world.summaries.length === 2)
    const [first, second] = [world.collector.taken.slice(0, 2), world.collector.taken.slice(2)]
    expect(second.map(({ request }) => request.slotId).sort()).toEqual([1, 2])
    expect(second.map(({ header }) => header)).toEqual([hash, hash])
    expect(new Set([...first, ...second].map(({ request }) => request.snapshotCid)).size).toBe(1)
    expect(snapshotter.epochs()).toMatchObject([{ epochId, state: 'done' }])
    expect(snapshotter.projects(epochId)).toMatchObject([{ state: 'submitted' }])
  })

  test('the process that finds the rollback on its disk goes on where it was', async () => {
    const { world, snapshotter, epochId } = await handedOver()
    const { handOverRetries } = snapshotter.stats()
    world.collector.capacity = 2
    world.chain.reorg(1)
    await world.until(() => snapshotter.stats().handOverRetries > handOverRetries)
    world.kill()
    await world.start(createLoneCompute())
    const { hash } = await world.chain.head()
    world.collector.capacity = 9
    await world.until(() => world.summaries.length === 2)
    const [first, second] = [world.collector.taken.slice(0, 2), world.collector.taken.slice(2)]
    expect(second.map(({ request }) => request.slotId).sort()).toEqual([1, 2])
    expect(second.map(({ header }) => header)).toEqual([hash, hash])
    expect(first.some(({ header }) => header === hash)).toBe(false)
    expect(new Set([...first, ...second].map(({ request }) => request.snapshotCid)).size).toBe(1)
    const disk = openRecords(world.store.crash())
    expect(disk.epochs()).toMatchObject([{ epochId, state: 'done' }])
    expect([1, 2].map((slotId) => disk.isHandedOver(epochId, LONE, slotId as SlotId))).toEqual([true, true])
  })

  test('a block that stays is not asked for twice', async () => {
    const { world, snapshotter } = await handedOver()
    world.chain.mine(1)
    await world.until(() => snapshotter.stats().headBlock === 4)
    world.chain.reorg(1)
    world.chain.mine(1)
    await world.clock.advance(5_000)
    expect([world.collector.taken.length, world.summaries.length]).toEqual([2, 1])
  })

  test('a vote that names an earlier block stays as it is', async () => {
    const { world, snapshotter } = await handedOver(true)
    world.collector.capacity = 1
    await world.until(() => world.collector.taken.length === 1)
    world.chain.mine(1)
    await world.until(() => snapshotter.stats().headBlock === 4)
    world.collector.capacity = 9
    await world.until(() => world.summaries.length === 1)
    world.chain.reorg(1)
    await world.until(() => world.summaries.length === 2)
    const [, second, again] = world.collector.taken.map(({ request }) => request.slotId)
    expect(world.collector.taken).toHaveLength(3)
    expect(again).toBe(second)
  })

  test('when the window is over nothing is given again, and that is told', async () => {
    const { world } = await handedOver()
    world.chain.mine(WINDOW_BLOCKS)
    await world.clock.advance(5_000)
    world.chain.reorg(WINDOW_BLOCKS + 1)
    await world.until(() => world.summaries.length === 2)
    expect(world.collector.taken).toHaveLength(2)
    expect(world.summaries[1]).toMatchObject({ state: 'done', submitted: 0, missed: [{ reason: 'hand_over_failed' }] })
  })

  test('when the window was over on the chain that is gone, and is open on this one', async () => {
    const { world, snapshotter, epochId } = await handedOver()
    world.chain.mine(WINDOW_BLOCKS)
    await world.clock.advance(5_000)
    world.chain.reorg(WINDOW_BLOCKS + 1, { blocks: 1 })
    const { hash } = await world.chain.head()
    await world.until(() => world.summaries.length === 2)
    expect(world.collector.taken.slice(2).map(({ header }) => header)).toEqual([hash, hash])
    expect(snapshotter.projects(epochId)).toMatchObject([{ state: 'submitted' }])
  })

  test('one that is answered after the rollback is given again as well', async () => {
    const { world, snapshotter } = await handedOver(true)
    const held = Promise.withResolvers<void>()
    const { answer } = world.collector
    let heldCount = 0
    world.collector.capacity = 9
    world.collector.answer = async (submission) => {
      if (submission.request.epochId > 0 && heldCount < 2) {
        heldCount += 1
        await held.promise
      }
      return answer(submission)
    }
    await world.until(() => heldCount === 2)
    world.chain.reorg(1)
    const { hash } = await world.chain.head()
    world.chain.mine(1)
    await world.until(() => snapshotter.stats().headBlock === 4)
    const head = await world.chain.head()
    held.resolve()
    await world.until(() => world.summaries.length === 1)
    expect(world.collector.taken).toHaveLength(4)
    expect(world.collector.taken.slice(2).every(({ header }) => [hash, head.hash].includes(header as typeof hash))).toBe(true)
  })
})
