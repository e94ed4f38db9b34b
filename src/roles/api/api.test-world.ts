import type { Batch } from '#domain/batch.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { createFakeChain, type FakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { AnchorChain, ProtocolCall } from '#io/chain/port.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import type { IndexDatabase } from '#io/database/port.ts'
import { openSqliteIndex } from '#io/database/sqlite.ts'
import { createFakeIpfsNetwork, type FakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { type Api, type ApiDeps, type ApiOptions, createApi } from './api.ts'

/** A market on fakes whose sequencer anchors what the test wants, whose one validator agrees when told to, and an index in memory. */

export const MANAGER = `0x${'0e'.repeat(20)}` as Address
export const SEQUENCER = `0x${'5e'.repeat(20)}` as Address
export const VALIDATORS = ['0a', '0b', '0c'].map((digits) => `0x${digits.repeat(20)}` as Address) as [Address, Address, Address]
const NEVER = new AbortController().signal

export const project = (name: string): ProjectId => `pairs:${name}:TEST` as ProjectId

export interface Running {
  readonly api: Api
  readonly events: string[]
  failure(): unknown
  stop(): Promise<void>
}

export interface Anchored {
  readonly batchCid: Cid
  readonly epochId: EpochId
  readonly batch: Batch
}

export interface World {
  readonly clock: VirtualClock
  readonly chain: FakeChain
  readonly ipfs: FakeIpfsNetwork
  readonly database: IndexDatabase
  start(options?: Partial<ApiOptions>, deps?: Partial<ApiDeps>): Promise<Running>
  /** Puts a call on chain, with a block. */
  send(from: Address, call: ProtocolCall): Promise<void>
  release(): Promise<EpochId>
  /**
   * A batch of these projects with these values, for which slots 1 and 2 vote, and slot 3 for something else. Parts that are hidden are on
   * nobody's node. `bytes` replaces the file.
   */
  anchor(values: Readonly<Record<string, unknown>>, options?: AnchorOptions): Promise<Anchored>
  attest(anchored: Anchored, options?: { readonly who?: 0 | 1 | 2; readonly rootHash?: Hash }): Promise<void>
  end(epochId: EpochId): Promise<void>
  /** Lets time pass until the index is at the head and wants nothing more that could be had now. */
  settle(database?: IndexDatabase): Promise<void>
}

interface AnchorOptions {
  readonly epochId?: EpochId
  readonly byRoots?: true
  readonly isFileHidden?: true
  readonly isContentHidden?: true
  readonly bytes?: Uint8Array
  readonly batchCid?: Cid
  /** How many vote; the last for something else. */
  readonly slots?: number
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

export async function openIndex(): Promise<IndexDatabase> {
  return openSqliteIndex({ path: ':memory:', market: 'test', indexId: 'test' })
}

export async function openWorld(given?: IndexDatabase): Promise<World> {
  const clock = createVirtualClock()
  const market = marketOf({ attestationsMin: 2, epochManager: MANAGER, sequencers: [SEQUENCER], validators: VALIDATORS })
  const chain = createFakeChain({ clock, market, signers: VALIDATORS, pollMs: 10 })
  chain.setRootOnlyAllowed(true)
  const ipfs = createFakeIpfsNetwork({ clock })
  const database = given ?? (await openIndex())
  const journals = new Map<Address, ReturnType<typeof createFakeStore>>()
  let epochs = 0
  let calls = 0
  const contentOf = (value: unknown): Uint8Array => new TextEncoder().encode(textOf(value))

  const world: World = {
    clock,
    chain,
    ipfs,
    database,
    async start(options = {}, more = {}) {
      const events: string[] = []
      let failure: unknown
      const deps: ApiDeps = {
        chain: chain as AnchorChain,
        database,
        ipfs: ipfs.node('api'),
        store: createFakeStore(),
        clock,
        random: { fraction: () => 1 },
        report: (event) => events.push(event),
        ...more,
      }
      const api = createApi({ historyEpochs: 0, ...options }, deps)
      const stopping = new AbortController()
      const running = api.run(stopping.signal)
      running.catch((reason: unknown) => {
        failure = reason
      })
      return {
        api,
        events,
        failure: () => failure,
        async stop() {
          stopping.abort(new Error('test is over'))
          await clock.runUntil(
            running.catch(() => undefined),
            { limitMs: 60_000 },
          )
        },
      }
    },
    async send(from, call) {
      calls += 1
      const journal = journals.get(from) ?? createFakeStore()
      journals.set(from, journal)
      const sent = chain.sender({ address: from, journal }).send(`call ${calls}`, call, NEVER)
      await clock.runUntil(() => chain.pendingCount() > 0, { limitMs: 5_000 })
      chain.mine()
      const outcome = await clock.runUntil(sent, { limitMs: 5_000 })
      if (outcome.kind !== 'done') throw new Error(`${call.kind}: ${outcome.reason}`)
    },
    async release() {
      epochs += 1
      const begin = (10 * (epochs - 1) + 1) as BlockNumber
      await world.send(MANAGER, { kind: 'releaseEpoch', begin, end: (begin + 9) as BlockNumber })
      return epochs as EpochId
    },
    async anchor(values, options = {}) {
      const { epochId = epochs as EpochId, isFileHidden, isContentHidden, byRoots, slots = 3 } = options
      const node = ipfs.node('sequencer')
      const names = Object.keys(values)
      const contents = Object.values(values).map(contentOf)
      const snapshotCids = await Promise.all(contents.map((bytes) => (isContentHidden ? snapshotCidOf(bytes) : node.add(bytes))))
      const loser = await snapshotCidOf(contentOf('another'))
      const submissions = names.flatMap((name, index) =>
        Array.from({ length: slots }, (_, slot) => slot + 1).map((slotId) => ({
          submissionId: `${epochId}-${name}-${slotId}`,
          submission: {
            request: {
              slotId: slotId as SlotId,
              deadlineBlock: 1 as BlockNumber,
              snapshotCid: slotId === slots ? loser : (snapshotCids[index] as Cid),
              epochId,
              projectId: project(name),
            },
            signature: `0x${'5a'.repeat(65)}`,
            header: `0x${'4e'.repeat(32)}`,
            dataMarket: chain.dataMarket,
            nodeVersion: 'v1',
            protocolState: '',
          },
        })),
      )
      const batch: Batch = {
        submissions,
        submissionsRoot: publishedRoot(submissions.map(({ submissionId }) => submissionId)),
        projectIds: names.map(project),
        snapshotCids,
      }
      const bytes = options.bytes ?? encodeBatch(batch)
      const batchCid = options.batchCid ?? (await snapshotCidOf(bytes))
      if (!isFileHidden) await node.add(bytes)
      const rootHash = publishedRoot(snapshotCids)
      await world.send(
        SEQUENCER,
        byRoots
          ? { kind: 'submitRootOnlyBatches', epochId, batches: [{ batchCid, rootHash, projectsRootHash: publishedRoot(batch.projectIds) }] }
          : { kind: 'submitSubmissionBatch', epochId, batchCid, projectIds: batch.projectIds, snapshotCids, rootHash },
      )
      return { batchCid, epochId, batch }
    },
    async attest({ batchCid, epochId, batch }, { who, rootHash = publishedRoot(batch.snapshotCids) } = {}) {
      const some = who === undefined ? VALIDATORS.slice(0, 2) : [VALIDATORS[who]]
      for (const validator of some) await world.send(validator, { kind: 'submitBatchAttestation', epochId, batchCid, rootHash })
    },
    end: (epochId) => world.send(SEQUENCER, { kind: 'endBatchSubmissions', epochId }),
    async settle(index = database) {
      const isSettled = async () => {
        const head = await chain.head()
        const { indexed } = await index.bounds()
        if (indexed?.block !== head.number) return false
        const nowMs = clock.nowMs()
        return (await index.wantedBatches(nowMs, 1)).length + (await index.wantedSnapshots(nowMs, 1)).length === 0
      }
      await clock.runUntil(isSettled, { limitMs: 60_000 })
    },
  }
  return world
}
