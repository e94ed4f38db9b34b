import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, ContractNumber } from '#domain/ids.ts'
import { isLongOver } from '#domain/window.ts'
import { marketOf } from '#io/chain/fake/anchor.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { letGoOfEntries, oldestKept, overUntil, retain, type Shelf } from './retention.ts'

const epoch = (number: number): EpochId => number as EpochId
const market = marketOf({ epochManager: '0x0e', attestationWindowBlocks: 30 } as Parameters<typeof marketOf>[0])
/** Blocks after which an epoch of this market is long over. */
const LONG = 2 * 4 * 30 + 1_000

/** A chain that releases one epoch every `blocksPerEpoch` blocks, and stands at a head. */
function chainAt(world: { head: number; readonly blocksPerEpoch: number; fails?: boolean }) {
  const asked: number[] = []
  const chain = {
    market: async () => market,
    async head() {
      if (world.fails === true) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'e', method: 'm' })
      return { number: world.head as BlockNumber, contractNumber: world.head as ContractNumber, hash: '0x', parentHash: '0x', timestamp: 0 }
    },
    currentEpoch: async () => ({ epochId: epoch(Math.floor(world.head / world.blocksPerEpoch)), begin: 0, end: 0 }),
    async epochInfo(epochId: EpochId) {
      asked.push(epochId)
      const releaseBlock = epochId * world.blocksPerEpoch
      return { contractNumber: releaseBlock <= world.head ? releaseBlock : 0, timestamp: 0, end: 0 }
    },
  }
  return { chain: chain as unknown as AnchorChain, asked }
}

/** Of a role that has followed its chain up to the head. */
const atHead = (chain: AnchorChain) => async (): Promise<EpochId> => (await chain.currentEpoch()).epochId

function run(shelves: readonly Shelf[], chain: AnchorChain, store = createFakeStore(), followed = atHead(chain)) {
  const clock = createVirtualClock()
  const stopping = new AbortController()
  const seen: string[] = []
  const running = retain(
    shelves,
    { chain, followed, store, clock, random: { fraction: () => 1 }, report: (event) => seen.push(event) },
    stopping.signal,
  )
  running.catch(() => undefined)
  return { clock, store, seen, running, stop: () => stopping.abort(new Error('over')) }
}

/** A shelf with one thing per epoch; what it was asked for is noted. */
function shelfOf(epochsKept: number, epochs: number) {
  const held = Array.from({ length: epochs }, (_, index) => index + 1)
  const steps: { readonly oldest: number; readonly went: number }[] = []
  const shelf: Shelf = {
    epochsKept,
    async letGo(oldest, countMax) {
      const went = held.filter((each) => each < oldest).slice(0, countMax).length
      held.splice(0, went)
      if (went > 0) steps.push({ oldest, went })
      return went
    },
  }
  return { shelf, held, steps }
}

test('what is older than the newest epochs kept goes, in small steps, and each shelf by its own number', async () => {
  const [few, many] = [shelfOf(400, 1_000), shelfOf(900, 1_000)]
  const { clock, stop } = run([few.shelf, many.shelf], chainAt({ head: 10_000, blocksPerEpoch: 10 }).chain)
  await clock.advance(1_000)
  expect([few.held[0], many.held[0]]).toEqual([601, 101])
  expect([...few.steps, ...many.steps].every(({ went }) => went <= 64)).toBe(true)
  stop()
})

test('G6: what the chain may still decide about stays, however few epochs are to be kept', async () => {
  const world = { head: 10_000, blocksPerEpoch: 10 }
  const { shelf, held } = shelfOf(1, 1_000)
  const { clock, stop } = run([shelf], chainAt(world).chain)
  await clock.advance(1_000)
  expect(held[0]).toBeLessThanOrEqual((10_000 - LONG) / 10)
  world.head += 1_000
  await clock.advance(20_000)
  expect(held[0]).toBeGreaterThan(800)
  // All that went, and by far not all that would be over to the block.
  expect(isLongOver((((held[0] as number) - 1) * 10) as ContractNumber, world.head as ContractNumber, market)).toBe(true)
  stop()
})

