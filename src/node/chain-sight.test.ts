import { beforeEach, describe, expect, test } from 'vitest'
import type { BlockNumber, Hash, ContractNumber } from '#domain/ids.ts'
import { createRecorder, type Recorder } from '#domain/recorder.ts'
import type { AnchorChain, BlockRef, ChainStep } from '#io/chain/port.ts'
import { type ChainSight, createChainSight } from './chain-sight.ts'

let nowMs: number
let recorder: Recorder
let sight: ChainSight
beforeEach(() => {
  nowMs = 1_000_000
  recorder = createRecorder()
  sight = createChainSight('anchor', { recorder, nowMs: () => nowMs })
})

/** Mined when the clock shows it, or so many seconds before. */
const block = (number: number, secondsAgo = 0): BlockRef => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0x${number}` as Hash,
  parentHash: `0x${number - 1}` as Hash,
  timestamp: nowMs / 1_000 - secondsAgo,
})
const saw = (head: BlockRef) => sight.anchor({ head: async () => head } as AnchorChain).head()
const reasons = () => sight.unready().map(({ reason }) => reason)

describe('the anchor chain', () => {
  test('is in order while its heads come, from whichever call', async () => {
    await saw(block(7))
    const steps: ChainStep[] = [
      { kind: 'block', block: block(6), events: [] },
      { kind: 'block', block: block(9), events: [] },
      { kind: 'rollback', to: block(8) },
    ]
    async function* follow() {
      yield* steps
    }
    const chain = { follow } as unknown as AnchorChain
    const seen: ChainStep[] = []
    for await (const step of sight.anchor(chain).follow({} as never)) seen.push(step)
    expect(seen).toEqual(steps)
    expect(sight.head()?.number).toBe(9)
    expect(reasons()).toEqual([])
    expect(sight.readings()).toMatchObject([{ value: 9, labels: { chain: 'anchor' } }, { value: 0 }, { value: 0 }, { value: 0 }])
  })

  test('that stands still for two minutes is silent, whatever is said of the same head', async () => {
    await saw(block(7))
    nowMs += 119_000
    expect(reasons()).toEqual([])
    await saw(block(7, 119))
    nowMs += 2_000
    expect(reasons()).toEqual(['anchor_silent'])
    await saw(block(8))
    expect(reasons()).toEqual([])
  })

  test('that makes a block every minute is silent, or old, after five of them', async () => {
    for (let number = 1; number <= 3; number += 1) {
      await saw(block(number))
      nowMs += 60_000
    }
    expect(sight.readings().map(({ metric, value }) => [metric, value])).toEqual([
      ['weft_chain_head_block', 3],
      ['weft_chain_head_age_seconds', 60],
      ['weft_chain_looked_seconds', 60],
      ['weft_chain_block_seconds', 60],
    ])
    nowMs += 240_000
    expect(reasons()).toEqual([])
    nowMs += 1
    expect(reasons()).toEqual(['anchor_silent'])
    await saw(block(4, 200))
    expect(reasons()).toEqual([])
  })

  test('of which an endpoint said once that it goes on far ahead is in order all the same, a minute later', async () => {
    await saw(block(7))
    await saw(block(1_000_000))
    nowMs += 130_000
    expect(reasons()).toEqual(['anchor_silent'])
    // Read while the chain is followed from far back: it says nothing of its end.
    await saw(block(8, 129))
    expect(sight.head()?.number).toBe(1_000_000)
    await saw(block(17))
    expect([sight.head()?.number, reasons()]).toEqual([17, []])
    expect(sight.readings().map(({ metric }) => metric)).not.toContain('weft_chain_block_seconds')
  })

  test('whose newest block is old, or from the future, is behind or shows that the clock is', async () => {
    await saw(block(7, 121))
    expect(reasons()).toEqual(['anchor_old'])
    await saw(block(8, -31))
    expect(reasons()).toEqual(['clock_behind'])
    expect(sight.readings()[1]).toMatchObject({ metric: 'weft_chain_head_age_seconds', value: -31 })
  })

  test('is unreachable when the last question was not answered, and none for ten seconds; each request is counted', () => {
    const endpoint = 'http://a'
    sight.onUse({ endpoint, outcome: 'ok', tookMs: 250 })
    sight.onUse({ endpoint, lagBlocks: 3 })
    nowMs += 9_000
    sight.onUse({ endpoint, outcome: 'busy' })
    expect(reasons()).toEqual([])
    nowMs += 2_000
    expect(reasons()).toEqual(['anchor_unreachable'])
    sight.onUse({ endpoint: 'http://b', outcome: 'ok', tookMs: 250 })
    expect(reasons()).toEqual([])
    expect(recorder.read().map(({ labels, value }) => [...Object.values(labels), value].join(' '))).toEqual([
      'anchor http://a ok 1',
      'anchor http://a busy 1',
      'anchor http://b ok 1',
      'anchor http://a 0.25',
      'anchor http://b 0.25',
      'anchor http://a 3',
    ])
  })
})

test('a chain in whose place another one has come is not unreachable: it is exchanged, until it answers again', () => {
  for (const name of ['anchor', 'source'] as const) {
    const seen = createChainSight(name, { recorder, nowMs: () => nowMs })
    seen.onUse({ endpoint: 'http://a', outcome: 'ok', tookMs: 1 })
    nowMs += 10_001
    seen.onUse({ endpoint: 'http://a', outcome: 'unreachable' })
    seen.onUse({ endpoint: 'http://a', outcome: 'wrong_chain' })
    expect(seen.unready()).toEqual([{ reason: `${name}_exchanged` }])
    seen.onUse({ endpoint: 'http://a', outcome: 'ok', tookMs: 1 })
    expect(seen.unready()).toEqual([])
  }
})

test('a source chain that nobody has asked for a while is no reason: it is read when an epoch comes', async () => {
  const source = createChainSight('source', { recorder, nowMs: () => nowMs })
  const seven = block(7)
  const chain = source.source({
    head: async () => seven,
    block: async (number: number) => (number === 9 ? block(9) : undefined),
  } as never)
  await chain.head()
  expect([await chain.block(9 as BlockNumber), await chain.block(10 as BlockNumber)]).toEqual([block(9), undefined])
  expect(source.head()?.number).toBe(9)
  nowMs += 3_600_000
  await chain.head() // Of 7, which is older.
  expect(source.unready()).toEqual([])
  expect(source.readings()).toContainEqual({ metric: 'weft_chain_looked_seconds', value: 3_600, labels: { chain: 'source' } })
  source.onUse({ endpoint: 'http://a', outcome: 'unreachable' })
  expect(source.unready()).toEqual([{ reason: 'source_unreachable' }])
})

test('what another role of the process counts is seen all the same, and counted by it alone', () => {
  const sight = createChainSight('anchor', { recorder, nowMs: () => nowMs })
  sight.onUseOfAll({ endpoint: 'http://a', outcome: 'ok', tookMs: 1 })
  nowMs += 10_001
  sight.onUseOfAll({ endpoint: 'http://a', outcome: 'unreachable' })
  sight.onUseOfAll({ endpoint: 'http://a', lagBlocks: 3 })
  expect(sight.unready()).toEqual([{ reason: 'anchor_unreachable' }])
  expect(recorder.read()).toEqual([])
})
