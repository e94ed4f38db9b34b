import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Hash, ContractNumber } from '#domain/ids.ts'
import type { BlockRef, ChainStep } from '#io/chain/port.ts'
import { followBlocks } from './follow.ts'
import type { BlockSource } from './follow.ts'

const DEPTH_MAX = 6
const unreachable = () => new WeftError('CHAIN_UNREACHABLE', { endpoint: 'test', method: 'any' })

/** A chain that grows, is rewritten, lags and fails as told. */
function createSource(blocks: number) {
  const chain: BlockRef[] = []
  let made = 0
  let failing = 0
  let lag = 0
  const grow = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      made += 1
      const hash = `0x${made.toString(16).padStart(64, '0')}` as Hash
      chain.push({
        number: chain.length as BlockNumber,
        contractNumber: chain.length as ContractNumber,
        hash,
        parentHash: chain.at(-1)?.hash ?? ('0x' as Hash),
        timestamp: 0,
      })
    }
  }
  let requests = 0
  const assertUp = () => {
    requests += 1
    // Far above what 30 happenings take: who asks more goes round in circles.
    if (requests > 10_000) throw new Error('asked for ever')
    if (failing === 0) return
    failing -= 1
    throw unreachable()
  }
  grow(blocks)
  const source: BlockSource = {
    async head() {
      assertUp()
      return chain[Math.max(0, chain.length - 1 - lag)] as BlockRef
    },
    async block(number) {
      assertUp()
      return chain[number]
    },
    async read(from, head) {
      assertUp()
      return chain
        .slice(from, head.number + 1)
        .slice(0, 3)
        .map((block) => ({ block, events: [] }))
    },
  }
  return {
    source,
    chain,
    grow,
    rewrite(depth: number) {
      const gone = chain.splice(-Math.min(depth, chain.length - 1)).length
      grow(gone + 1)
    },
    fail(count: number) {
      failing = count
    },
    lagBehind(count: number) {
      lag = count
    },
  }
}

/** What a caller holds after obeying the steps; throws when one does not fit. */
function obey(held: BlockRef[], step: ChainStep): void {
  const tip = held.at(-1)
  if (step.kind === 'rollback') {
    const index = held.findIndex(({ hash }) => hash === step.to.hash)
    if (index < 0) throw new Error(`rolled back to block ${step.to.number}, which is not held`)
    held.splice(index + 1)
  } else if (tip !== undefined && (step.block.parentHash !== tip.hash || step.block.number !== tip.number + 1)) {
    throw new Error(`block ${step.block.number} does not follow ${tip.number}`)
  } else {
    held.push(step.block)
  }
}

const happening = fc.oneof(
  fc.record({ what: fc.constant('grow' as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ what: fc.constant('rewrite' as const), count: fc.integer({ min: 1, max: DEPTH_MAX }) }),
  fc.record({ what: fc.constant('fail' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ what: fc.constant('lag' as const), count: fc.integer({ min: 0, max: 3 }) }),
)

describe('follow', () => {
  test('whatever happens to the chain, the caller ends with exactly its blocks', async () => {
    const seed = process.env.FUZZ_SEED
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 30 }), fc.integer({ min: 0, max: 12 }), async (script, from) => {
        const world = createSource(12)
        const stop = new AbortController()
        const held: BlockRef[] = []
        const left = [...script]
        // Each pause is a moment at which the next thing happens; at the end the chain stands still until the caller has caught up.
        const pause = async () => {
          const next = left.shift()
          if (next === undefined) world.lagBehind(0)
          if (next?.what === 'grow') world.grow(next.count)
          if (next?.what === 'rewrite') world.rewrite(next.count)
          if (next?.what === 'fail') world.fail(next.count)
          if (next?.what === 'lag') world.lagBehind(next.count)
          if (next === undefined && held.at(-1)?.hash === world.chain.at(-1)?.hash) stop.abort()
          if (next === undefined && world.chain.length <= from) world.grow(1)
        }
        for await (const step of followBlocks(world.source, {
          from: from as BlockNumber,
          known: [],
          signal: stop.signal,
          reorgDepthMax: DEPTH_MAX,
          pause,
        })) {
          if (step.kind === 'rollback' && step.to.number === from - 1) held.splice(0)
          else obey(held, step)
        }
        expect(held).toEqual(world.chain.slice(from))
      }),
      { numRuns: 300, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    )
  })

  test('failures are reported and waited out with growing attempts', async () => {
    const world = createSource(3)
    world.fail(3)
    const attempts: number[] = []
    const told: string[] = []
    const stop = new AbortController()
    const pause = async (attempt: number) => {
      attempts.push(attempt)
      if (attempt === 0) stop.abort()
    }
    const steps: ChainStep[] = []
    const options = {
      from: 1 as BlockNumber,
      known: [],
      signal: stop.signal,
      reorgDepthMax: DEPTH_MAX,
      pause,
      onTrouble: (failure: WeftError) => told.push(failure.code),
    }
    for await (const step of followBlocks(world.source, options)) steps.push(step)
    expect([attempts, told, steps.length]).toEqual([[1, 2, 3, 0], ['CHAIN_UNREACHABLE', 'CHAIN_UNREACHABLE', 'CHAIN_UNREACHABLE'], 2])
  })

  test('up to the head it waits for another one, and does not ask for what it is told; behind it, and after failures, it waits for none', async () => {
    const world = createSource(3)
    const stop = new AbortController()
    const happened: string[] = []
    const source: BlockSource = {
      ...world.source,
      head() {
        happened.push('asks')
        return world.source.head()
      },
    }
    const headAfter = async (head: BlockRef) => {
      happened.push(`waits after ${head.number}`)
      if (head.number === 2) world.grow(5)
      if (head.number === 7) {
        world.fail(1)
        return undefined
      }
      if (world.chain.length === 9) stop.abort()
      return world.chain.at(-1)
    }
    const pause = async () => {
      happened.push('pauses')
      world.grow(1)
    }
    const options = { from: 0 as BlockNumber, known: [], signal: stop.signal, reorgDepthMax: DEPTH_MAX, pause, headAfter }
    for await (const step of followBlocks(source, options)) happened.push(step.kind === 'block' ? String(step.block.number) : 'back')
    const uptoHead = ['asks', '0', '1', '2', 'waits after 2', '3', '4', '5', 'asks', '6', '7', 'waits after 7']
    expect(happened).toEqual([...uptoHead, 'asks', 'pauses', 'asks', '8', 'waits after 8'])
  })

  test('a failure that will not pass is thrown', async () => {
    const source: BlockSource = {
      ...createSource(3).source,
      head: () => Promise.reject(new WeftError('CHAIN_WRONG', { endpoint: 'x', expectedChainId: 1, gotChainId: 2 })),
    }
    const following = followBlocks(source, {
      from: 1 as BlockNumber,
      known: [],
      signal: new AbortController().signal,
      reorgDepthMax: DEPTH_MAX,
      pause: async () => undefined,
    })
    await expect(following.next()).rejects.toMatchObject({ code: 'CHAIN_WRONG' })
  })

  test('a node that hangs does not keep it from ending', async () => {
    const stop = new AbortController()
    const source: BlockSource = { ...createSource(3).source, head: () => new Promise(() => undefined) }
    const next = followBlocks(source, {
      from: 1 as BlockNumber,
      known: [],
      signal: stop.signal,
      reorgDepthMax: DEPTH_MAX,
      pause: async () => undefined,
    }).next()
    queueMicrotask(() => stop.abort())
    expect(await next).toEqual({ done: true, value: undefined })
  })
})
