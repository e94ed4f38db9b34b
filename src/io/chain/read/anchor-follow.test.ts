import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import type { ChainStep } from '#io/chain/port.ts'
import { refuse } from '#io/chain/rpc/scripted.test-node.ts'
import type { Script } from '#io/chain/rpc/scripted.test-node.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { connectAnchorChain } from './anchor.ts'
import { createMarketNode, logOf, MARKET, NODES, OTHER_MARKET, STATE } from './scene.test-chain.ts'
import type { LogFilter, ScriptedLog } from './scene.test-chain.ts'

/** How blocks and their logs are asked for, and what is made of the answers. */

afterEach(() => {
  vi.unstubAllGlobals()
})

const released = (block: number, index = 0, market = MARKET): ScriptedLog =>
  logOf(
    { block, index },
    { of: STATE, name: 'EpochReleased', args: { dataMarketAddress: market, epochId: BigInt(block), begin: 1n, end: 10n } },
  )

async function open(head: number, logs: readonly ScriptedLog[] = []) {
  const node = createMarketNode({ head })
  node.world.logs.push(...logs)
  vi.stubGlobal('fetch', node.fetch)
  const clock = createVirtualClock({ startMs: 0 })
  const troubles: string[] = []
  const chain = await connectAnchorChain({
    rpcUrl: 'http://node.test',
    chainId: 1,
    protocolState: STATE,
    dataMarket: MARKET,
    pollMs: 500,
    reorgDepthMax: 8,
    clock,
    onTrouble: ({ code }) => troubles.push(code),
  })
  node.calls.splice(0)
  /** Everything from `from` to block `to`, or what was read when `limitMs` have passed. */
  const take = async (from: number, to: number, limitMs = 60_000) => {
    const stop = new AbortController()
    const steps: ChainStep[] = []
    const work = (async () => {
      for await (const step of chain.follow({ from: from as BlockNumber, known: [], signal: stop.signal })) {
        steps.push(step)
        if (step.kind === 'block' && step.block.number === to) break
      }
    })()
    await clock.runUntil(work, { limitMs }).finally(() => stop.abort())
    return steps
  }
  const ranges = () =>
    (node.asked('eth_getLogs') as [LogFilter][])
      .filter(([{ fromBlock, address }]) => fromBlock !== undefined && address === STATE)
      .map(([{ fromBlock, toBlock }]) => `${Number(fromBlock)}-${Number(toBlock)}`)
  return { node, chain, clock, troubles, take, ranges }
}
const numbersOf = (steps: readonly ChainStep[]) => steps.map((step) => (step.kind === 'block' ? step.block.number : -1))
const eventsOf = (steps: readonly ChainStep[]) => steps.flatMap((step) => (step.kind === 'block' ? step.events : []))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe('far behind the head', () => {
  test('logs come by ranges up to sixteen blocks below it, then by block hash, and each block once', async () => {
    const { node, take, ranges } = await open(2_100, [released(5), released(2_084), released(2_085), released(2_100)])
    const steps = await take(1, 2_100)
    expect(numbersOf(steps)).toEqual(range(1, 2_100))
    expect(ranges()).toEqual(['1-1000', '1001-2000', '2001-2084'])
    expect(eventsOf(steps).map(({ block }) => block.number)).toEqual([5, 2_084, 2_085, 2_100])
    const byHash = (node.asked('eth_getLogs') as [LogFilter][]).flatMap(([{ blockHash }]) => blockHash ?? [])
    expect(new Set(byHash).size).toBe(16)
  })

  test('a range that is refused is asked for in parts until they are taken, each once, and what is taken is remembered', async () => {
    const tenths = range(1, 60).map((number) => number * 10)
    const { node, take, ranges, troubles } = await open(
      300,
      tenths.map((block) => released(block)),
    )
    const answers = node.scripts['eth_getLogs'] as Script
    node.scripts['eth_getLogs'] = (filter: LogFilter) =>
      filter.fromBlock !== undefined && Number(filter.toBlock) - Number(filter.fromBlock) >= 100
        ? refuse(-32_005, 'too many blocks')
        : answers(filter as never)
    const steps = await take(1, 300, 600_000)
    expect(numbersOf(steps)).toEqual(range(1, 300))
    expect(eventsOf(steps).map(({ block }) => block.number)).toEqual(tenths.slice(0, 30))
    expect(ranges()).toEqual(['1-284', '1-142', '143-284', '1-71', '72-142', '143-213', '214-284'])
    expect(troubles).toEqual([])
    node.world.head = 600
    node.calls.splice(0)
    expect(eventsOf(await take(301, 600, 600_000)).map(({ block }) => block.number)).toEqual(tenths.slice(30))
    expect(ranges()).toEqual(['301-371', '372-442', '443-513', '514-584'])
  })

  test('a range that fails for another reason is halved, and the next may be twice as long', async () => {
    const { node, take, ranges } = await open(300)
    const answers = node.scripts['eth_getLogs'] as Script
    node.scripts['eth_getLogs'] = (filter: LogFilter) =>
      filter.fromBlock !== undefined && Number(filter.toBlock) - Number(filter.fromBlock) >= 100
        ? refuse(-32_000, 'internal')
        : answers(filter as never)
    expect(numbersOf(await take(1, 300, 600_000))).toEqual(range(1, 300))
    expect(ranges().slice(0, 7)).toEqual(['1-284', '1-284', '1-250', '1-125', '1-62', '63-186', '63-124'])
  })

  test('a node that takes nothing for a while, and then single blocks only, is still read to the end', async () => {
    const { node, take } = await open(40)
    const answers = node.scripts['eth_getLogs'] as Script
    node.scripts['eth_getLogs'] = (filter: LogFilter) =>
      node.asked('eth_getLogs').length < 30 || filter.fromBlock !== filter.toBlock
        ? refuse(-32_005, 'too many blocks')
        : answers(filter as never)
    expect(numbersOf(await take(1, 40, 3_600_000))).toEqual(range(1, 40))
  })
})

