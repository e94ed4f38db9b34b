import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import type { CallOutcome, ProtocolSender } from '#io/chain/port.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { guardKey } from './keys.ts'
import {
  batchOf,
  CID_A,
  CID_B,
  EPOCH_1,
  honest,
  honestVotes,
  idsOf,
  judged,
  openWorld,
  P1,
  P2,
  type Running,
  storeWithCursor,
  VALIDATORS,
  type World,
} from './validator.test-world.ts'
import { traceOf } from './trace.ts'
import type { ValidatorDeps } from './validator.ts'

const encoder = new TextEncoder()

/** A second batch of the epoch, on another project. */
const second = (world: World, earlierIds: readonly string[] = []) => batchOf([world.submission(1, CID_B, P2)], [[P2, CID_B]], earlierIds)

/** A sender that answers every call with `outcome`. */
const answering = (outcome: CallOutcome): ProtocolSender => ({
  address: VALIDATORS[0],
  send: async () => outcome,
  hasSigned: () => true,
  gasMax: async () => 16_777_216,
  sendInOrder: async (intents) => intents.map(() => outcome),
})

describe('V6: every batch that was announced ends in a record with a reason', () => {
  test('V6: one whose name on chain is no CID at all, and the validator goes on', async () => {
    const world = await openWorld()
    const running = await world.start()
    const first = honest(world)
    await world.anchor(first, { batchCid: 'no CID, but gas was paid for it' as Cid })
    await world.anchor(second(world))
    expect(await judged(world, running)).toMatchObject({ state: 'withheld', reason: 'cid_malformed', root: undefined })
    expect(await judged(world, running, 2)).toMatchObject({ state: 'attested', reason: '' })
    expect(running.failure()).toBeUndefined()
    await running.stop()
  })

  test('V6: one that is larger than any batch', async () => {
    const world = await openWorld()
    const running = await world.start({
      spoil: ({ ipfs }) => ({
        ipfs: { ...ipfs, get: (cid, { bytesMax }) => Promise.reject(new WeftError('IPFS_CONTENT_TOO_LARGE', { cid, bytesMax })) },
      }),
    })
    await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'withheld', reason: 'too_large', root: undefined })
    await running.stop()
  })

  test('V6: one that the contract does not let it vote on', async () => {
    const world = await openWorld()
    const running = await world.start()
    world.chain.changeMarket({ validators: VALIDATORS.slice(1) })
    await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'withheld', reason: 'refused', root: publishedRoot([CID_A]) })
    expect(running.events).toContain('attestation_refused')
    await running.stop()
  })

  test('V2, V6: one for which another root is guarded by the time it is judged: no second root, and no end of the process', async () => {
    const world = await openWorld()
    const batch = honest(world)
    const batchCid = await snapshotCidOf(encodeBatch(batch))
    const other = publishedRoot(['what another process on this disk found'])
    const running = await world.start({
      spoil: ({ ipfs, store }) => ({
        ipfs: {
          ...ipfs,
          async get(cid, options) {
            const bytes = await ipfs.get(cid, options)
            await store.commit([{ key: guardKey(EPOCH_1, batchCid), value: encoder.encode(other) }])
            return bytes
          },
        },
      }),
    })
    await world.anchor(batch)
    expect(await judged(world, running)).toMatchObject({ state: 'withheld', reason: 'conflict', root: publishedRoot([CID_A]) })
    expect(running.events).toContain('attestation_conflict')
    expect([world.chain.transactionCount(VALIDATORS[0]), running.failure()]).toEqual([0, undefined])
    await running.stop()
  })

  test('V6: one that a reorganisation took away is the exception: nothing is written, for it may come back', async () => {
    const world = await openWorld()
    const running = await world.start({ spoil: () => ({ sender: answering({ kind: 'refused', reason: 'E26' }) }) })
    const batchCid = await world.anchor(honest(world))
    world.chain.reorg(1, { isLosingTransactions: true })
    expect(await judged(world, running)).toMatchObject({ state: 'missed', reason: 'not_on_chain', root: undefined })
    expect(running.validator.batches(EPOCH_1)).toEqual([])
    expect(await world.chain.batch(EPOCH_1, batchCid)).toBeUndefined()
    await running.stop()
  })

  test('V6: one that is gone by the time it was fetched is neither judged nor sent', async () => {
    const world = await openWorld()
    const running = await world.start()
    const batch = honest(world)
    await world.anchor(batch, { isHidden: true })
    await world.clock.advance(100)
    world.chain.reorg(1, { isLosingTransactions: true })
    await world.ipfs.node('sequencer').add(encodeBatch(batch))
    expect(await judged(world, running)).toMatchObject({ state: 'missed', reason: 'not_on_chain' })
    expect([running.validator.batches(EPOCH_1), world.chain.pendingCount()]).toEqual([[], 0])
    await running.stop()
  })

  test('V6: one of which an endpoint that is behind has not heard yet', async () => {
    const world = await openWorld()
    let asked = 0
    /** For three answers four blocks behind, where the epoch has no batch yet. */
    const behind = ({ chain }: Pick<ValidatorDeps, 'chain'>) => ({
      chain: {
        ...chain,
        async batch(...[epochId, batchCid, at]: Parameters<typeof chain.batch>) {
          asked += 1
          if (asked > 3) return chain.batch(epochId, batchCid, at)
          if (at === undefined) return undefined
          throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'test', method: 'batch', detail: `block ${at} is not there` })
        },
      },
    })
    const running = await world.start({ spoil: behind })
    await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'attested' })
    await running.stop()
  })

  test('V6: one about which the chain does not answer at first', async () => {
    const world = await openWorld()
    let asked = 0
    const running = await world.start({
      spoil: ({ chain }) => ({
        chain: {
          ...chain,
          async batch(epochId, batchCid) {
            asked += 1
            if (asked < 3) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'x', method: 'batch' })
            return chain.batch(epochId, batchCid)
          },
        },
      }),
    })
    await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'attested', reason: '' })
    expect(running.events.filter((event) => event === 'will_try_again')).toHaveLength(2)
    await running.stop()
  })

  test('V6: the record is on disk before anybody is told', async () => {
    const world = await openWorld()
    const told: unknown[] = []
    const running = await world.start({
      spoil: ({ store, onBatch }) => ({
        onBatch(record) {
          told.push((store as FakeStore).crash().get(`batch/${'0'.repeat(15)}1 ${record.batchCid}`) !== undefined)
          onBatch?.(record)
        },
      }),
    })
    await world.anchor(honest(world))
    await judged(world, running)
    expect(told).toEqual([true])
    await running.stop()
  })

  test('what it counts is what it wrote down', async () => {
    const world = await openWorld()
    const running = await world.start({ store: await storeWithCursor() })
    await world.anchor(honest(world))
    await world.anchor({ ...second(world), submissionsRoot: publishedRoot(['x']) })
    await judged(world, running, 2)
    expect(running.validator.stats()).toMatchObject({ attested: 1, divergent: 0, late: 0, withheld: 1, missed: 0 })
    const third = batchOf([world.submission(1, CID_A, 'pairs:0x03:TEST' as typeof P1)], [['pairs:0x03:TEST' as typeof P1, CID_B]])
    await world.anchor(third)
    await judged(world, running, 3)
    expect(running.validator.stats()).toMatchObject({ attested: 2, divergent: 1, late: 0, withheld: 1, missed: 0 })
    expect(running.validator.batches(EPOCH_1)).toHaveLength(3)
    await running.stop()
  })
})

