import { afterEach, describe, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, CallOutcome, ChainStep, IntentJournal, ProtocolCall, ProtocolEvent, ProtocolSender } from './port.ts'

/** The market that a world opens with: epochs of 10 source blocks, windows of 10, 20 and 30 anchor blocks, three validators of whom two must attest. */
export const SUITE_MARKET = {
  epochSize: 10,
  sourceChainId: 1,
  sourceBlockTimeSeconds: 12,
  snapshotWindowBlocks: 10,
  batchWindowBlocks: 20,
  attestationWindowBlocks: 30,
  attestationsMin: 2,
} as const
/** The deepest rewrite the world's chain is opened for. */
export const SUITE_REORG_DEPTH_MAX = 8

export type Account = 'epochManager' | 'sequencer' | 'otherSequencer' | 'validator1' | 'validator2' | 'validator3' | 'stranger'

/** A chain with the market above, slots 1 and 2 assigned, nothing released, and the means to move it. */
export interface ChainWorld {
  readonly chain: AnchorChain
  readonly signers: readonly [Address, Address]
  address(account: Account): Address
  sender(account: Account, options?: { readonly journal?: IntentJournal; readonly settleTimeoutMs?: number }): ProtocolSender
  mine(count?: number): Promise<void>
  reorg(depth: number, options?: { readonly isLosingTransactions: boolean }): Promise<void>
  assignSigner(slotId: SlotId, signer: Address): Promise<void>
  /** Transactions that wait for a block. */
  pendingCount(): Promise<number>
  /** Lets time pass until this holds. */
  until(isReached: () => Promise<boolean>): Promise<void>
  /** Transactions of the account in the chain. */
  transactionCount(account: Account): Promise<number>
  /** Lets time pass until the promise settles. */
  run<Value>(work: Promise<Value>): Promise<Value>
  close(): Promise<void>
}

const NEVER = new AbortController().signal
const ROOT = `0x${'aa'.repeat(32)}` as Hash
const OTHER_ROOT = `0x${'bb'.repeat(32)}` as Hash
const PROJECTS = ['pairs:0x01:SUITE', 'pairs:0x02:SUITE'] as ProjectId[]
const CIDS = [
  'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri',
  'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44',
] as Cid[]
const BATCH = 'bafkreiecdgs45ppubnnd4aoam4fqpqadbzsh5ubv5wzp5uw4tz7nfb5b7i' as Cid
const BATCH_2 = 'bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy' as Cid
const EPOCH_1 = 1 as EpochId

const release = (begin: number, end: number): ProtocolCall => ({
  kind: 'releaseEpoch',
  begin: begin as BlockNumber,
  end: end as BlockNumber,
})
const submit = (change: Partial<Extract<ProtocolCall, { kind: 'submitSubmissionBatch' }>> = {}): ProtocolCall => ({
  kind: 'submitSubmissionBatch',
  epochId: EPOCH_1,
  batchCid: BATCH,
  projectIds: PROJECTS,
  snapshotCids: CIDS,
  rootHash: ROOT,
  ...change,
})
const attest = (rootHash: Hash = ROOT, batchCid: Cid = BATCH): ProtocolCall => ({
  kind: 'submitBatchAttestation',
  epochId: EPOCH_1,
  batchCid,
  rootHash,
})
const end: ProtocolCall = { kind: 'endBatchSubmissions', epochId: EPOCH_1 }

/** A journal that keeps everything in memory; `written` is called when a commit is durable, before its caller goes on. */
export function createMemoryJournal(written?: () => Promise<void>): IntentJournal {
  const entries = new Map<string, Uint8Array>()
  return {
    get: (key) => entries.get(key),
    scan: (prefix) => [...entries].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value })),
    async commit(writes) {
      for (const { key, value } of writes) value === undefined ? entries.delete(key) : entries.set(key, value)
      await written?.()
    },
  }
}