describe('an event', () => {
  const placed = (block: number, index: number) => ({ block, index })
  const market = { dataMarketAddress: MARKET }

  test('of the market is told in log order, whichever contract it is of', async () => {
    const { take } = await open(30, [
      logOf(placed(3, 9), {
        of: NODES,
        name: 'SnapshotterAddressChanged',
        args: { nodeId: 2n, oldSnapshotter: STATE, newSnapshotter: MARKET },
      }),
      released(3, 4),
      released(3, 10),
      released(2, 7),
    ])
    expect(eventsOf(await take(1, 4)).map(({ block, logIndex, kind }) => [block.number, logIndex, kind])).toEqual([
      [2, 7, 'EpochReleased'],
      [3, 4, 'EpochReleased'],
      [3, 9, 'SnapshotterAddressChanged'],
      [3, 10, 'EpochReleased'],
    ])
  })

  test('is told with all that it says', async () => {
    const ids = { ...market, epochId: 7n, timestamp: 9n }
    const { take } = await open(30, [
      logOf(placed(1, 0), { of: STATE, name: 'EpochReleased', args: { ...ids, begin: 100n, end: 109n } }),
      logOf(placed(1, 1), { of: STATE, name: 'SnapshotBatchSubmitted', args: { ...ids, batchCid: 'bafk1' } }),
      logOf(placed(1, 2), { of: STATE, name: 'DelayedBatchSubmitted', args: { ...ids, batchCid: 'bafk2' } }),
      logOf(placed(1, 3), { of: STATE, name: 'BatchSubmissionsCompleted', args: ids }),
      logOf(placed(1, 4), {
        of: STATE,
        name: 'SnapshotBatchAttestationSubmitted',
        args: { ...ids, batchCid: 'bafk1', validatorAddr: NODES },
      }),
      logOf(placed(1, 5), { of: STATE, name: 'DelayedAttestationSubmitted', args: { ...ids, batchCid: 'bafk2', validatorAddr: NODES } }),
      logOf(placed(1, 6), { of: STATE, name: 'SnapshotFinalized', args: { ...ids, projectId: 'a:B', snapshotCid: 'bafk3' } }),
      logOf(placed(1, 7), {
        of: NODES,
        name: 'SnapshotterAddressChanged',
        args: { nodeId: 2n, oldSnapshotter: STATE, newSnapshotter: MARKET },
      }),
      logOf(placed(1, 8), { of: STATE, name: 'DayStartedEvent', args: { ...market, dayId: 3n, timestamp: 9n } }),
    ])
    const told = eventsOf(await take(1, 1)).map(({ block: _block, logIndex: _index, transactionHash: _hash, ...event }) => event)
    expect(told).toEqual([
      { kind: 'EpochReleased', epochId: 7, begin: 100, end: 109 },
      { kind: 'SnapshotBatchSubmitted', epochId: 7, batchCid: 'bafk1' },
      { kind: 'DelayedBatchSubmitted', epochId: 7, batchCid: 'bafk2' },
      { kind: 'BatchSubmissionsCompleted', epochId: 7 },
      { kind: 'SnapshotBatchAttestationSubmitted', epochId: 7, batchCid: 'bafk1', validator: NODES },
      { kind: 'DelayedAttestationSubmitted', epochId: 7, batchCid: 'bafk2', validator: NODES },
      { kind: 'SnapshotFinalized', epochId: 7, projectId: 'a:B', snapshotCid: 'bafk3' },
      { kind: 'SnapshotterAddressChanged', slotId: 2, signer: MARKET },
      { kind: 'DayStartedEvent', day: 3 },
    ])
  })

  test.each<[string, ScriptedLog]>([
    ['of another market', released(3, 1, OTHER_MARKET)],
    ['of another contract with the same topic', { ...released(3, 1), address: OTHER_MARKET }],
  ])('%s is none, even from a node that answers more than it was asked for', async (_name, log) => {
    const { node, take } = await open(30, [log, released(3, 2)])
    node.scripts['eth_getLogs'] = ({ address, fromBlock }: LogFilter) =>
      address === STATE && fromBlock !== undefined ? node.world.logs : []
    expect(eventsOf(await take(1, 5)).map(({ logIndex }) => logIndex)).toEqual([2])
  })

  test.each<[string, (log: ScriptedLog) => ScriptedLog]>([
    ['of a block that was rewritten meanwhile', (log) => ({ ...log, blockHash: `0x${'99'.repeat(32)}` })],
    ['that does not decode', (log) => ({ ...log, data: '0x12' })],
    ['without a place', (log) => ({ ...log, logIndex: null as never })],
  ])('%s is no answer: nothing is told until it is a good one', async (_name, spoil) => {
    const { node, take, troubles } = await open(30, [released(3)])
    const answers = node.scripts['eth_getLogs'] as (filter: LogFilter) => ScriptedLog[]
    let isSpoilt = true
    node.scripts['eth_getLogs'] = (filter: LogFilter) => {
      const logs = answers(filter)
      if (!isSpoilt || logs.length === 0) return logs
      isSpoilt = false
      return logs.map(spoil)
    }
    const steps = await take(1, 5)
    expect(numbersOf(steps)).toEqual(range(1, 5))
    expect(eventsOf(steps)).toHaveLength(1)
    expect(troubles).toEqual(['CHAIN_ANSWER_INVALID'])
  })
})