describe('what is kept, in which order', () => {
  test('V4: the batch is pinned before the first signature of it is looked at', async () => {
    const world = await openWorld()
    const done: string[] = []
    const running = await world.start({
      spoil: ({ ipfs, recoverer }) => ({
        ipfs: {
          ...ipfs,
          async pin(cid) {
            await ipfs.pin(cid)
            done.push('pinned')
          },
        },
        recoverer: {
          recoverMany(signed) {
            done.push('judged')
            return recoverer.recoverMany(signed)
          },
        },
      }),
    })
    await world.anchor(honest(world))
    await judged(world, running)
    expect(done).toEqual(['pinned', 'judged'])
    await running.stop()
  })

  test('V4, V6: a batch that can be read and never pinned is not attested', async () => {
    const world = await openWorld()
    const running = await world.start({
      spoil: ({ ipfs }) => ({ ipfs: { ...ipfs, pin: (cid) => Promise.reject(new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 1 })) } }),
    })
    const batchCid = await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'missed', reason: 'not_fetched' })
    expect(await world.chain.hasAttested(EPOCH_1, batchCid, VALIDATORS[0])).toBe(false)
    await running.stop()
  })

  test('V2: evidence, then the guard, then the call, then the record, each on disk before the next', async () => {
    const world = await openWorld()
    const order: string[] = []
    const running = await world.start({
      spoil: ({ store, sender }) => ({
        store: {
          ...store,
          async commit(writes) {
            const keys = writes.map(({ key }) => key.split('/')[0]).join()
            await store.commit(writes)
            if (keys !== 'cursor' && keys !== 'guards-of') order.push(keys)
          },
        },
        sender: {
          ...sender,
          send(intentId, call, signal) {
            order.push('send')
            return sender.send(intentId, call, signal)
          },
        },
      }),
    })
    await world.anchor({ ...honest(world), snapshotCids: [CID_B] })
    await judged(world, running)
    expect(order).toEqual(['evidence', 'guard', 'send', 'batch'])
    await running.stop()
  })

  test('V6: evidence that cannot be published is kept all the same, and the batch judged', async () => {
    const world = await openWorld()
    const running = await world.start({
      spoil: ({ ipfs }) => ({
        ipfs: { ...ipfs, add: () => Promise.reject(new WeftError('IPFS_NOT_FOUND', { cid: 'x', waitedMs: 1 })) },
      }),
    })
    const batchCid = await world.anchor({ ...honest(world), snapshotCids: [CID_B] })
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: true, failureCount: 1, evidenceCid: undefined })
    expect(running.validator.evidence(EPOCH_1, batchCid)?.failures).toHaveLength(1)
    expect(running.events).toContain('evidence_not_published')
    await running.stop()
  })

  /** IPFS that takes nothing while `isAway`, and counts how often it was asked. */
  function takingLater() {
    const place = { isAway: true, asked: 0 }
    const spoil = ({ ipfs }: ValidatorDeps) => ({
      ipfs: {
        ...ipfs,
        async add(...args: Parameters<typeof ipfs.add>) {
          place.asked += 1
          if (place.isAway) throw new WeftError('IPFS_NOT_FOUND', { cid: 'x', waitedMs: 1 })
          return ipfs.add(...args)
        },
      },
    })
    return { place, spoil }
  }

  test.each(['by the same life', 'by the next life'])(
    'V22: evidence that could not be published is when IPFS is back, %s',
    async (life) => {
      const world = await openWorld()
      const { place, spoil } = takingLater()
      let running = await world.start({ spoil })
      const batchCid = await world.anchor({ ...honest(world), snapshotCids: [CID_B] })
      await judged(world, running)
      place.isAway = false
      if (life === 'by the next life') {
        await running.stop()
        running = await world.start({ spoil, store: running.store.crash() })
      }
      await world.clock.advance(60_000)
      const [record] = running.validator.batches(EPOCH_1)
      expect(record).toMatchObject({ state: 'attested', failureCount: 1 })
      const bytes = await world.ipfs.node('anybody').get(record?.evidenceCid as Cid, { bytesMax: 1e6, timeoutMs: 1 })
      expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual(running.validator.evidence(EPOCH_1, batchCid))
      expect(running.events.filter((event) => event === 'evidence_published')).toHaveLength(1)
      const asked = place.asked
      await world.clock.advance(600_000)
      expect(place.asked).toBe(asked)
      await running.stop()
    },
  )

  test('what was found is told with the CID under which it is served: a name in the log, and a file for everybody', async () => {
    const world = await openWorld()
    const told: unknown[] = []
    const running = await world.start({
      spoil: ({ report }) => ({
        report(event, facts) {
          if (event === 'batch_attested') told.push(facts['evidence'])
          report(event, facts)
        },
      }),
    })
    await world.anchor(honest(world))
    await judged(world, running)
    const other = { ...second(world, idsOf(honest(world))), snapshotCids: [CID_A] }
    const batchCid = await world.anchor(other)
    const { evidenceCid } = await judged(world, running, 2)
    expect(told).toEqual([undefined, evidenceCid])
    const bytes = await world.ipfs.node('anybody').get(evidenceCid as Cid, { bytesMax: 1e6, timeoutMs: 1 })
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual(running.validator.evidence(EPOCH_1, batchCid))
    expect(
      traceOf({ projectId: P2, epochId: EPOCH_1 }, running.store).map(({ detail }) => detail?.includes(`evidence ${evidenceCid}`)),
    ).toContain(true)
    await running.stop()
  })

  test('a disk that keeps no evidence any more ends the validator, for a person to see', async () => {
    const world = await openWorld()
    const running = await world.start({
      spoil: ({ ipfs }) => ({
        ipfs: { ...ipfs, add: () => Promise.reject(new WeftError('STORE_FAILED', { path: '/', doing: 'writing a block' })) },
      }),
    })
    await world.anchor({ ...honest(world), snapshotCids: [CID_B] })
    await world.mine(2)
    expect(running.failure()).toMatchObject({ code: 'STORE_FAILED' })
    expect(world.chain.transactionCount(VALIDATORS[0])).toBe(0)
  })
})

