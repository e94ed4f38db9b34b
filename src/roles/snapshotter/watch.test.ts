import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber, EpochId, SlotId, ContractNumber } from '#domain/ids.ts'
import { createFakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { sameTerms } from './plan.ts'
import { openRecords } from './records.ts'
import { termsWith } from './snapshotter.test-world.ts'
import { createWatch, type Watch } from './watch.ts'

const manager = `0x${'e0'.repeat(20)}` as Address
const WINDOW = 5
const WINDOWS = { batchWindowBlocks: 20, attestationWindowBlocks: 30 }

/** A chain that releases epochs, and watches over one store after the other. */
function createScene() {
  const clock = createVirtualClock()
  const market = marketOf({
    epochSize: 1,
    snapshotWindowBlocks: WINDOW,
    batchWindowBlocks: 40,
    attestationWindowBlocks: 60,
    epochManager: manager,
  })
  const chain = createFakeChain({ clock, market, signers: [manager] })
  let released = 0
  async function release(): Promise<EpochId> {
    released += 1
    const block = released as BlockNumber
    const sent = chain
      .sender({ address: manager, journal: createFakeStore() })
      .send(`release ${released}`, { kind: 'releaseEpoch', begin: block, end: block }, new AbortController().signal)
    await clock.advance(1)
    chain.mine()
    await clock.runUntil(sent, { limitMs: 10_000 })
    return released as EpochId
  }
  async function watching(store: FakeStore, given: AnchorChain = chain, onRollback = async (): Promise<void> => undefined) {
    const told: string[] = []
    const stop = new AbortController()
    const records = openRecords(store)
    const deps = { clock, random: { fraction: () => 1 }, report: () => undefined }
    const watch: Watch = await createWatch(
      {
        ...deps,
        chain: given,
        records,
        market: { snapshotWindowBlocks: WINDOW, ...WINDOWS },
        terms: sameTerms(termsWith({ preloads: [], snapshots: [], aggregates: [] })),
        headAtStart: await given.head(),
        handlers: {
          onOpen: ({ epochId }) => told.push(`open ${epochId} at ${watch.head().number}`),
          onSkipped: ({ epochId }) => told.push(`skipped ${epochId}`),
          onHead: ({ number }) => told.push(`head ${number}`),
          onUndone: (epochs) => told.push(`undone ${epochs.map(({ epochId }) => epochId)} at ${watch.head().number}`),
          onSigner: (slotId) => told.push(`signer ${slotId}`),
          onRollback() {
            told.push('rollback')
            return onRollback()
          },
        },
      },
      stop.signal,
    )
    const ended = watch.run(stop.signal)
    ended.catch(() => undefined)
    return { watch, told, records, ended, stop: () => stop.abort(new Error('stopped')) }
  }
  return { clock, chain, release, watching }
}
const epochsTold = (told: readonly string[]) => told.filter((line) => !line.startsWith('head'))

describe('N1: a first start', () => {
  test('begins with the oldest release whose window is open, however many there are', async () => {
    const { clock, chain, release, watching } = createScene()
    await release()
    chain.mine(WINDOW)
    for (let count = 0; count < 4; count += 1) await release()
    const { told } = await watching(createFakeStore())
    await clock.advance(1_000)
    expect(told).toEqual(['head 7', 'head 8', 'head 9', 'open 2 at 10', 'open 3 at 10', 'open 4 at 10', 'open 5 at 10', 'head 10'])
  })

  test('begins with the head where nothing is open, or was ever released', async () => {
    const { clock, chain, release, watching } = createScene()
    chain.mine(3)
    const { told } = await watching(createFakeStore())
    await clock.advance(1_000)
    expect(told).toEqual(['head 3'])
    await release()
    chain.mine(WINDOW + 1)
    const second = await watching(createFakeStore())
    await clock.advance(1_000)
    expect(second.told).toEqual(['head 10'])
  })

  test('takes up an epoch at the last block of its window', async () => {
    const { clock, chain, release, watching } = createScene()
    await release()
    chain.mine(WINDOW)
    const { told } = await watching(createFakeStore())
    await clock.advance(1_000)
    expect(epochsTold(told)).toEqual(['open 1 at 6'])
  })
})

describe('N1: a later start', () => {
  test('after a long absence: what was over before is skipped, what is open is opened, each once, when all blocks are taken in', async () => {
    const { clock, chain, release, watching } = createScene()
    const store = createFakeStore()
    const first = await watching(store)
    await clock.advance(1_000)
    first.stop()
    await first.ended
    await release()
    await release()
    chain.mine(WINDOW)
    await release()
    const second = await watching(store)
    await clock.runUntil(() => second.told.includes('head 8'), { limitMs: 10_000 })
    // The window of epoch 1 ended with block 6, that of epoch 2 with block 7.
    expect(epochsTold(second.told)).toEqual(['skipped 1', 'skipped 2', 'open 3 at 8'])
    expect(second.records.epochs().map(({ state }) => state)).toEqual(['skipped', 'skipped', 'open'])
    chain.mine(2)
    await clock.advance(1_000)
    expect(epochsTold(second.told)).toHaveLength(3)
  })

  test('opens again what is recorded as open, and nothing else', async () => {
    const { clock, release, watching } = createScene()
    const store = createFakeStore()
    const first = await watching(store)
    await release()
    await release()
    await clock.advance(1_000)
    const [done] = first.records.epochs()
    await first.records.saveEpoch({ ...(done as NonNullable<typeof done>), state: 'done' }, WINDOWS)
    first.stop()
    await first.ended
    const second = await watching(store)
    await clock.advance(1_000)
    expect(second.told).toEqual(['open 2 at 2'])
  })
})

describe('N7: a rollback', () => {
  test('in which two reads fail leaves no failure that nobody hears, which would end a process in another way', async () => {
    const unheard: unknown[] = []
    const hear = (failure: unknown) => void unheard.push(failure)
    process.on('unhandledRejection', hear)
    const { clock, chain, release, watching } = createScene()
    await release()
    await release()
    const failing = Promise.withResolvers<never>()
    let isAway = false
    const given: AnchorChain = { ...chain, head: () => (isAway ? failing.promise : chain.head()) }
    const { told, ended } = await watching(createFakeStore(), given, async () => failing.promise)
    await clock.advance(1_000)
    isAway = true
    chain.reorg(1, { isLosingTransactions: true })
    await clock.advance(1_000)
    expect(told).toContain('rollback')
    failing.reject(new Error('both'))
    await expect(ended).rejects.toThrow('both')
    await new Promise(setImmediate)
    process.off('unhandledRejection', hear)
    expect(unheard).toEqual([])
  })

  test('undoes the releases above the common block, on disk too, and is told in that order', async () => {
    const { clock, chain, release, watching } = createScene()
    const { told, records, watch } = await watching(createFakeStore())
    await release()
    await release()
    await clock.advance(1_000)
    told.length = 0
    chain.reorg(1, { isLosingTransactions: true })
    await clock.advance(1_000)
    expect(told).toEqual(['undone 2 at 1', 'rollback', 'head 2'])
    expect(records.epochs().map(({ state }) => state)).toEqual(['open', 'undone'])
    expect(watch.head()).toEqual(await chain.head())
  })

  test('that was not seen takes its releases from what waits to be opened, however far the chain has gone on', async () => {
    const { clock, chain, release, watching } = createScene()
    const store = createFakeStore()
    const first = await watching(store)
    await release()
    await release()
    await clock.advance(1_000)
    first.stop()
    await first.ended
    chain.reorg(1, { isLosingTransactions: true })
    chain.mine(2)
    const { told, records } = await watching(store)
    await clock.advance(1_000)
    expect(epochsTold(told)).toEqual(['undone 2 at 1', 'rollback', 'open 1 at 4'])
    expect(records.epochs().map(({ state }) => state)).toEqual(['open', 'undone'])
  })

  test('ends the work before anything can come after it on the disk', async () => {
    const { clock, chain, release, watching } = createScene()
    const store = createFakeStore()
    const toldWhenDurable: string[] = []
    const { told } = await watching({
      ...store,
      async commit(writes) {
        await store.commit(writes)
        toldWhenDurable.push(told.at(-1) ?? '')
      },
    })
    await release()
    await clock.advance(1_000)
    toldWhenDurable.length = 0
    chain.reorg(1, { isLosingTransactions: true })
    await clock.advance(1_000)
    expect(toldWhenDurable[0]).toBe('undone 1 at 0')
  })

  test('undoes an epoch once', async () => {
    const { clock, chain, release, watching } = createScene()
    const { told } = await watching(createFakeStore())
    await release()
    chain.mine(2)
    await clock.advance(1_000)
    chain.reorg(3, { isLosingTransactions: true })
    await clock.advance(1_000)
    chain.reorg(3)
    await clock.advance(1_000)
    expect(told.filter((line) => line.startsWith('undone'))).toEqual(['undone 1 at 0', 'undone  at 0'])
  })

  test('of a release that comes again in another block opens the epoch again, with the new block', async () => {
    const { clock, chain, release, watching } = createScene()
    const { told, records } = await watching(createFakeStore())
    chain.mine()
    await release()
    await clock.advance(1_000)
    chain.reorg(2)
    await clock.advance(1_000)
    expect(epochsTold(told)).toEqual(['open 1 at 2', 'undone 1 at 0', 'rollback', 'open 1 at 1'])
    expect(records.epochs()).toMatchObject([{ state: 'open', release: { number: 1 } }])
  })

  test('N9: leaves no say to whoever worked on the epoch before, be it released again', async () => {
    const { clock, chain, release, watching } = createScene()
    const { records } = await watching(createFakeStore())
    chain.mine()
    await release()
    await clock.advance(1_000)
    const [before] = records.epochs()
    chain.reorg(2)
    await clock.advance(1_000)
    expect(await records.finishEpoch(before as NonNullable<typeof before>, WINDOWS)).toBe(false)
    expect(records.epochs()).toMatchObject([{ state: 'open', rollbacks: 1 }])
  })
})

test('N8: a signer is told before an epoch that the same block releases', async () => {
  const { clock, chain, release, watching } = createScene()
  const { told } = await watching(createFakeStore())
  await clock.advance(1_000)
  chain.assignSigner(1 as SlotId, manager)
  await release()
  await clock.advance(1_000)
  expect(told).toEqual(['head 0', 'signer 1', 'open 1 at 1', 'head 1'])
})

describe('news of an epoch', () => {
  /** For the block that is so much above the first, by the numbers of contracts. */
  async function waiting(blocks: number) {
    const scene = createScene()
    const { clock, chain, watching } = scene
    const atBlock = ((await chain.head()).contractNumber + blocks) as ContractNumber
    chain.mine(2)
    const { watch } = await watching(createFakeStore())
    await clock.advance(1_000)
    const stop = new AbortController()
    let outcome = 'waiting'
    watch.news(1 as EpochId, atBlock, stop.signal).then(
      () => {
        outcome = 'told'
      },
      (failure: Error) => {
        outcome = failure.message
      },
    )
    return { ...scene, watch, stop, outcome: () => outcome }
  }

  test('is a block of that number or a later one, and no earlier one', async () => {
    const { clock, chain, outcome } = await waiting(5)
    chain.mine(2)
    await clock.advance(1_000)
    expect(outcome()).toBe('waiting')
    chain.mine(1)
    await clock.advance(1_000)
    expect(outcome()).toBe('told')
  })

  test('is an event of it, not one of another', async () => {
    const { clock, release, outcome } = await waiting(500)
    await release()
    await clock.advance(1_000)
    expect(outcome()).toBe('told')
    const other = await waiting(500)
    other.chain.assignSigner(1 as SlotId, manager)
    other.chain.mine()
    await other.clock.advance(1_000)
    expect(other.outcome()).toBe('waiting')
  })

  test('is a rollback', async () => {
    const { clock, chain, outcome } = await waiting(500)
    chain.mine()
    await clock.advance(1_000)
    expect(outcome()).toBe('waiting')
    chain.reorg(1)
    await clock.advance(1_000)
    expect(outcome()).toBe('told')
  })

  test('N14: is a snapshot of ours for it, not for another', async () => {
    const { clock, watch, outcome } = await waiting(500)
    watch.tellOwn(2 as EpochId)
    await clock.advance(1)
    expect(outcome()).toBe('waiting')
    watch.tellOwn(1 as EpochId)
    await clock.advance(1)
    expect(outcome()).toBe('told')
  })

  test('N7: ends with the signal, before or while it waits', async () => {
    const { clock, watch, stop, outcome } = await waiting(500)
    stop.abort(new Error('over'))
    await clock.advance(1)
    expect(outcome()).toBe('over')
    await expect(watch.news(1 as EpochId, 500 as ContractNumber, stop.signal)).rejects.toThrow('over')
  })
})

test('following ends with the signal, and fails when the chain cannot be followed', async () => {
  const { clock, chain, watching } = createScene()
  const first = await watching(createFakeStore())
  await clock.advance(1_000)
  first.stop()
  expect(await first.ended).toBeUndefined()
  const broken: AnchorChain = {
    ...chain,
    async *follow() {
      yield* []
      throw new Error('cannot be followed')
    },
  }
  const second = await watching(createFakeStore(), broken)
  await expect(second.ended).rejects.toThrow('cannot be followed')
})
