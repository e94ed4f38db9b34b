import { afterEach, expect, test, vi } from 'vitest'
import type { ComputeSet } from '#domain/compute.ts'
import type { SlotId } from '#domain/ids.ts'
import { blocks, LIES, node, openLiars, RELEASED } from '#io/chain/proof/liars.test-world.ts'
import { STATE } from '#io/chain/read/scene.test-chain.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createWorld, OPTIONS } from './snapshotter.test-world.ts'

/** A snapshotter whose first source endpoint says what is not so: what it signs is what happened. */

afterEach(() => {
  vi.unstubAllGlobals()
})

/** Every event of the epoch's blocks. */
const computes: ComputeSet = {
  preloads: [],
  snapshots: [
    {
      projectType: 'events',
      dataSources: [],
      preloads: [],
      async compute({ epoch, source }) {
        const events = await source.events({ address: STATE, events: [RELEASED], fromBlock: epoch.begin, toBlock: epoch.end })
        return events.map(({ blockNumber, args }) => [BigInt(blockNumber), args['epochId'] as bigint])
      },
    },
  ],
  aggregates: [],
}

test.each(LIES)('an endpoint that %s', async (_, word, lying, receiptsShare) => {
  const world = createWorld()
  const liars = openLiars({ nodes: { a: node(), b: node() }, lies: { a: lying }, proofs: { receiptsShare }, clock: world.clock })
  const source = await liars.source()
  liars.lie()
  await world.start(computes, { ...OPTIONS, slotIds: [1] as SlotId[] }, { source })
  // One with the releases and the empty block, one with the others.
  for (const begin of [32, 34]) await world.release(begin)
  await world.until(() => world.summaries.length === 2)
  const happened = [32, 34].map((begin) =>
    blocks.slice(begin, begin + 2).flatMap(({ logs }) => logs.map((log) => [BigInt(log.blockNumber), BigInt(log.topics[2] as string)])),
  )
  const cids = await Promise.all(happened.map((events) => snapshotCidOf(canonicalJson(events))))
  expect(world.collector.taken.map(({ request }) => request.snapshotCid).sort()).toEqual(cids.sort())
  expect(liars.told()).toEqual([`a.test ${word}`])
})