describe('after a crash', () => {
  const guardedStore = async (batchCid: Cid, root: string) => {
    const store = createFakeStore()
    await store.commit([{ key: guardKey(EPOCH_1, batchCid), value: encoder.encode(root) }])
    return store
  }

  test('V2: the guarded root is sent though nobody serves the batch any more, and nothing is waited for', async () => {
    const world = await openWorld()
    const batch = honest(world)
    const root = publishedRoot([CID_A])
    const store = await guardedStore(await snapshotCidOf(encodeBatch(batch)), root)
    const running = await world.start({ store })
    await world.anchor(batch, { isHidden: true })
    await world.clock.advance(11_000)
    expect(await judged(world, running, 1, 3)).toMatchObject({ state: 'attested', reason: '', root, isDivergent: false })
    await running.stop()
  })

  test('V6: what was found before it is in the record all the same, and served', async () => {
    const world = await openWorld()
    const batch = { ...honest(world), snapshotCids: [CID_B] }
    const batchCid = await snapshotCidOf(encodeBatch(batch))
    const first = await world.start()
    await world.anchor(batch)
    const before = await judged(world, first)
    await first.stop()
    const store = createFakeStore()
    await store.commit(first.store.scan('').filter(({ key }) => /^(evidence|guard)\//.test(key)))
    const published: Cid[] = []
    const again = await world.start({
      store,
      spoil: ({ ipfs }) => ({
        ipfs: {
          ...ipfs,
          async add(bytes, epochId) {
            const cid = await ipfs.add(bytes, epochId)
            published.push(cid)
            return cid
          },
        },
      }),
    })
    expect(await judged(world, again)).toMatchObject({ batchCid, isDivergent: true, failureCount: 1, evidenceCid: before.evidenceCid })
    expect(published).toEqual([before.evidenceCid])
    await again.stop()
  })

  test('V2: a guard tells which root it was that the chain already has', async () => {
    const world = await openWorld()
    const batch = honest(world)
    const guarded = publishedRoot(['own'])
    const store = await guardedStore(await snapshotCidOf(encodeBatch(batch)), guarded)
    const running = await world.start({ store, spoil: () => ({ sender: answering({ kind: 'refused', reason: 'E40' }) }) })
    await world.anchor(batch)
    expect(await judged(world, running)).toMatchObject({ state: 'attested', reason: 'attested_before', root: guarded, isDivergent: true })
    await running.stop()
  })

  test('V1, V2: a guarded batch is not judged again, and is still what later batches continue', async () => {
    const world = await openWorld()
    const first = honest(world)
    const guarded = publishedRoot(['found then'])
    const store = await guardedStore(await snapshotCidOf(encodeBatch(first)), guarded)
    const running = await world.start({ store })
    const firstCid = await world.anchor(first)
    await world.anchor(second(world, idsOf(first)))
    expect(await judged(world, running, 2)).toMatchObject({ state: 'attested', reason: '', failureCount: 0 })
    expect(running.records[0]).toMatchObject({ batchCid: firstCid, root: guarded })
    expect(running.validator.evidence(EPOCH_1, firstCid)).toBeUndefined()
    await running.stop()
  })

  test('V3, V6: a batch that has its record is neither judged nor sent again', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.anchor({ ...honest(world), submissionsRoot: publishedRoot(['x']) })
    expect(await judged(world, running)).toMatchObject({ state: 'withheld' })
    const disk = running.store.crash()
    await running.stop()
    const recovered: unknown[] = []
    const again = await world.start({
      store: disk,
      spoil: () => ({
        recoverer: { recoverMany: async (signed) => [recovered.push(signed) as never] },
        sender: answering({ kind: 'refused', reason: 'E01' }),
      }),
    })
    await world.mine(5)
    expect([again.records, recovered, world.chain.transactionCount(VALIDATORS[0])]).toEqual([[], [], 0])
    await again.stop()
  })

  test('V3: a root that the contract refused stays unsent, though it is written down', async () => {
    const world = await openWorld()
    const running = await world.start({ spoil: () => ({ sender: answering({ kind: 'refused', reason: 'E01' }) }) })
    await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'withheld', reason: 'refused', root: publishedRoot([CID_A]) })
    const disk = running.store.crash()
    await running.stop()
    const again = await world.start({ store: disk })
    await world.mine(5)
    expect([again.records, world.chain.transactionCount(VALIDATORS[0])]).toEqual([[], 0])
    await again.stop()
  })

  test('V4, V5: it reads what it judged from its own copy, and the sequencer is not asked for the rest', async () => {
    const world = await openWorld()
    const running = await world.start()
    const first = honest(world)
    const next = second(world, idsOf(first))
    await world.anchor(first)
    await judged(world, running)
    const disk = running.store.crash()
    await running.stop()
    // Gone for good, and whoever else had read the next batch serves it.
    await world.ipfs.node('anybody').add(encodeBatch(next))
    world.ipfs.node('sequencer').setConnected(false)
    const again = await world.start({ store: disk })
    await world.anchor(next)
    expect(await judged(world, again)).toMatchObject({ state: 'attested', failureCount: 0 })
    await again.stop()
  })
})

