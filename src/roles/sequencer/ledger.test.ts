import { describe, expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, ContractNumber } from '#domain/ids.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { batchFile } from '#wire/batch-file.ts'
import type { FreshBatch } from './seal/batch.ts'
import { toBytes } from './bytes.ts'
import { createLedger, type EpochChange, type Ledger } from './ledger.ts'

const epochOf = (number: number) => number as EpochId
const release = (number: number) => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0x${number}` as Hash,
  timestamp: number,
})
/** The steps of an epoch that ends without anything anchored. */
const ENDING: EpochChange[] = [{ state: 'closed' }, { state: 'ended', reason: 'no_submissions' }]

async function run(ledger: Ledger, epochId: number, changes: readonly EpochChange[]): Promise<void> {
  for (const change of changes) await ledger.change(epochOf(epochId), change)
}

function openLedger(options: { readonly store?: FakeStore; readonly epochsKept?: number } = {}) {
  const store = options.store ?? createFakeStore()
  return { store, ledger: createLedger({ epochsKept: options.epochsKept ?? 3 }, { store }) }
}

const onDisk = (store: FakeStore) => store.scan('epoch/').map(({ key }) => Number(key.slice('epoch/'.length)))

test('S34: an epoch that an earlier version has written down counts from the number of its block', async () => {
  const { store, ledger } = openLedger()
  await ledger.release(epochOf(1), release(100))
  const [{ key } = { key: '' }] = store.scan('epoch/')
  const { contractNumber: _, ...before } = release(100)
  await store.commit([{ key, value: toBytes({ ...ledger.get(epochOf(1)), release: before }) }])
  expect(openLedger({ store }).ledger.get(epochOf(1))?.release).toEqual(release(100))
})

describe('G9, S8: the block to follow from', () => {
  test('is the release of the oldest unfinished epoch, whichever was saved last', async () => {
    const { ledger } = openLedger()
    expect(ledger.cursor()).toBeUndefined()
    for (const epoch of [2, 1, 3]) await ledger.release(epochOf(epoch), release(epoch * 100))
    expect(ledger.cursor()).toBe(100)
    await run(ledger, 3, ENDING)
    expect(ledger.cursor()).toBe(100)
    await run(ledger, 1, ENDING)
    await ledger.change(epochOf(2), { state: 'closed' })
    expect(ledger.cursor()).toBe(200)
  })

  test('waits for the projects of an epoch too, after the epoch itself has ended', async () => {
    const { ledger } = openLedger()
    for (const epoch of [1, 2]) await ledger.release(epochOf(epoch), release(epoch * 100))
    const pending = { ...PROJECT, state: 'pending' as const }
    await run(ledger, 1, [{ state: 'closed' }, { state: 'planned', projects: [pending] }, { state: 'anchored' }, { state: 'ended' }])
    await run(ledger, 2, [{ state: 'closed' }])
    expect(ledger.cursor()).toBe(100)
    await run(ledger, 1, [{ projects: [{ ...pending, state: 'finalized', reason: 'majority_attested' }] }])
    await run(ledger, 2, [{ accepted: 0 }])
    expect(ledger.cursor()).toBe(200)
  })

  test('is written with the change that moves it, in one commit', async () => {
    const { ledger, store } = openLedger()
    await ledger.release(epochOf(1), release(100))
    const moving = Promise.all([ledger.release(epochOf(2), release(200)), run(ledger, 1, ENDING)])
    const cut = store.crash()
    expect(openLedger({ store: cut }).ledger.cursor()).toBe(100)
    void moving
  })
})

const PROJECT = {
  projectId: 'pairs:1:TEST' as ProjectId,
  reason: undefined,
  snapshotCid: undefined,
  batchCid: undefined,
  votes: 1,
  total: 1,
  isTie: false,
}

describe('S4: a record', () => {
  test('takes only the steps of an epoch’s life', async () => {
    const { ledger } = openLedger()
    await ledger.release(epochOf(1), release(100))
    await expect(ledger.change(epochOf(1), { state: 'anchored' })).rejects.toMatchObject({ code: 'STATE_TRANSITION' })
    await run(ledger, 1, ENDING)
    await expect(ledger.change(epochOf(1), { state: 'missed' })).rejects.toMatchObject({ code: 'STATE_TRANSITION' })
    expect(ledger.get(epochOf(1))).toMatchObject({ state: 'ended', reason: 'no_submissions' })
  })

  test('is durable when a change resolves, and known at once', async () => {
    const { ledger, store } = openLedger()
    await ledger.release(epochOf(1), release(100))
    const changing = ledger.change(epochOf(1), { state: 'closed' })
    expect(ledger.get(epochOf(1))?.state).toBe('closed')
    await changing
    expect(openLedger({ store: store.crash() }).ledger.get(epochOf(1))?.state).toBe('closed')
  })

  test('further on is left alone by a release seen again; a void one starts anew', async () => {
    const { ledger } = openLedger()
    await ledger.release(epochOf(1), release(100))
    await run(ledger, 1, [{ state: 'closed', accepted: 7 }])
    await ledger.release(epochOf(1), release(101))
    expect(ledger.get(epochOf(1))).toMatchObject({ state: 'closed', accepted: 7, release: { number: 100 } })
    await ledger.release(epochOf(2), release(110))
    await run(ledger, 2, [{ state: 'void', reason: 'release_undone', accepted: 3 }])
    await ledger.release(epochOf(2), release(120))
    expect(ledger.get(epochOf(2))).toMatchObject({ state: 'released', reason: undefined, accepted: 0, release: { number: 120 } })
  })
})

describe('S8: what was released', () => {
  test('is every epoch up to the newest seen, less those undone, also for the next process', async () => {
    const { ledger, store } = openLedger()
    for (const epoch of [3, 4, 5]) await ledger.release(epochOf(epoch), release(epoch * 100))
    await run(ledger, 5, [{ state: 'void', reason: 'release_undone' }])
    const known = (each: Ledger) => [1, 2, 3, 4, 5, 6].map((epoch) => each.isReleased(epochOf(epoch)))
    const expected = [true, true, true, true, false, false]
    expect(known(ledger)).toEqual(expected)
    expect(known(openLedger({ store: store.crash() }).ledger)).toEqual(expected)
    expect([...ledger.unfinished()].map(({ epochId }) => epochId)).toEqual([3, 4])
  })

  test('is known again once an undone epoch is released again', async () => {
    const { ledger } = openLedger()
    await ledger.release(epochOf(1), release(100))
    await run(ledger, 1, [{ state: 'void', reason: 'release_undone' }])
    await ledger.release(epochOf(1), release(110))
    expect(ledger.isReleased(epochOf(1))).toBe(true)
    await run(ledger, 1, ENDING)
    expect(ledger.isReleased(epochOf(1))).toBe(true)
  })

  test('in a block or later is found in order, the block itself included', async () => {
    const { ledger } = openLedger({ epochsKept: 9 })
    for (let epoch = 1; epoch <= 5; epoch += 1) await ledger.release(epochOf(epoch), release(epoch * 100))
    await run(ledger, 4, ENDING)
    const from = (block: number) => ledger.releasedSince(({ number }) => number >= block).map(({ epochId }) => epochId)
    expect([from(300), from(301), from(0), from(501)]).toEqual([[3, 4, 5], [4, 5], [1, 2, 3, 4, 5], []])
  })

  test('is all found after a restart, however many epochs there are', async () => {
    const { ledger, store } = openLedger({ epochsKept: 99 })
    for (let epoch = 1; epoch <= 40; epoch += 1) await ledger.release(epochOf(epoch), release(epoch * 10))
    for (let epoch = 1; epoch <= 40; epoch += 2) await run(ledger, epoch, ENDING)
    const again = openLedger({ store: store.crash() }).ledger
    expect([...again.unfinished()].map(({ epochId }) => epochId)).toEqual(Array.from({ length: 20 }, (_, index) => 2 * index + 2))
    expect(again.releasedSince(() => true)).toHaveLength(40)
  })
})

describe('finished epochs', () => {
  test('that are too old go with everything of theirs, and nothing of others', async () => {
    const { ledger, store } = openLedger({ epochsKept: 1 })
    const kinds = ['vote', 'evidence', 'plan', 'plan-file']
    for (const epoch of [1, 10, 11]) {
      await ledger.release(epochOf(epoch), release(epoch * 100))
      const padded = String(epoch).padStart(16, '0')
      await store.commit(kinds.map((kind) => ({ key: `${kind}/${padded} 000001`, value: new Uint8Array(1) })))
      await run(ledger, epoch, ENDING)
    }
    for (const kind of [...kinds, 'epoch']) expect(store.scan(`${kind}/`).map(({ key }) => key)).toHaveLength(1)
    expect([onDisk(store), ledger.get(epochOf(1)), ledger.isReleased(epochOf(1))]).toEqual([[11], undefined, true])
  })

  test('are kept by their number, not by when they finished; unfinished ones always', async () => {
    const { ledger, store } = openLedger({ epochsKept: 2 })
    for (let epoch = 1; epoch <= 5; epoch += 1) await ledger.release(epochOf(epoch), release(epoch * 100))
    for (const epoch of [3, 2, 4]) await run(ledger, epoch, ENDING)
    expect(onDisk(store)).toEqual([1, 3, 4, 5])
    await run(ledger, 1, ENDING)
    expect([onDisk(store), ledger.get(epochOf(1))]).toEqual([[3, 4, 5], undefined])
  })

  test('of an earlier process are counted too, and go when fewer are to be kept', async () => {
    const { ledger, store } = openLedger({ epochsKept: 5 })
    for (let epoch = 1; epoch <= 6; epoch += 1) await ledger.release(epochOf(epoch), release(epoch * 100))
    for (let epoch = 1; epoch <= 5; epoch += 1) await run(ledger, epoch, ENDING)
    const again = openLedger({ store: store.crash(), epochsKept: 2 })
    await run(again.ledger, 6, ENDING)
    expect(onDisk(again.store)).toEqual([5, 6])
  })

  test('G12: go one epoch per commit, however many keys it has', async () => {
    const { ledger, store } = openLedger({ epochsKept: 5 })
    for (let epoch = 1; epoch <= 4; epoch += 1) await ledger.release(epochOf(epoch), release(epoch * 100))
    for (let epoch = 1; epoch <= 3; epoch += 1) await run(ledger, epoch, ENDING)
    const votes = Array.from({ length: 200_000 }, (_, index) => ({ key: `vote/0000000000000001 ${index}`, value: new Uint8Array() }))
    await store.commit(votes)
    const removals: number[][] = []
    const counting: FakeStore = {
      ...store,
      commit(writes) {
        const gone = writes.filter(({ key, value }) => key.startsWith('epoch/') && value === undefined)
        removals.push(gone.map(({ key }) => Number(key.slice('epoch/'.length))))
        return store.commit(writes)
      },
    }
    const again = openLedger({ store: counting, epochsKept: 1 })
    await run(again.ledger, 4, ENDING)
    expect(removals.filter((epochs) => epochs.length > 0)).toEqual([[1], [2], [3]])
    expect([onDisk(store), store.scan('vote/')]).toEqual([[4], []])
  })

  test('S13, G12: go in pages, the record last: after a crash on the way the rest goes too', async () => {
    const { ledger, store } = openLedger({ epochsKept: 1 })
    for (const epoch of [1, 2, 3]) await ledger.release(epochOf(epoch), release(epoch * 100))
    await run(ledger, 1, ENDING)
    await store.commit(Array.from({ length: 12_000 }, (_, index) => ({ key: `vote/0000000000000001 ${index}`, value: new Uint8Array() })))
    const pages: number[] = []
    const cut: { disk?: FakeStore } = {}
    const counting: FakeStore = {
      ...store,
      async commit(writes) {
        const removed = writes.filter(({ value }) => value === undefined).length
        if (removed > 0) pages.push(removed)
        await store.commit(writes)
        if (pages.length === 2) cut.disk ??= store.copy()
      },
    }
    await run(openLedger({ store: counting, epochsKept: 1 }).ledger, 2, ENDING)
    expect(pages).toEqual([5_000, 5_000, 2_000, 1])
    const left = cut.disk as FakeStore
    expect([onDisk(left).includes(1), left.scan('vote/').length]).toEqual([true, 2_000])
    await run(openLedger({ store: left, epochsKept: 1 }).ledger, 3, ENDING)
    expect([onDisk(left), left.scan('vote/')]).toEqual([[3], []])
  })

  test('are not removed before the record that makes them too many is durable', async () => {
    const { ledger, store } = openLedger({ epochsKept: 1 })
    for (const epoch of [1, 2]) await ledger.release(epochOf(epoch), release(epoch * 100))
    await run(ledger, 1, ENDING)
    await ledger.change(epochOf(2), { state: 'closed' })
    const ending = ledger.change(epochOf(2), { state: 'ended', reason: 'no_submissions' })
    expect(onDisk(store)).toEqual([1, 2])
    await ending
    expect(onDisk(store)).toEqual([2])
  })

  test('do not include one that was void and is released again', async () => {
    const { ledger, store } = openLedger({ epochsKept: 1 })
    await ledger.release(epochOf(1), release(100))
    await run(ledger, 1, [{ state: 'void', reason: 'release_undone' }])
    await ledger.release(epochOf(1), release(110))
    await ledger.release(epochOf(2), release(200))
    await run(ledger, 2, ENDING)
    expect(onDisk(store)).toEqual([1, 2])
  })

  test.each(['json', 'dag-cbor'] as const)('S4: a plan comes back as it was, its files as %s too, in order', async (form) => {
    const fresh = await Promise.all(
      [0, 1].map(async (index): Promise<FreshBatch> => {
        const content = { submissions: [], submissionsRoot: `root ${index}`, projectIds: [], snapshotCids: [] }
        return { index, ...(await batchFile(content, form)), projectIds: [], snapshotCids: [], rootHash: '0x' as Hash }
      }),
    )
    const { ledger, store } = openLedger()
    await ledger.release(epochOf(1), release(100))
    await ledger.change(epochOf(1), { state: 'closed' })
    await ledger.change(epochOf(1), { state: 'planned' }, await ledger.planWrites(epochOf(1), fresh))
    const again = openLedger({ store: store.crash() }).ledger
    expect(again.plans(epochOf(1))).toEqual(fresh.map(({ compact: _, ...planned }) => planned))
    expect(again.plans(epochOf(2))).toEqual([])
  })

  test('S4, S20: files of a large plan are on disk ahead of it, some at a time, and no plan without it', async () => {
    const { ledger, store } = openLedger()
    const large = [0, 1, 2].map((index): FreshBatch => {
      const compact = new Uint8Array(1024 * 1024).fill(index)
      return { index, batchCid: 'bafyrei' as Cid, compact, file: compact, projectIds: [], snapshotCids: [], rootHash: '0x' as Hash }
    })
    const writes = await ledger.planWrites(epochOf(1), large)
    const crashed = store.crash()
    const filesIn = (keys: readonly { readonly key: string }[]) => keys.filter(({ key }) => key.startsWith('plan-file/')).length
    expect([filesIn(crashed.scan('')), filesIn(writes)]).toEqual([2, 1])
    expect(openLedger({ store: crashed }).ledger.plans(epochOf(1))).toEqual([])
  })
})

test('the newest epoch is the highest that was seen released, also after a restart', async () => {
  const { ledger, store } = openLedger()
  expect(ledger.newest()).toBe(0)
  for (const epoch of [2, 3, 1]) await ledger.release(epochOf(epoch), release(epoch * 100))
  expect([ledger.newest(), openLedger({ store }).ledger.newest()]).toEqual([3, 3])
})