/** Without its place in the chain, and with the number of its block instead. */
function plain(event: ProtocolEvent): Record<string, unknown> {
  const { block, logIndex: _index, transactionHash: _hash, ...facts } = event
  return { block: block.number, ...facts }
}

async function take(steps: AsyncIterable<ChainStep>, isEnough: (taken: readonly ChainStep[]) => boolean): Promise<ChainStep[]> {
  const taken: ChainStep[] = []
  for await (const step of steps) {
    taken.push(step)
    if (isEnough(taken)) break
  }
  return taken
}

const blockOf = (step: ChainStep): BlockRef => (step.kind === 'block' ? step.block : step.to)
const numberOf = (step: ChainStep): string => `${step.kind === 'rollback' ? 'back to ' : ''}${blockOf(step).number}`

interface Scene extends ChainWorld {
  untilPending(count: number): Promise<void>
  /** Sends, mines one block once the transaction waits for it, and returns the outcome. */
  perform(account: Account, call: ProtocolCall): Promise<CallOutcome>
  following(options: {
    readonly from: number
    readonly known?: readonly BlockRef[]
    readonly signal?: AbortSignal
  }): AsyncIterable<ChainStep>
  eventsSince(from: number): Promise<Record<string, unknown>[]>
}

function sceneOf(world: ChainWorld): Scene {
  let intents = 0
  const following: Scene['following'] = ({ from, known = [], signal = NEVER }) =>
    world.chain.follow({ from: from as BlockNumber, known, signal })
  return {
    ...world,
    following,
    untilPending: (count) => world.until(async () => (await world.pendingCount()) >= count),
    async perform(account, call) {
      intents += 1
      let isSettled = false
      const settled = world
        .sender(account)
        .send(`suite/${intents}`, call, NEVER)
        .finally(() => {
          isSettled = true
        })
      await world.until(async () => isSettled || (await world.pendingCount()) > 0)
      if (!isSettled) await world.mine()
      return world.run(settled)
    },
    async eventsSince(from) {
      const head = await world.chain.head()
      const steps = await world.run(take(following({ from }), (taken) => blockOf(taken.at(-1) as ChainStep).number === head.number))
      return steps.flatMap((step) => (step.kind === 'block' ? step.events.map(plain) : []))
    },
  }
}