describe('batches of one epoch', () => {
  test('V19: a batch that cannot be read takes none of those behind it with it, whether they continue its tree or have their own', async () => {
    const world = await openWorld()
    const running = await world.start()
    const bytes = encoder.encode('no batch')
    await world.anchor(honest(world), { bytes })
    const next = second(world, ['whatever was in it'])
    await world.anchor(next)
    const third = batchOf([world.submission(1, CID_A, 'pairs:0x03:TEST' as typeof P1)], [['pairs:0x03:TEST' as typeof P1, CID_A]])
    await world.anchor(third)
    await judged(world, running, 3)
    expect(running.records.map(({ state, reason }) => [state, reason])).toEqual([
      ['withheld', 'integrity'],
      ['attested', ''],
      ['attested', ''],
    ])
    await running.stop()
  })

  /** Two batches of an epoch, of which nobody serves the first; its attestation window ends with block `last`. */
  async function firstHidden({
    byRoots = [],
    again = second,
  }: {
    readonly byRoots?: readonly ('first' | 'second')[]
    readonly again?: typeof second
  } = {}) {
    const world = await openWorld({ batchWindowBlocks: 60, attestationWindowBlocks: 60 })
    world.chain.setRootOnlyAllowed(byRoots.length > 0)
    await world.mine()
    const running = await world.start()
    const hidden = honest(world)
    const how = (place: 'first' | 'second') => (byRoots.includes(place) ? ({ byRoots: true } as const) : {})
    const cids = [
      await world.anchor(hidden, { isHidden: true, ...how('first') }),
      await world.anchor(again(world, idsOf(hidden)), how('second')),
    ]
    const blocksTo = async (left: number) => world.mine(world.release.number + 60 - left - (await world.chain.head()).number)
    return { world, running, hidden, cids, blocksTo }
  }
  const endsOf = ({ records }: Running) => records.map(({ batchCid, state, reason, isLate }) => [batchCid, state, reason, isLate])

  test('V19: one that nobody serves gives way to those behind it for half of its time, and is judged when it is served after all', async () => {
    const { world, running, hidden, cids, blocksTo } = await firstHidden()
    await blocksTo(29)
    expect(endsOf(running)).toEqual([])
    await world.mine(10)
    await world.clock.advance(20_000)
    await world.mine()
    expect(endsOf(running)).toEqual([[cids[1], 'attested', '', false]])
    await world.ipfs.node('sequencer').add(encodeBatch(hidden))
    await world.clock.advance(20_000)
    await world.mine(2)
    expect(endsOf(running).slice(1)).toEqual([[cids[0], 'attested', '', false]])
    await running.stop()
  })

  test('V11, V19: what gave way keeps its projects: one behind it that is anchored by its roots has none of them', async () => {
    const { world, running, hidden, cids, blocksTo } = await firstHidden({
      byRoots: ['second'],
      again: (each, before) => batchOf(honestVotes(each), [[P1, CID_A]], before),
    })
    await blocksTo(19)
    await world.clock.advance(20_000)
    await world.mine()
    expect(endsOf(running)).toEqual([[cids[1], 'withheld', 'integrity', false]])
    await world.ipfs.node('sequencer').add(encodeBatch(hidden))
    await world.clock.advance(20_000)
    await world.mine(2)
    expect(endsOf(running).slice(1)).toEqual([[cids[0], 'attested', '', false]])
    await running.stop()
  })

  test('V11, V19: one that is anchored by its roots has one turn: what gave way is not spoken for behind those that were judged without it', async () => {
    const { world, running, hidden, cids, blocksTo } = await firstHidden({ byRoots: ['first', 'second'] })
    await blocksTo(19)
    await world.clock.advance(20_000)
    await world.mine()
    await world.ipfs.node('sequencer').add(encodeBatch(hidden))
    await world.clock.advance(20_000)
    await world.mine(2)
    expect(endsOf(running).toSorted()).toEqual(
      [
        [cids[0], 'missed', 'not_fetched', false],
        [cids[1], 'attested', '', false],
      ].toSorted(),
    )
    await running.stop()
  })

  test('G9, V6: epochs do not wait for each other: one whose batch nobody serves keeps no other from its word', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.anchor(honest(world), { isHidden: true })
    const epochId = await world.releaseNext()
    world.chain.mine(6)
    const batchCid = await world.anchor(batchOf(honestVotes(world), [[P1, CID_A]]), { epochId })
    expect(await judged(world, running, 1, 3)).toMatchObject({ epochId, batchCid, state: 'attested', isLate: false })
    await running.stop()
  })

  test('V3: an attestation is late from the first block after the window on', async () => {
    const world = await openWorld()
    await world.anchor(honest(world))
    world.chain.mine(world.release.number + 30 - (await world.chain.head()).number)
    const running = await world.start({ store: await storeWithCursor() })
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isLate: true })
    expect(running.validator.stats()).toMatchObject({ attested: 1, late: 1 })
    await running.stop()
  })
})

