import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber } from '#domain/ids.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import type { FakeSourceChain } from '#io/chain/fake/source.ts'
import type { BlockRef, HeadTag, SourceChain } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { FakeStore } from '#io/store/fake.ts'
import { ripeUpTo, watch } from './watch.ts'

const OPTIONS = { epochSize: 10, headOffset: 5, headTag: 'latest', pollMs: 1_000 } as const
const NEVER = new AbortController().signal
const at = (number: number) => number as BlockNumber

function open(options: { readonly blocks: number; readonly store?: FakeStore; readonly source?: (real: FakeSourceChain) => SourceChain }) {
  const clock = createVirtualClock({ startMs: 0 })
  const real = createFakeSourceChain({ blocks: options.blocks })
  const source = options.source?.(real) ?? real
  const store = options.store ?? createFakeStore()
  const log: string[] = []
  const report = (event: string, facts: object) => void log.push(`${event} ${JSON.stringify(facts)}`)
  const watching = (begin: number, signal = NEVER) => watch(at(begin), OPTIONS, { source, store, clock, report }, signal)
  const run = <Value>(work: Promise<Value>) => clock.runUntil(work, { limitMs: 60_000 })
  return { clock, source: real, store, log, watching, run }
}

test('E2: a block is ripe when it lies the offset below the head and the chain calls it safe, whichever is later', async () => {
  const source = createFakeSourceChain({ blocks: 100, depthOf: { safe: 20, finalized: 60 } })
  const upTo = (headOffset: number, headTag: HeadTag) => ripeUpTo({ headOffset, headTag }, source)
  expect(await Promise.all([upTo(5, 'latest'), upTo(5, 'safe'), upTo(30, 'safe'), upTo(30, 'finalized')])).toEqual([94, 79, 69, 39])
})

const hashAt = async (source: SourceChain, number: number) => (await source.block(at(number)))?.hash

describe('a range of source blocks', () => {
  test('E2: is not ripe while its end lies one block less than the offset below the head', async () => {
    // Blocks 0 to 113: the end 109 lies 4 below.
    const { clock, source, watching, run } = open({ blocks: 114 })
    let isRipe = false
    const ripe = watching(100).finally(() => {
      isRipe = true
    })
    await clock.advance(30_000)
    expect(isRipe).toBe(false)
    source.mine()
    expect(await run(ripe)).toEqual({
      begin: 100,
      end: 109,
      parentHash: await hashAt(source, 99),
      endHash: await hashAt(source, 109),
    })
  })

  test.each([
    ['in its midst', 105],
    ['at its end', 109],
    ['right behind its begin', 101],
  ])('E2: that is no chain %s is read again until it is one', async (_where, broken) => {
    let isRewriting = true
    const { clock, source, watching, run } = open({
      blocks: 130,
      source: (real) => ({
        ...real,
        // Between two requests the chain was rewritten: the parent of this block is not the one that was given before it.
        async block(number) {
          const block = (await real.block(number)) as BlockRef
          return number === broken && isRewriting ? { ...block, parentHash: `0x${'00'.repeat(32)}` as never } : block
        },
      }),
    })
    let isRipe = false
    const ripe = watching(100).finally(() => {
      isRipe = true
    })
    await clock.advance(5_000)
    expect(isRipe).toBe(false)
    isRewriting = false
    expect(await run(ripe)).toMatchObject({ endHash: await hashAt(source, 109) })
  })

  test.each([100, 109])('E2: whose block %i the node does not serve is read again', async (hidden) => {
    let isHidden = true
    const { clock, watching, run } = open({
      blocks: 130,
      source: (real) => ({ ...real, block: async (number) => (isHidden && number === hidden ? undefined : real.block(number)) }),
    })
    let isRipe = false
    const ripe = watching(100).finally(() => {
      isRipe = true
    })
    await clock.advance(5_000)
    expect(isRipe).toBe(false)
    isHidden = false
    expect(await run(ripe)).toMatchObject({ begin: 100 })
  })

  test('E2: whose parent is no longer the end of the range before is reported and released all the same', async () => {
    const { source, log, watching, run } = open({ blocks: 115 })
    await run(watching(100))
    const released = await hashAt(source, 109)
    source.reorg(7)
    source.mine(10)
    expect(await run(watching(110))).toMatchObject({ begin: 110, end: 119 })
    const facts = { block: 109, releasedHash: released, hash: await hashAt(source, 109) }
    expect(log).toEqual([`source_rewritten ${JSON.stringify(facts)}`])
  })

  test('E2: that changed before it was released is reported when its parent did, and else taken as it is now', async () => {
    const { source, log, watching, run } = open({ blocks: 120 })
    const before = await run(watching(100))
    source.reorg(15)
    const after = await run(watching(100))
    expect([after.endHash === before.endHash, after.parentHash === before.parentHash, log]).toEqual([false, true, []])
    source.reorg(21)
    await run(watching(100))
    expect(log.map((line) => line.split(' ')[0])).toEqual(['source_rewritten'])
  })

  test('E2: behind one that was never looked at is compared with nothing', async () => {
    const { log, watching, run } = open({ blocks: 150 })
    await run(watching(100))
    // Somebody else released what lies between.
    await run(watching(120))
    expect(log).toEqual([])
  })

  test('E2: is written down, durably, before it is handed on', async () => {
    const store = createFakeStore()
    const { source, watching, run } = open({ blocks: 115, store })
    await run(watching(100))
    const again = open({ blocks: 130, store: store.crash() })
    await again.run(again.watching(110))
    // The chain of this process is the same; the end that was written down is its parent.
    expect(again.log).toEqual([])
    expect(await hashAt(again.source, 109)).toBe(await hashAt(source, 109))
    const other = open({ blocks: 130, store: createFakeStore() })
    other.source.reorg(25)
    await other.run(other.watching(100))
    const rewritten = open({ blocks: 130, store: other.store.crash() })
    await rewritten.run(rewritten.watching(110))
    expect(rewritten.log.map((line) => line.split(' ')[0])).toEqual(['source_rewritten'])
  })

  test('E5: on a disk that fails is not handed on', async () => {
    const failure = new WeftError('STORE_FAILED', { path: 'p', doing: 'd' })
    const store: FakeStore = { ...createFakeStore(), commit: () => Promise.reject(failure) }
    const { watching, run } = open({ blocks: 130, store })
    await expect(run(watching(100))).rejects.toBe(failure)
  })

  test('waits no longer than its signal', async () => {
    const { clock, watching, run } = open({ blocks: 50 })
    const stop = new AbortController()
    const waiting = watching(100, stop.signal)
    await clock.advance(2_500)
    stop.abort(new Error('stopping'))
    await expect(run(waiting)).rejects.toThrow('stopping')
    expect(clock.nowMs()).toBe(2_500)
    await expect(run(watching(0, AbortSignal.abort(new Error('stopped'))))).rejects.toThrow('stopped')
  })
})