test('G3, G6: of epochs that the role has not seen released nothing is believed, whatever an endpoint says of them', async () => {
  const world = { head: 10_000, blocksPerEpoch: 10 }
  const { chain } = chainAt(world)
  const { shelf, held } = shelfOf(400, 1_000)
  // Released long ago, all of them.
  const lying = { ...chain, currentEpoch: async () => ({ epochId: epoch(1_000_000) }), epochInfo: async () => ({ contractNumber: 1 }) }
  const { clock, stop, store } = run([shelf], lying as unknown as AnchorChain, undefined, atHead(chain))
  await clock.advance(1_000)
  expect(held[0]).toBe(601)
  expect(overUntil(store)).toBeLessThan(1_000)
  stop()
})

test('before anything is long over nothing goes, and it is asked again', async () => {
  const world = { head: LONG, blocksPerEpoch: 1 }
  const { shelf, held } = shelfOf(1, 2_000)
  const { clock, stop, store } = run([shelf], chainAt(world).chain)
  await clock.advance(60_000)
  expect([held[0], overUntil(store)]).toEqual([1, 0])
  stop()
})

test('what a look needs to know is asked for at once', async () => {
  const { chain } = chainAt({ head: 10, blocksPerEpoch: 1 })
  const asked: string[] = []
  const all = Promise.withResolvers<void>()
  const together =
    <Answer>(name: string, read: () => Promise<Answer>) =>
    async (): Promise<Answer> => {
      asked.push(name)
      if (asked.length === 3) all.resolve()
      // None is answered before all are asked for.
      await all.promise
      return read()
    }
  const { market: readMarket, head, currentEpoch } = chain
  Object.assign(chain, {
    market: together('market', readMarket),
    head: together('head', head),
    currentEpoch: together('currentEpoch', currentEpoch),
  })
  const { clock, stop } = run([], chain)
  await clock.advance(59_000)
  expect(asked).toEqual(Array(3).fill(['market', 'head', 'currentEpoch']).flat())
  stop()
})

test('an endpoint that fails is asked again, and nothing is let go on its silence', async () => {
  const world = { head: 10_000, blocksPerEpoch: 10, fails: true }
  const { shelf, held } = shelfOf(400, 1_000)
  const { clock, stop, seen } = run([shelf], chainAt(world).chain)
  await clock.advance(5_000)
  expect([held[0], new Set(seen)]).toEqual([1, new Set(['will_try_again'])])
  world.fails = false
  await clock.advance(10_000)
  expect(held[0]).toBe(601)
  stop()
})

test('what is long over is on disk before anything goes for it, and never becomes less', async () => {
  const world = { head: 10_000, blocksPerEpoch: 10 }
  const store = createFakeStore()
  const found: number[] = []
  const shelf: Shelf = {
    epochsKept: 1,
    async letGo() {
      found.push(overUntil(store.copy()))
      return 0
    },
  }
  const { clock, stop } = run([shelf], chainAt(world).chain, store)
  await clock.advance(100)
  const over = overUntil(store)
  expect([found, over > 0]).toEqual([[over], true])
  // An endpoint that lags.
  world.head = 9_000
  await clock.advance(20_000)
  expect(overUntil(store)).toBe(over)
  stop()
})

test('a shelf that fails ends it: its disk is ours', async () => {
  const failure = new WeftError('STORE_FAILED', { path: 'p', doing: 'd' })
  const { clock, running } = run(
    [{ epochsKept: 1, letGo: () => Promise.reject(failure) }],
    chainAt({ head: 10_000, blocksPerEpoch: 10 }).chain,
  )
  await clock.advance(100)
  await expect(running).rejects.toBe(failure)
})

