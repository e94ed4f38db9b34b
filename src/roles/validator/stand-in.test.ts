import { describe, expect, test } from 'vitest'
import { CID_A, CID_B, EPOCH_1, honest, judged, openWorld, P1, type Running } from './validator.test-world.ts'

const WINDOWS = { snapshotWindowBlocks: 5, batchWindowBlocks: 20, attestationWindowBlocks: 30 }
type Who = 0 | 1 | 2

/** A batch that tells the chain another CID than its votes give, refuted by these validators, and the block in which they did. */
async function refuted(who: readonly Who[]) {
  const world = await openWorld(WINDOWS)
  const running: Running[] = []
  for (const each of who) running.push(await world.start({ who: each }))
  await world.anchor(honest(world), { snapshotCids: [CID_B] })
  for (const each of running) expect(await judged(world, each)).toMatchObject({ isDivergent: true })
  return { world, running, number: (await world.chain.head()).number }
}

type Refuted = Awaited<ReturnType<typeof refuted>>
const mineUpTo = async ({ world }: Refuted, number: number) => world.mine(number - (await world.chain.head()).number)
const stoodIn = ({ running }: Refuted): number => running.flatMap(({ events }) => events).filter((event) => event === 'stood_in').length
const stop = ({ running }: Refuted) => Promise.all(running.map((each) => each.stop()))

describe('V15: of a round that the sequencer does not answer', () => {
  test.each<[string, Who[]]>([
    ['all are there', [0, 1, 2]],
    ['the first is away', [1, 2]],
    ['the second is away', [0, 2]],
    ['the third is away', [0, 1]],
  ])('one validator sends what the votes give, and it becomes final like any other batch: %s', async (_, who) => {
    const scene = await refuted(who)
    const { world } = scene
    await mineUpTo(scene, scene.number + 8)
    expect([await world.chain.batchCids(EPOCH_1), stoodIn(scene)]).toEqual([[expect.any(String)], 0])
    await mineUpTo(scene, scene.number + 21)
    expect(await world.chain.snapshotStatus(P1, EPOCH_1)).toEqual({ status: 'finalized', snapshotCid: CID_A })
    expect([(await world.chain.batchCids(EPOCH_1)).length, stoodIn(scene)]).toEqual([2, 1])
    await stop(scene)
  })

  test('nobody stands in when the sequencer has answered', async () => {
    const scene = await refuted([0, 1, 2])
    await mineUpTo(scene, scene.number + 3)
    await scene.world.anchor(honest(scene.world))
    await mineUpTo(scene, scene.number + 25)
    expect([(await scene.world.chain.batchCids(EPOCH_1)).length, stoodIn(scene)]).toEqual([2, 0])
    await stop(scene)
  })

  test('one that stood in and was cut off sends nothing twice', async () => {
    const scene = await refuted([0, 1, 2])
    await mineUpTo(scene, scene.number + 12)
    const again: Running[] = []
    for (const [who, { store }] of scene.running.entries()) again.push(await scene.world.start({ who: who as Who, store: store.crash() }))
    await stop(scene)
    await mineUpTo(scene, scene.number + 25)
    expect((await scene.world.chain.batchCids(EPOCH_1)).length).toBe(2)
    await Promise.all(again.map((each) => each.stop()))
  })
})
