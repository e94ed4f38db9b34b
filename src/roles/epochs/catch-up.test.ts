import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, ContractNumber } from '#domain/ids.ts'
import type { AnchorChain, ProtocolCall } from '#io/chain/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { MANAGER, open, SEQUENCER, VALIDATOR } from './epochs.test-world.ts'

/** A role that was away: ten epochs of ten blocks wait, each of which the source chain makes in two minutes. */
const BEHIND = { blocks: 203, sourceBlockTimeSeconds: 12 }
const PROJECT = 'p:1:N' as ProjectId
const CID = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid
const ROOT = `0x${'aa'.repeat(32)}` as Hash

/** When each epoch was released, in seconds of the anchor chain since the first. */
async function releasedAt(chain: AnchorChain): Promise<number[]> {
  const { epochId } = await chain.currentEpoch()
  const infos = await Promise.all(Array.from({ length: epochId }, (_, index) => chain.epochInfo((index + 1) as EpochId)))
  return infos.filter(({ contractNumber }) => contractNumber > 0).map(({ timestamp }) => timestamp - (infos[0]?.timestamp ?? 0))
}

type World = ReturnType<typeof open>

/** A market that makes each epoch final so many blocks after its release. */
function completing({ chain, clock }: World, blocks: number): void {
  const senders = [SEQUENCER, VALIDATOR].map((address) => chain.sender({ address, journal: createFakeStore() }))
  const send = (sender: number, name: string, call: ProtocolCall) =>
    senders[sender]?.send(name, call, new AbortController().signal).catch(() => undefined)
  const done = new Set<EpochId>()
  const look = async (): Promise<void> => {
    const { epochId } = await chain.currentEpoch()
    const { contractNumber } = await chain.epochInfo(epochId)
    if (epochId > 0 && !done.has(epochId) && (await chain.head()).contractNumber >= contractNumber + blocks) {
      done.add(epochId)
      const batchCid = `${CID.slice(0, -2)}${String(epochId).padStart(2, 'a')}` as Cid
      void send(0, `b${epochId}`, {
        kind: 'submitSubmissionBatch',
        epochId,
        batchCid,
        projectIds: [PROJECT],
        snapshotCids: [CID],
        rootHash: ROOT,
      })
      void send(0, `e${epochId}`, { kind: 'endBatchSubmissions', epochId })
      await clock.sleep(2_500)
      void send(1, `v${epochId}`, { kind: 'submitBatchAttestation', epochId, batchCid, rootHash: ROOT })
    }
    await clock.sleep(500)
    return look()
  }
  void look()
}

describe('a role that is behind', () => {
  test('E6: releases an epoch when the one before is final, never one per block', async () => {
    const world = open(BEHIND)
    completing(world, 10)
    world.start()
    await world.clock.advance(120_000)
    const gaps = (await releasedAt(world.chain)).map((at, index, all) => at - (all[index - 1] ?? at)).slice(1)
    expect(gaps.length).toBeGreaterThan(4)
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(12)
      expect(gap).toBeLessThan(20)
    }
    expect(world.log.some((line) => line.startsWith('catching_up {"epochId":2,"epochs":9'))).toBe(true)
  })

  test('E6: waits for an epoch that nobody completes until its time is over, and no longer', async () => {
    // Of the market's windows the longest has thirty blocks of a second.
    const world = open(BEHIND)
    world.start()
    await world.clock.advance(120_000)
    const gaps = (await releasedAt(world.chain)).map((at, index, all) => at - (all[index - 1] ?? at)).slice(1)
    expect(gaps.length).toBeGreaterThan(2)
    for (const gap of gaps) expect([31, 32, 33, 34]).toContain(gap)
  })

  test('E6: catches up with a market whose epochs take longer than the source chain takes to make one', async () => {
    const world = open({ ...BEHIND, sourceBlockTimeSeconds: 1 })
    world.start()
    await world.clock.advance(60_000)
    const gaps = (await releasedAt(world.chain)).map((at, index, all) => at - (all[index - 1] ?? at)).slice(1)
    for (const gap of gaps) expect([9, 10, 11]).toContain(gap)
  })

  test('E6: is not told by an endpoint that knows nothing of the last epoch that it is decided', async () => {
    const unknown = { timestamp: 0, contractNumber: 0 as ContractNumber, end: 0 as BlockNumber }
    const world = open(BEHIND, ({ chain }) => ({ chain: { ...chain, epochInfo: async () => unknown } }))
    world.start()
    await world.clock.advance(60_000)
    expect((await world.chain.currentEpoch()).epochId).toBe(1)
  })

  test('E6: waits for nothing when it is in step', async () => {
    const world = open({ ...BEHIND, blocks: 112 })
    world.start()
    await world.untilEnd(109)
    await world.clock.advance(2_000)
    // Nobody has completed the first.
    world.source.mine(10)
    await world.untilEnd(119)
    expect((await releasedAt(world.chain))[1]).toBeLessThan(6)
    expect(world.log.filter((line) => line.startsWith('catching_up'))).toEqual([])
  })

  test('E1, E6: leaves out all but the newest where it is told to, says so, and goes on behind it', async () => {
    const world = open({ ...BEHIND, role: { catchUp: 'skip' } })
    world.start()
    await world.untilEnd(199)
    expect(world.sent).toEqual(['releaseEpoch/100 100-109', 'forceSkipEpoch/190 190-199'])
    expect(await world.chain.currentEpoch()).toEqual({ epochId: 10, begin: 190, end: 199 })
    await world.clock.advance(1_000)
    expect(world.log).toContain('epochs_skipped {"epochId":10,"begin":190,"count":8}')
    world.source.mine(10)
    await world.untilEnd(209)
    expect(world.sent.at(-1)).toBe('releaseEpoch/200 200-209')
  })

  test('E6: releases a few all the same', async () => {
    const world = open({ ...BEHIND, blocks: 142, role: { catchUp: 'skip' } })
    world.start()
    await world.untilEnd(119)
    expect(world.sent).toEqual(['releaseEpoch/100 100-109', 'releaseEpoch/110 110-119'])
  })

  test('E6: that may leave nothing out, for it does not own the market, releases one after the other', async () => {
    const world = open({ ...BEHIND, owner: `0x${'0a'.repeat(20)}` as Address, role: { catchUp: 'skip' } })
    completing(world, 10)
    world.start()
    await world.clock.advance(60_000)
    expect(world.sent[1]).toBe('forceSkipEpoch/190 190-199')
    expect(new Set(world.sent.slice(2)).size).toBeGreaterThan(2)
    const gaps = (await releasedAt(world.chain)).map((at, index, all) => at - (all[index - 1] ?? at)).slice(1)
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(12)
  })
})

describe('two generators', () => {
  test('E3, E6: never release a range twice, and both go on behind what the other has released', async () => {
    const world = open({ blocks: 112 })
    world.start()
    world.start(createFakeStore())
    for (let end = 109; end < 160; end += 10) {
      await world.untilEnd(end)
      world.source.mine(10)
    }
    const { epochId, end } = await world.chain.currentEpoch()
    expect(end).toBe(99 + epochId * 10)
    expect(world.chain.transactions().filter(({ receipt, from }) => from === MANAGER && receipt?.reverted === undefined)).toHaveLength(
      epochId,
    )
  })
})
