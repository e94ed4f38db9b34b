import { describe, expect, test } from 'vitest'
import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { listen, type Listening } from './hear.test-world.ts'
import { batchOf, CID_A, CID_B, idsOf, judged, openWorld, P1, P2, type World } from './validator.test-world.ts'

const WINDOWS = { snapshotWindowBlocks: 5, batchWindowBlocks: 20, attestationWindowBlocks: 30 }
const EPOCH = 2 as EpochId
const REQUIRED = { completeness: 'required' } as const

/** Three validators that listen, two of which make a majority, in the window of an epoch; the batch of which lacks what `tellAll` told them. */
async function scene(rules: Partial<MarketRules> = REQUIRED) {
  const world = await openWorld(WINDOWS)
  const running = [await listen(world, { rules }), await listen(world, { who: 1, rules }), await listen(world, { who: 2, rules })]
  await world.releaseNext()
  await world.clock.advance(50)
  return { world, running, stop: () => Promise.all(running.map((each) => each.stop())) }
}

const votesFor = (world: World) => ({
  liar: world.submission(3, CID_B),
  honest: [world.submission(1, CID_A), world.submission(2, CID_A)],
})
const evidenceOf = (running: Listening, batchCid: Cid) => running.validator.evidence(EPOCH, batchCid)
const statusIn = (world: World) => world.chain.snapshotStatus(P1, EPOCH)

describe('V16: votes that were heard and are not in the batch', () => {
  test('are evidence, each with its signature, whatever the market asks for; where it asks for nothing the results stand', async () => {
    const { world, running, stop } = await scene({ completeness: 'none' })
    const { liar, honest } = votesFor(world)
    for (const each of running) expect(await each.tell([...honest, liar])).toEqual(['accepted', 'accepted', 'accepted'])
    const batchCid = await world.anchor(batchOf([liar], [[P1, CID_B]]), { epochId: EPOCH })
    for (const each of running) {
      expect(await judged(world, each)).toMatchObject({ state: 'attested', isDivergent: false, failureCount: 2 })
      expect(evidenceOf(each, batchCid)).toMatchObject({
        failures: honest.map(({ request }) => ({ check: 'omitted_slot', projectId: P1, slotId: request.slotId, expected: CID_A })),
        omitted: honest.map((submission) => ({ submission })),
      })
    }
    expect(await statusIn(world)).toEqual({ status: 'finalized', snapshotCid: CID_B })
    await stop()
  })

  test('are spoken for where the market asks for completeness and another CID wins with them; a correction holds them', async () => {
    const { world, running, stop } = await scene()
    const { liar, honest } = votesFor(world)
    for (const each of running) await each.tell([...honest, liar])
    await world.anchor(batchOf([liar], [[P1, CID_B]]), { epochId: EPOCH })
    for (const each of running)
      expect(await judged(world, each)).toMatchObject({ state: 'attested', isDivergent: true, root: publishedRoot([CID_A]) })
    await world.mine(18)
    expect(await statusIn(world)).toEqual({ status: 'finalized', snapshotCid: CID_A })
    for (const each of running) expect(each.records[1]).toMatchObject({ state: 'attested', isDivergent: false, failureCount: 0 })
    await stop()
  })

  test('that one validator alone heard refute nothing: the majority decides', async () => {
    const { world, running, stop } = await scene()
    const { liar, honest } = votesFor(world)
    await running[0]?.tell(honest)
    await world.anchor(batchOf([liar], [[P1, CID_B]]), { epochId: EPOCH })
    const divergent: boolean[] = []
    for (const each of running) divergent.push((await judged(world, each)).isDivergent)
    expect([divergent, await statusIn(world)]).toEqual([[true, false, false], { status: 'finalized', snapshotCid: CID_B }])
    await stop()
  })

  test('that leave the winner as it is, or make none win, change nothing', async () => {
    const { world, running, stop } = await scene({ ...REQUIRED, tally: { minVotes: 0, minShareBp: 7_000 } })
    const { liar, honest } = votesFor(world)
    // All slots of the batch agree; of those that were heard too it is two thirds.
    for (const each of running) await each.tell([liar])
    await world.anchor(batchOf(honest, [[P1, CID_A]]), { epochId: EPOCH })
    for (const each of running) expect(await judged(world, each)).toMatchObject({ isDivergent: false, failureCount: 1 })
    await stop()
  })

  test('of a slot that the batch has another vote of are no omission: its first was the other', async () => {
    const { world, running, stop } = await scene()
    const { honest } = votesFor(world)
    for (const each of running) await each.tell([world.submission(1, CID_B), world.submission(2, CID_B)])
    await world.anchor(batchOf(honest, [[P1, CID_A]]), { epochId: EPOCH })
    for (const each of running) expect(await judged(world, each)).toMatchObject({ isDivergent: false, failureCount: 0 })
    await stop()
  })

  test('count in the place of one whose signature the sequencer has spoilt', async () => {
    const { world, running, stop } = await scene()
    const { liar, honest } = votesFor(world)
    for (const each of running) await each.tell(honest)
    const spoilt = honest.map((submission) => ({ ...submission, signature: liar.signature }))
    await world.anchor(batchOf([...spoilt, liar], [[P1, CID_B]]), { epochId: EPOCH })
    await world.mine(20)
    for (const each of running) expect(each.records[0]).toMatchObject({ isDivergent: true, failureCount: 5 })
    expect(await statusIn(world)).toEqual({ status: 'finalized', snapshotCid: CID_A })
    await stop()
  })
})