describe('how it is tuned', () => {
  test('V1: the market’s policy is the one it tallies with', async () => {
    const world = await openWorld()
    const running = await world.start({ rules: { tally: { minVotes: 3, minShareBp: 0 } } })
    await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: true, root: publishedRoot(['']) })
    await running.stop()
  })

  test('V1, V2: batches that it is done with still say who voted in the epoch, whatever a restart has forgotten', async () => {
    const rules = { tally: { minVotes: 2, minShareBp: 6_700 } }
    const world = await openWorld()
    const first = batchOf(
      [1, 2, 3].map((slotId) => world.submission(slotId, CID_A)),
      [[P1, CID_A]],
    )
    const running = await world.start({ rules })
    await world.anchor(first)
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: false })
    const disk = running.store.crash()
    await running.stop()

    const again = await world.start({ rules, store: disk })
    const few = [1, 2].map((slotId) => world.submission(slotId, CID_B, P2))
    await world.anchor(batchOf(few, [[P2, CID_B]], idsOf(first)))
    expect(await judged(world, again)).toMatchObject({ isDivergent: true, root: publishedRoot(['']) })
    await again.stop()
  })

  test('V1: the longest deadline is the one of its settings', async () => {
    const world = await openWorld()
    const running = await world.start({ rules: { deadlineBufferMaxBlocks: 499 } })
    await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ isDivergent: true, failureCount: 4 })
    await running.stop()
  })

  test('V1: windows in seconds end with the second, not the block', async () => {
    const world = await openWorld()
    const inTime = await world.start({ rules: { windowUnit: 'seconds' } })
    const { hash } = await world.chain.head()
    // Six blocks above the release, and not one second later.
    await world.anchor(batchOf([world.submission(1, CID_A, P1, { header: hash })], [[P1, CID_A]]))
    expect(await judged(world, inTime)).toMatchObject({ isDivergent: false, failureCount: 0 })
    await inTime.stop()
  })
})

describe('its end', () => {
  test('waits for what is under way, starts nothing new, and leaves no record of it', async () => {
    const world = await openWorld()
    const done: string[] = []
    const running = await world.start({
      spoil: ({ ipfs, clock }) => ({
        ipfs: {
          ...ipfs,
          get(cid, options) {
            done.push('reading')
            return ipfs.get(cid, options)
          },
          async pin(cid) {
            done.push('pinning')
            await clock.sleep(5_000)
            await ipfs.pin(cid)
            done.push('pinned')
          },
        },
      }),
    })
    await world.anchor(honest(world))
    await world.anchor(second(world))
    await world.clock.advance(100)
    await running.stop()
    expect(done).toEqual(['reading', 'pinning', 'pinned'])
    expect([running.records, running.validator.batches(EPOCH_1), running.failure()]).toEqual([[], [], undefined])
  })

  test('one validator runs once', async () => {
    const world = await openWorld()
    const running = await world.start()
    await expect(running.validator.run(new AbortController().signal)).rejects.toMatchObject({ code: 'STOPPED' })
    await running.stop()
  })
})