/** What every anchor chain and its sender keep. */
export function chainSuite(name: string, open: () => Promise<ChainWorld>): void {
  let world: Scene
  const opened = async (): Promise<Scene> => {
    world = sceneOf(await open())
    return world
  }
  const released = async (): Promise<Scene> => {
    await opened()
    expect(await world.perform('epochManager', release(100, 109))).toMatchObject({ kind: 'done' })
    return world
  }
  const anchored = async (): Promise<Scene> => {
    await released()
    expect(await world.perform('sequencer', submit())).toMatchObject({ kind: 'done' })
    return world
  }
  const refused = (reason: string) => ({ kind: 'refused', reason })
  afterEach(() => world.close())

  describe(`chain reads: ${name}`, () => {
    test('the market, its slots, and nothing released yet', async () => {
      const { chain, address, signers } = await opened()
      expect(await chain.market()).toEqual({
        ...SUITE_MARKET,
        epochManager: address('epochManager'),
        sequencers: [address('sequencer'), address('otherSequencer')],
        validators: [address('validator1'), address('validator2'), address('validator3')],
      })
      expect(await chain.slots()).toEqual(signers.map((signer, index) => ({ slotId: index + 1, signer, isActive: true })))
      expect(await chain.currentEpoch()).toEqual({ epochId: 0, begin: 0, end: 0 })
      expect(await chain.epochInfo(EPOCH_1)).toMatchObject({ timestamp: 0, releaseBlock: 0 })
      expect(await chain.batchCids(EPOCH_1)).toEqual([])
      expect(await chain.batch(EPOCH_1, BATCH)).toBeUndefined()
      expect(await chain.snapshotStatus(PROJECTS[0] as ProjectId, EPOCH_1)).toEqual({ status: 'absent', snapshotCid: '' })
      expect(await chain.projectFirstEpochId(PROJECTS[0] as ProjectId)).toBe(0)
      expect(await chain.deploymentBlock()).toBeLessThanOrEqual((await chain.head()).number)
    })

    test('blocks form a chain up to the head, and above it there is nothing', async () => {
      const { chain, mine } = await opened()
      await mine(2)
      const head = await chain.head()
      expect(await chain.block(head.number)).toEqual(head)
      expect((await chain.block((head.number - 1) as BlockNumber))?.hash).toBe(head.parentHash)
      expect(await chain.block((head.number + 1) as BlockNumber)).toBeUndefined()
    })

    test('a released epoch is the current one, with block and time of its release', async () => {
      const { chain, perform } = await released()
      expect(await chain.currentEpoch()).toEqual({ epochId: 1, begin: 100, end: 109 })
      const head = await chain.head()
      expect(await chain.epochInfo(EPOCH_1)).toEqual({ timestamp: head.timestamp, releaseBlock: head.number, end: 109 })
      await perform('epochManager', release(110, 119))
      expect(await chain.currentEpoch()).toEqual({ epochId: 2, begin: 110, end: 119 })
    })

    test('a batch is what was submitted, and pending until a majority attested', async () => {
      const { chain, perform, address } = await anchored()
      const batch = { batchCid: BATCH, projectIds: PROJECTS, snapshotCids: CIDS, rootHash: ROOT }
      expect(await chain.batch(EPOCH_1, BATCH)).toEqual({ ...batch, isFinalized: false, attestationCount: 0 })
      expect(await chain.batch(EPOCH_1, BATCH_2)).toBeUndefined()
      expect(await chain.batch(2 as EpochId, BATCH)).toBeUndefined()
      expect(await chain.snapshotStatus(PROJECTS[1] as ProjectId, EPOCH_1)).toEqual({ status: 'pending', snapshotCid: CIDS[1] })
      expect(await chain.projectFirstEpochId(PROJECTS[1] as ProjectId)).toBe(1)
      expect(await chain.hasAttested(EPOCH_1, BATCH, address('validator1'))).toBe(false)
      await perform('validator1', attest())
      expect(await chain.hasAttested(EPOCH_1, BATCH, address('validator1'))).toBe(true)
      expect(await chain.batch(EPOCH_1, BATCH)).toEqual({ ...batch, isFinalized: false, attestationCount: 1 })
      await perform('validator2', attest())
      expect(await chain.batch(EPOCH_1, BATCH)).toEqual({ ...batch, isFinalized: true, attestationCount: 2 })
      expect(await chain.snapshotStatus(PROJECTS[1] as ProjectId, EPOCH_1)).toEqual({ status: 'finalized', snapshotCid: CIDS[1] })
    })

    test('a slot’s new signer is read and announced', async () => {
      const { chain, assignSigner, address, eventsSince } = await opened()
      const head = await chain.head()
      await assignSigner(2 as SlotId, address('stranger'))
      expect((await chain.slots())[1]).toEqual({ slotId: 2, signer: address('stranger'), isActive: true })
      expect(await eventsSince(head.number + 1)).toEqual([
        { block: head.number + 1, kind: 'SnapshotterAddressChanged', slotId: 2, signer: address('stranger') },
      ])
    })
  })

  describe(`contract rules: ${name}`, () => {
    test('epochs: only the manager, of the right size, without a gap', async () => {
      const { perform } = await opened()
      expect(await perform('stranger', release(0, 9))).toEqual(refused('E05'))
      expect(await perform('epochManager', release(9, 8))).toEqual(refused('E20'))
      expect(await perform('epochManager', release(0, 10))).toEqual(refused('E21'))
      expect(await perform('epochManager', release(100, 109))).toMatchObject({ kind: 'done' })
      expect(await perform('epochManager', release(111, 120))).toEqual(refused('E22'))
      expect(await perform('epochManager', release(100, 109))).toEqual(refused('E22'))
    })

    test('batches: only a sequencer, well formed, one entry per project, none after the end', async () => {
      const { perform, chain } = await released()
      expect(await perform('stranger', submit())).toEqual(refused('E04'))
      expect(await perform('sequencer', submit({ epochId: 7 as EpochId }))).toEqual(refused('E30'))
      expect(await perform('sequencer', submit({ snapshotCids: [] }))).toEqual(refused('E23'))
      expect(await perform('sequencer', submit({ projectIds: [], snapshotCids: [] }))).toEqual(refused('E24'))
      expect(await perform('sequencer', submit({ projectIds: [PROJECTS[0], PROJECTS[0]] as ProjectId[] }))).toEqual(refused('E25'))
      expect(await perform('sequencer', submit())).toMatchObject({ kind: 'done' })
      expect(await perform('otherSequencer', submit({ batchCid: BATCH_2, projectIds: ['new:SUITE', PROJECTS[1]] as ProjectId[] }))).toEqual(
        refused('E25'),
      )
      expect(await perform('stranger', end)).toEqual(refused('E04'))
      expect(await chain.isEpochEnded(EPOCH_1)).toBe(false)
      expect(await perform('sequencer', end)).toMatchObject({ kind: 'done' })
      expect(await chain.isEpochEnded(EPOCH_1)).toBe(true)
      expect(await perform('sequencer', end)).toEqual(refused('E39'))
      expect(await perform('sequencer', submit({ batchCid: BATCH_2, projectIds: ['a:SUITE', 'b:SUITE'] as ProjectId[] }))).toEqual(
        refused('E43'),
      )
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH])
    })

    test('attestations: only a validator, for a batch of the epoch, once', async () => {
      const { perform } = await anchored()
      expect(await perform('stranger', attest())).toEqual(refused('E01'))
      expect(await perform('validator1', attest(ROOT, BATCH_2))).toEqual(refused('E26'))
      expect(await perform('validator1', attest())).toMatchObject({ kind: 'done' })
      expect(await perform('validator1', attest())).toEqual(refused('E40'))
      expect(await perform('validator1', attest(OTHER_ROOT))).toEqual(refused('E40'))
    })

    test('the whole way of an epoch is told by its events, in order', async () => {
      const { chain, perform, address, eventsSince } = await opened()
      const start = (await chain.head()).number
      await perform('epochManager', release(100, 109))
      await perform('sequencer', submit())
      await perform('sequencer', end)
      for (const validator of ['validator1', 'validator2', 'validator3'] as const) await perform(validator, attest())
      const epochId = EPOCH_1
      expect(await eventsSince(start + 1)).toEqual([
        { block: start + 1, kind: 'EpochReleased', epochId, begin: 100, end: 109 },
        { block: start + 2, kind: 'SnapshotBatchSubmitted', epochId, batchCid: BATCH },
        { block: start + 3, kind: 'BatchSubmissionsCompleted', epochId },
        { block: start + 4, kind: 'SnapshotBatchAttestationSubmitted', epochId, batchCid: BATCH, validator: address('validator1') },
        { block: start + 5, kind: 'SnapshotFinalized', epochId, projectId: PROJECTS[0], snapshotCid: CIDS[0] },
        { block: start + 5, kind: 'SnapshotFinalized', epochId, projectId: PROJECTS[1], snapshotCid: CIDS[1] },
        { block: start + 5, kind: 'SnapshotBatchFinalized', epochId, batchCid: BATCH },
        { block: start + 5, kind: 'SnapshotBatchAttestationSubmitted', epochId, batchCid: BATCH, validator: address('validator2') },
        { block: start + 6, kind: 'SnapshotBatchAttestationSubmitted', epochId, batchCid: BATCH, validator: address('validator3') },
      ])
    })

    test('one that disagrees does not stop the others', async () => {
      const { chain, perform } = await anchored()
      await perform('validator1', attest(OTHER_ROOT))
      await perform('validator2', attest())
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: false, attestationCount: 1 })
      await perform('validator3', attest())
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: true, attestationCount: 2 })
    })

    test('a majority for another root asks for another batch, which may take over the projects', async () => {
      const { chain, perform, eventsSince } = await anchored()
      await perform('validator1', attest())
      await perform('validator2', attest(OTHER_ROOT))
      await perform('validator3', attest(OTHER_ROOT))
      const { number } = await chain.head()
      expect((await eventsSince(number))[0]).toEqual({ block: number, kind: 'TriggerBatchResubmission', epochId: 1, batchCid: BATCH })
      const corrected = submit({ batchCid: BATCH_2, snapshotCids: [CIDS[1], CIDS[0]] as Cid[], rootHash: OTHER_ROOT })
      expect(await perform('sequencer', corrected)).toMatchObject({ kind: 'done' })
      expect(await chain.snapshotStatus(PROJECTS[0] as ProjectId, EPOCH_1)).toEqual({ status: 'pending', snapshotCid: CIDS[1] })
      expect((await chain.batch(EPOCH_1, BATCH))?.snapshotCids).toEqual(CIDS)
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH, BATCH_2])
    })

    test('windows count from the release block and include their last block', async () => {
      const { chain, perform, mine, eventsSince } = await released()
      const { releaseBlock } = await chain.epochInfo(EPOCH_1)
      const mineUpTo = async (number: number) => mine(number - (await chain.head()).number)
      await mineUpTo(releaseBlock + SUITE_MARKET.batchWindowBlocks - 1)
      await perform('sequencer', submit())
      await perform('sequencer', submit({ batchCid: BATCH_2, projectIds: ['a:SUITE', 'b:SUITE'] as ProjectId[] }))
      await mineUpTo(releaseBlock + SUITE_MARKET.attestationWindowBlocks - 1)
      await perform('validator1', attest())
      await perform('validator2', attest())
      const kinds = (await eventsSince(releaseBlock + 1)).map(({ block, kind }) => [Number(block) - releaseBlock, kind])
      expect(kinds).toEqual([
        [20, 'SnapshotBatchSubmitted'],
        [21, 'DelayedBatchSubmitted'],
        [30, 'SnapshotBatchAttestationSubmitted'],
        [31, 'DelayedAttestationSubmitted'],
      ])
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH])
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: false, attestationCount: 1 })
    })
  })

  describe(`follow: ${name}`, () => {
    const upTo = (number: number) => (taken: readonly ChainStep[]) => blockOf(taken.at(-1) as ChainStep).number === number

    test('every block once, in order, from far behind to the head and beyond', async () => {
      const { chain, mine, following, run } = await released()
      await mine(130)
      const from = await chain.deploymentBlock()
      const { number } = await chain.head()
      const steps = await run(
        (async () => {
          const taken: ChainStep[] = []
          for await (const step of following({ from })) {
            taken.push(step)
            if (blockOf(step).number === number) await mine(2)
            if (blockOf(step).number === number + 2) break
          }
          return taken
        })(),
      )
      expect(steps.map(numberOf)).toEqual(Array.from({ length: number + 3 - from }, (_, index) => String(from + index)))
      expect(
        steps.every(
          (step, index) => index === 0 || (step.kind === 'block' && step.block.parentHash === blockOf(steps[index - 1] as ChainStep).hash),
        ),
      ).toBe(true)
      expect(
        steps
          .flatMap((step) => (step.kind === 'block' ? step.events.map(({ kind }) => kind) : []))
          .filter((kind) => kind !== 'SnapshotterAddressChanged'),
      ).toEqual(['EpochReleased'])
    })

    test('a rewrite is one rollback to the last common block, then the new blocks with their events', async () => {
      const { chain, mine, reorg, following, run } = await opened()
      await mine(5)
      const { number } = await chain.head()
      const before = await chain.block((number - 3) as BlockNumber)
      const steps = await run(
        (async () => {
          const taken: ChainStep[] = []
          let isRewritten = false
          for await (const step of following({ from: number - 4 })) {
            taken.push(step)
            if (blockOf(step).number === number && !isRewritten) {
              isRewritten = true
              await reorg(3)
              await mine(1)
            }
            if (blockOf(step).number === number + 1) break
          }
          return taken
        })(),
      )
      const all = [-4, -3, -2, -1, 0].map((offset) => String(number + offset))
      expect(steps.map(numberOf)).toEqual([...all, `back to ${number - 3}`, ...all.slice(2), String(number + 1)])
      expect(blockOf(steps[5] as ChainStep)).toEqual(before)
      expect(
        new Set(steps.slice(2, 5).map((step) => blockOf(step).hash)).isDisjointFrom(
          new Set(steps.slice(6).map((step) => blockOf(step).hash)),
        ),
      ).toBe(true)
    })

    test('a rewrite while the caller was away is found from the blocks it knows', async () => {
      const { chain, mine, reorg, following, run } = await opened()
      await mine(6)
      const { number } = await chain.head()
      const known = (await run(take(following({ from: number - 5 }), upTo(number)))).map(blockOf)
      await reorg(2)
      await mine(2)
      const steps = await run(take(following({ from: number + 1, known }), upTo(number + 2)))
      expect(steps.map(numberOf)).toEqual([
        `back to ${number - 2}`,
        String(number - 1),
        String(number),
        String(number + 1),
        String(number + 2),
      ])
    })

    test('nothing is repeated for a caller whose blocks still stand', async () => {
      const { chain, mine, following, run } = await opened()
      await mine(4)
      const { number } = await chain.head()
      const known = (await run(take(following({ from: number - 3 }), upTo(number)))).map(blockOf)
      await mine(1)
      expect((await run(take(following({ from: number + 1, known }), upTo(number + 1)))).map(numberOf)).toEqual([String(number + 1)])
    })

    test('a rewrite deeper than the caller remembers stops it', async () => {
      const { chain, mine, reorg, following, run } = await opened()
      await mine(12)
      const { number } = await chain.head()
      const known = (await run(take(following({ from: number - 2 }), upTo(number)))).map(blockOf)
      await reorg(5)
      await mine(1)
      await expect(run(take(following({ from: number + 1, known }), upTo(number + 1)))).rejects.toMatchObject({
        code: 'CHAIN_REORG_TOO_DEEP',
        facts: { depth: 3, depthMax: SUITE_REORG_DEPTH_MAX },
      })
    })

    test('it ends when the signal aborts, also while it waits', async () => {
      const { chain, following, run } = await opened()
      const stop = new AbortController()
      const { number } = await chain.head()
      const following1 = take(following({ from: number, signal: stop.signal }), () => {
        queueMicrotask(() => stop.abort())
        return false
      })
      expect((await run(following1)).map(numberOf)).toEqual([String(number)])
      expect(await run(take(following({ from: number, signal: AbortSignal.abort() }), () => true))).toEqual([])
    })
  })

  describe(`sender: ${name}`, () => {
    test('the same intent again is the same transaction', async () => {
      const { sender, untilPending, mine, run, transactionCount, address } = await opened()
      const journal = createMemoryJournal()
      const first = sender('epochManager', { journal })
      expect(first.address).toBe(address('epochManager'))
      const settled = first.send('release/100', release(100, 109), NEVER)
      await untilPending(1)
      await mine()
      const outcome = await run(settled)
      expect(outcome).toMatchObject({ kind: 'done' })
      expect(await run(first.send('release/100', release(100, 109), NEVER))).toEqual(outcome)
      expect(await run(sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER))).toEqual(outcome)
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('killed between journal and broadcast: one transaction', async () => {
      const { sender, untilPending, mine, run, transactionCount } = await opened()
      const reached = Promise.withResolvers<void>()
      // The write is durable and the process gone before it hears of it.
      let isAlive = true
      const journal = createMemoryJournal(async () => {
        if (!isAlive) return
        reached.resolve()
        await new Promise(() => undefined)
      })
      void sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER)
      await run(reached.promise)
      isAlive = false
      const settled = sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER)
      await untilPending(1)
      await mine()
      expect(await run(settled)).toMatchObject({ kind: 'done' })
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('killed between broadcast and receipt: one transaction', async () => {
      const { sender, untilPending, mine, run, transactionCount, chain } = await opened()
      const journal = createMemoryJournal()
      const killed = new AbortController()
      const lost = sender('epochManager', { journal }).send('release/100', release(100, 109), killed.signal)
      await untilPending(1)
      killed.abort(new Error('killed'))
      await expect(run(lost)).rejects.toThrow('killed')
      await mine()
      const outcome = await run(sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER))
      expect(outcome).toMatchObject({ kind: 'done', blockNumber: (await chain.head()).number })
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('not mined in time is not lost: the next call goes on with it', async () => {
      const { sender, untilPending, mine, run, transactionCount } = await opened()
      const journal = createMemoryJournal()
      const impatient = sender('epochManager', { journal, settleTimeoutMs: 30 })
      const failure = await run(impatient.send('release/100', release(100, 109), NEVER).catch((cause: unknown) => cause))
      expect(isWeftError(failure, 'CALL_NOT_SETTLED')).toBe(true)
      await untilPending(1)
      await mine()
      expect(await run(impatient.send('release/100', release(100, 109), NEVER))).toMatchObject({ kind: 'done' })
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('lost by a rewrite, it is broadcast again, not made again', async () => {
      const { sender, untilPending, mine, reorg, run, transactionCount, chain } = await opened()
      const journal = createMemoryJournal()
      await mine(2)
      const settle = async () => {
        const settled = sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER)
        await untilPending(1)
        await mine()
        return run(settled)
      }
      const first = await settle()
      await reorg(2, { isLosingTransactions: true })
      expect(await chain.currentEpoch()).toMatchObject({ epochId: 0 })
      const second = await settle()
      expect([first.kind, second.kind]).toEqual(['done', 'done'])
      expect(first.kind === 'done' && second.kind === 'done' && first.transactionHash === second.transactionHash).toBe(true)
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('calls sent together are mined in their order', async () => {
      const { sender, untilPending, mine, run, eventsSince, chain } = await released()
      const { number } = await chain.head()
      const sequencer = sender('sequencer')
      const batches = [BATCH, BATCH_2].map((batchCid, index) =>
        submit({ batchCid, projectIds: [PROJECTS[index]] as ProjectId[], snapshotCids: [CIDS[index]] as Cid[] }),
      )
      const outcomes = Promise.all([...batches, end].map((call, index) => sequencer.send(`call/${index}`, call, NEVER)))
      await untilPending(3)
      await mine()
      expect((await run(outcomes)).map(({ kind }) => kind)).toEqual(['done', 'done', 'done'])
      expect((await eventsSince(number + 1)).map(({ kind }) => kind)).toEqual([
        'SnapshotBatchSubmitted',
        'SnapshotBatchSubmitted',
        'BatchSubmissionsCompleted',
      ])
    })

    test('a call that another one overtakes is refused with the contract’s reason', async () => {
      const { sender, untilPending, mine, run } = await released()
      const outcomes = Promise.all([
        sender('sequencer').send('mine', submit(), NEVER),
        sender('otherSequencer').send('mine', submit({ batchCid: BATCH_2 }), NEVER),
      ])
      await untilPending(2)
      await mine()
      expect((await run(outcomes)).map((outcome) => (outcome.kind === 'refused' ? outcome.reason : outcome.kind)).sort()).toEqual([
        'E25',
        'done',
      ])
    })

    test('an aborted signal sends nothing', async () => {
      const { sender, run, transactionCount, mine } = await opened()
      await expect(
        run(sender('epochManager').send('release/100', release(100, 109), AbortSignal.abort(new Error('stopping')))),
      ).rejects.toThrow('stopping')
      await mine()
      expect(await transactionCount('epochManager')).toBe(0)
    })
  })
}