describe('V17: a batch that nobody can read', () => {
  const garbage = { epochId: EPOCH, batchCid: 'not-a-cid' as Cid }

  test('is spoken against with what was heard on its projects, and corrected from it', async () => {
    const { world, running, stop } = await scene()
    const { liar, honest } = votesFor(world)
    for (const each of running) await each.tell([...honest, liar])
    await world.anchor(batchOf([liar], [[P1, CID_B]]), { ...garbage, isHidden: true })
    for (const each of running) expect(await judged(world, each)).toMatchObject({ isDivergent: true, root: publishedRoot(['']) })
    await world.mine(18)
    expect(await statusIn(world)).toEqual({ status: 'finalized', snapshotCid: CID_A })
    await stop()
  })

  test.each([
    ['is no file', 'served as it is'],
    ['is not served, and not what was heard', 'hidden'],
  ])(
    'V19: and whose tree two others continue: %s: takes none of them with it, and what it had is final by what takes its place',
    async (_, how) => {
      const { world, running, stop } = await scene()
      const projects = [P1, P2, 'pairs:0x03:TEST' as ProjectId]
      const votes = projects.map((projectId) => [1, 2].map((slotId) => world.submission(slotId, CID_A, projectId)))
      for (const each of running) await each.tell(votes.flat())
      const ids: string[] = []
      for (const [index, projectId] of projects.entries()) {
        const batch = batchOf(votes[index] ?? [], [[projectId, CID_A]], ids)
        ids.push(...idsOf(batch))
        const spoilt = how === 'hidden' ? { isHidden: true, snapshotCids: [CID_B] } : { bytes: new TextEncoder().encode('no batch') }
        await world.anchor(batch, { epochId: EPOCH, ...(index === 0 && spoilt) })
      }
      const finals = () => Promise.all(projects.map((projectId) => world.chain.snapshotStatus(projectId, EPOCH)))
      for (let block = 0; block < 60 && (await finals()).some(({ status }) => status !== 'finalized'); block += 1) {
        await world.mine()
        await world.clock.advance(2_000)
      }
      expect(await finals()).toEqual(projects.map(() => ({ status: 'finalized', snapshotCid: CID_A })))
      await stop()
    },
  )

  test('gives no result, though all of its projects were heard to be right: what takes its place can be read', async () => {
    const { world, running, stop } = await scene()
    const { honest } = votesFor(world)
    for (const each of running) await each.tell(honest)
    await world.anchor(batchOf(honest, [[P1, CID_A]]), { ...garbage, isHidden: true })
    for (const each of running) expect(await judged(world, each)).toMatchObject({ isDivergent: true, root: publishedRoot(['']) })
    await world.mine(18)
    for (const each of running) expect(each.records[1]).toMatchObject({ state: 'attested', isDivergent: false })
    expect(await statusIn(world)).toEqual({ status: 'finalized', snapshotCid: CID_A })
    await stop()
  })

  test('is told alike by all, whatever each of them heard', async () => {
    const { world, running, stop } = await scene()
    const { liar, honest } = votesFor(world)
    await running[0]?.tell(honest)
    await running[1]?.tell([liar])
    await world.anchor(batchOf([liar], [[P1, CID_B]]), { ...garbage, isHidden: true })
    const roots: unknown[] = []
    for (const each of running) roots.push((await judged(world, each)).root)
    expect(roots).toEqual([publishedRoot(['']), publishedRoot(['']), undefined])
    await stop()
  })

  test('of which only the bytes do not come is given until the last tenth of its window', async () => {
    const { world, running, stop } = await scene()
    const { liar, honest } = votesFor(world)
    for (const each of running) await each.tell([...honest, liar])
    const { number } = world.release
    await world.anchor(batchOf([liar], [[P1, CID_B]]), { epochId: EPOCH, isHidden: true })
    await world.mine(number + 26 - (await world.chain.head()).number)
    await world.clock.advance(20_000)
    expect(running.flatMap(({ records }) => records)).toEqual([])
    await world.mine(3)
    await world.clock.advance(20_000)
    for (const each of running) expect(await judged(world, each)).toMatchObject({ state: 'attested', isDivergent: true, isLate: false })
    await stop()
  })

  test('of which only the bytes do not come is never attested as it is, though all of its projects were heard to be right', async () => {
    const { world, running, stop } = await scene()
    const { honest } = votesFor(world)
    for (const each of running) await each.tell(honest)
    await world.anchor(batchOf(honest, [[P1, CID_A]]), { epochId: EPOCH, isHidden: true })
    await world.mine(28)
    await world.clock.advance(20_000)
    for (const each of running) expect(await judged(world, each)).toMatchObject({ state: 'missed', reason: 'not_fetched' })
    await stop()
  })

  test.each([
    ['the market asks for no completeness', { completeness: 'none' } as const, true],
    ['nobody was heard', REQUIRED, false],
  ])('is left as it is where %s', async (_, rules, isHeard) => {
    const { world, running, stop } = await scene(rules)
    const { liar, honest } = votesFor(world)
    if (isHeard) for (const each of running) await each.tell(honest)
    await world.anchor(batchOf([liar], [[P1, CID_B]]), { ...garbage, isHidden: true })
    for (const each of running) expect(await judged(world, each)).toMatchObject({ state: 'withheld', reason: 'cid_malformed' })
    await stop()
  })
})