describe('the oldest epoch kept', () => {
  test('G6, G10: is one of the newest, or one that is not long over, whichever comes first', () => {
    const seed = process.env.FUZZ_SEED
    fc.assert(
      fc.property(fc.nat(5_000), fc.nat(5_000), fc.integer({ min: 1, max: 2_000 }), (newest, over, epochsKept) => {
        const oldest = oldestKept(epoch(newest), epoch(over), { epochsKept })
        for (const needed of [newest - epochsKept + 1, over + 1].filter((each) => each > 0)) expect(oldest).toBeLessThanOrEqual(needed)
        if (oldest > 0) expect([newest - epochsKept + 1, over + 1]).toContain(oldest)
      }),
      { numRuns: 300, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    )
  })
})

/** A chain whose releases a test makes and undoes. */
function changingChain() {
  const releases: number[] = []
  let head = 1
  const chain = {
    market: async () => market,
    head: async () => ({ number: head, contractNumber: head, hash: '0x', parentHash: '0x', timestamp: 0 }),
    currentEpoch: async () => ({ epochId: releases.length, begin: 0, end: 0 }),
    epochInfo: async (epochId: number) => ({ contractNumber: releases[epochId - 1] ?? 0, timestamp: 0, end: 0 }),
  }
  return {
    chain: chain as unknown as AnchorChain,
    newest: () => epoch(releases.length),
    mine(blocks: number) {
      head += blocks
    },
    release(blocksBefore: number) {
      head += blocksBefore
      releases.push(head)
    },
    /** Other blocks take the place of the newest, without the releases in them. */
    reorganise(depth: number) {
      while (releases.length > 0 && (releases.at(-1) as number) > head - depth) releases.pop()
      head += 1
    },
    isNeeded: (epochId: number, epochsKept: number) => {
      const release = releases[epochId - 1]
      const isOver = release !== undefined && isLongOver(release as ContractNumber, head as ContractNumber, market)
      return epochId > releases.length - epochsKept || !isOver
    },
  }
}

test('G3, G6, G10: nothing that any epoch needs goes, whatever is released, reorganised and said again', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('release' as const), epochs: fc.integer({ min: 1, max: 60 }), blocks: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ kind: fc.constant('mine' as const), blocks: fc.integer({ min: 1, max: 900 }) }),
    fc.record({ kind: fc.constant('reorganise' as const), depth: fc.integer({ min: 1, max: 64 }) }),
    fc.record({ kind: fc.constant('say' as const), what: fc.integer({ min: 1, max: 6 }) }),
  )
  const seed = process.env.FUZZ_SEED
  let went = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), fc.integer({ min: 1, max: 150 }), async (steps, epochsKept) => {
      const world = changingChain()
      const node = createFakeIpfsNetwork().node('own')
      /** What was said, under its CID, with the epochs that need it. */
      const said = new Map<Cid, Set<number>>()
      const { clock, stop } = run([{ epochsKept, letGo: node.letGo }], world.chain)
      for (const one of steps) {
        if (one.kind === 'mine') world.mine(one.blocks)
        if (one.kind === 'reorganise') world.reorganise(one.depth)
        if (one.kind === 'release') for (let count = 0; count < one.epochs; count += 1) world.release(one.blocks)
        if (one.kind === 'say' && world.newest() > 0) {
          const cid = await node.add(new TextEncoder().encode(`says ${one.what}`), world.newest())
          said.set(cid, (said.get(cid) ?? new Set()).add(world.newest()))
        }
        await clock.advance(20_000)
        for (const [cid, epochs] of said) {
          const isHere = await node.has(cid)
          if ([...epochs].some((epochId) => world.isNeeded(epochId, epochsKept))) expect(isHere).toBe(true)
          if (!isHere) {
            went += 1
            said.delete(cid)
          }
        }
      }
      stop()
    }),
    { numRuns: 100, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  )
  // Or it would say nothing.
  expect(went).toBeGreaterThan(0)
})

test('V8: of entries of several kinds no more go at once than asked for, those of the first kind first, and none that is kept', async () => {
  const store = createFakeStore()
  await store.commit(['a/1', 'a/2', 'a/9', 'b/1', 'b/2', 'b/9'].map((key) => ({ key, value: new Uint8Array(1) })))
  const kinds = ['a/', 'b/'].map((prefix) => ({ prefix, end: `${prefix}5` }))
  const left = () => store.scan('').map(({ key }) => key)
  expect([await letGoOfEntries(kinds, 3, store), left()]).toEqual([3, ['a/9', 'b/2', 'b/9']])
  expect([await letGoOfEntries(kinds, 3, store), left()]).toEqual([1, ['a/9', 'b/9']])
  expect(await letGoOfEntries(kinds, 3, store)).toBe(0)
})
