import { describe, expect, test } from 'vitest'
import type { Cid, ProjectId } from '#domain/ids.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { batchOf, CID_A, CID_B, EPOCH_1, honest, honestVotes, idsOf, judged, openWorld, P1, type Running } from './validator.test-world.ts'

type World = Awaited<ReturnType<typeof openWorld>>

/** In so long a batch window the sequencer has time: nobody stands in for it. */
const WINDOWS = { snapshotWindowBlocks: 5, batchWindowBlocks: 80, attestationWindowBlocks: 30 }
const FALSE = { snapshotCids: [CID_B] }

/** Three validators, of which two make a majority, and a batch that tells the chain another CID than its votes give. */
async function refuted(blocksAfter = 0): Promise<{ readonly world: World; readonly running: Running[] }> {
  const world = await openWorld(WINDOWS)
  const running = [await world.start(), await world.start({ who: 1 }), await world.start({ who: 2 })]
  const batch = honest(world)
  await world.anchor(batch, { ...FALSE, isHidden: true })
  await world.mine(blocksAfter)
  await world.ipfs.node('sequencer').add(encodeBatch(batch))
  for (const each of running) expect(await judged(world, each)).toMatchObject({ state: 'attested', isDivergent: true })
  return { world, running }
}

const stop = (running: readonly Running[]) => Promise.all(running.map((each) => each.stop()))

describe('V14: in a round that a refuted batch opened', () => {
  test('a batch that takes its projects over is judged like any other, and becomes final', async () => {
    const { world, running } = await refuted()
    const corrected = await world.anchor(honest(world))
    for (const each of running)
      expect(await judged(world, each, 2)).toMatchObject({ batchCid: corrected, state: 'attested', isDivergent: false, failureCount: 0 })
    expect(await world.chain.snapshotStatus(P1, EPOCH_1)).toEqual({ status: 'finalized', snapshotCid: CID_A })
    await stop(running)
  })

  test('its tree may continue those of all batches before it, what was refuted among them', async () => {
    const { world, running } = await refuted()
    const [first] = await world.chain.batchCids(EPOCH_1)
    const earlier = await world.ipfs.node('validator 0').get(first as Cid, { bytesMax: 100_000, timeoutMs: 1_000 })
    const { submissionIDs } = JSON.parse(new TextDecoder().decode(earlier)) as { submissionIDs: string[] }
    const again = batchOf(honestVotes(world), [[P1, CID_A]], submissionIDs)
    expect(again.submissionsRoot).not.toBe(publishedRoot(idsOf(again)))
    await world.anchor(again)
    expect(await judged(world, running[0] as Running, 2)).toMatchObject({ isDivergent: false, failureCount: 0 })
    await stop(running)
  })

  test('a project that a batch holds of which nobody disagreed is still not named twice', async () => {
    const world = await openWorld(WINDOWS)
    const running = await world.start()
    const other = 'pairs:0x07:TEST' as ProjectId
    await world.anchor(honest(world))
    await judged(world, running)
    await world.anchor(batchOf(honestVotes(world), [[P1, CID_A]]), { projectIds: [other] })
    expect(await judged(world, running, 2)).toMatchObject({ state: 'withheld', reason: 'integrity' })
    expect(running.validator.evidence(EPOCH_1, running.records[1]?.batchCid as Cid)?.failures.map(({ check }) => check)).toContain(
      'projects_unique',
    )
    await running.stop()
  })

  test('the attestation window counts from where the round began: a word in it is not late, and none is waited for after it', async () => {
    const { world, running } = await refuted()
    const { contractNumber: refutedIn } = await world.chain.head()
    const { contractNumber } = await world.chain.epochInfo(EPOCH_1)
    await world.mine(10)
    const hidden = await world.anchor(honest(world), { isHidden: true })
    await world.mine(contractNumber + 32 - (await world.chain.head()).contractNumber)
    await world.clock.advance(10_000)
    expect(running[0]?.records).toHaveLength(1)
    await world.mine(refutedIn + 35 - (await world.chain.head()).contractNumber)
    await world.clock.advance(30_000)
    expect(running[0]?.records.at(-1)).toMatchObject({ batchCid: hidden, state: 'missed', reason: 'not_fetched' })
    await stop(running)
  })

  test('a word that is given within it is counted, however long ago the release is', async () => {
    const { world, running } = await refuted()
    const { contractNumber } = await world.chain.epochInfo(EPOCH_1)
    await world.mine(10)
    const again = honest(world)
    await world.anchor(again, { isHidden: true })
    await world.mine(contractNumber + 33 - (await world.chain.head()).contractNumber)
    await world.ipfs.node('sequencer').add(encodeBatch(again))
    for (const each of running) expect(await judged(world, each, 2)).toMatchObject({ state: 'attested', isLate: false })
    expect((await world.chain.snapshotStatus(P1, EPOCH_1)).status).toBe('finalized')
    await stop(running)
  })

  test('the epoch is not forgotten while the round lasts, though the window of its release is over', async () => {
    const { world, running } = await refuted(14)
    const { contractNumber } = await world.chain.epochInfo(EPOCH_1)
    await world.mine(contractNumber + 33 - (await world.chain.head()).contractNumber)
    await world.anchor(honest(world))
    for (const each of running) expect(await judged(world, each, 2)).toMatchObject({ state: 'attested', isLate: false })
    await stop(running)
  })
})