test('a follower whose node fails asks again after pauses that grow, to a small part of a window', async () => {
  const { node, clock, take } = await open(30)
  const times: number[] = []
  node.scripts['eth_getBlockByNumber'] = () => {
    times.push(clock.nowMs())
    return refuse(-32_000, 'down')
  }
  await expect(take(1, 5, 150_000)).rejects.toThrow('not reached')
  const pauses = [...new Set(times)].map((time, index, all) => time - (all[index - 1] ?? 0)).slice(1)
  expect(pauses.slice(0, 7)).toEqual([1_000, 2_000, 4_000, 4_000, 4_000, 4_000, 4_000])
})

test('a follower that waits for the next block ends when it is told to, and waits no longer', async () => {
  const { chain, clock } = await open(3)
  const stop = new AbortController()
  const seen: ChainStep[] = []
  let isOver = false
  const work = (async () => {
    for await (const step of chain.follow({ from: 1 as BlockNumber, known: [], signal: stop.signal })) seen.push(step)
  })()
  void work
    .catch(() => undefined)
    .then(() => {
      isOver = true
    })
  await clock.runUntil(() => seen.length === 3, { limitMs: 10_000 })
  await clock.advance(10)
  const stoppedMs = clock.nowMs()
  stop.abort()
  await clock.runUntil(() => isOver, { limitMs: 10_000 })
  expect(clock.nowMs() - stoppedMs).toBe(0)
})
