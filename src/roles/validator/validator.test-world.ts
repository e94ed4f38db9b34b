import { expect } from 'vitest'
import type { Batch } from '#domain/batch.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { Submission } from '#domain/submission.ts'
import { createFakeChain, type FakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import type { BlockRef, MarketState, ProtocolCall } from '#io/chain/port.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork, type FakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { type RuleBook, sameRules } from '#life/rules.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { publishedRoot } from '#wire/merkle.ts'
import type { BatchRecord } from './journal.ts'
import { createValidator, type Validator, type ValidatorDeps, type ValidatorOptions } from './validator.ts'

/** A market on fakes whose sequencer writes what the test wants, and validators that judge it. */

export const [CID_A, CID_B] = [
  'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri',
  'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44',
] as [Cid, Cid]
export const [P1, P2] = ['pairs:0x01:TEST', 'pairs:0x02:TEST'] as [ProjectId, ProjectId]
export const SEQUENCER = `0x${'5e'.repeat(20)}` as Address
export const MANAGER = `0x${'0e'.repeat(20)}` as Address
export const VALIDATORS = ['0a', '0b', '0c'].map((digits) => `0x${digits.repeat(20)}` as Address) as [Address, Address, Address]
export const SIGNERS = ['11', '22', '33', '44'].map((digits) => createSigner(parsePrivateKey(digits.repeat(32))))
export const EPOCH_1 = 1 as EpochId
export const NEVER = new AbortController().signal
/** Blocks mined on top of the release before a test begins: more than the snapshot window, so that sequencers have had their turn. */
const BLOCKS_AFTER_RELEASE = 6

export interface Running {
  readonly validator: Validator
  readonly records: BatchRecord[]
  readonly events: string[]
  readonly store: FakeStore
  /** Settles when the validator ended by itself; `undefined` while it works. */
  failure(): unknown
  stop(): Promise<void>
}

interface StartOptions extends Partial<ValidatorOptions> {
  readonly who?: 0 | 1 | 2
  readonly store?: FakeStore
  /** For every epoch. */
  readonly rules?: Partial<MarketRules>
  /** Instead of the same for every epoch. */
  readonly book?: RuleBook
  /** Changes what the validator is given. */
  readonly spoil?: (deps: ValidatorDeps) => Partial<ValidatorDeps>
}

interface AnchorArgs {
  readonly epochId?: EpochId
  readonly projectIds?: ProjectId[]
  readonly snapshotCids?: Cid[]
  readonly rootHash?: Hash
  /** By its roots alone: right ones, or with another over the projects. */
  readonly byRoots?: true | { readonly projectsRootHash: Hash }
  readonly bytes?: Uint8Array
  readonly isHidden?: boolean
  /** What the chain is told the batch is called. */
  readonly batchCid?: Cid
}

export interface World {
  readonly clock: VirtualClock
  readonly chain: FakeChain
  readonly ipfs: FakeIpfsNetwork
  /** Block of the last release, where submissions are signed unless told otherwise. */
  release: BlockRef
  start(options?: StartOptions): Promise<Running>
  mine(count?: number): Promise<void>
  send(from: Address, intent: string, call: ProtocolCall): Promise<void>
  /** Releases the next epoch and puts `release` there. */
  releaseNext(): Promise<EpochId>
  submission(
    slotId: number,
    snapshotCid: Cid,
    projectId?: ProjectId,
    change?: Partial<Submission['request']> & { header?: string; signedBy?: number },
  ): Submission
  /** Puts a file on IPFS and its batch on chain; `args` replace what the chain is told. */
  anchor(batch: Batch, args?: AnchorArgs): Promise<Cid>
}

/** `isForgetful`: no account remembers its calls. With hundreds of epochs the fake would send all of them again with each. */
export async function openWorld(
  change: Partial<MarketState> = {},
  { isForgetful = false, ...contract }: { readonly hasContents?: boolean; readonly isForgetful?: boolean } = {},
): Promise<World> {
  const clock = createVirtualClock()
  const market = marketOf({
    snapshotWindowBlocks: 5,
    attestationsMin: 2,
    epochManager: MANAGER,
    sequencers: [SEQUENCER],
    validators: VALIDATORS,
    ...change,
  })
  // The fourth key has no slot: it is there to be assigned to one.
  const signers = SIGNERS.slice(0, 3).map((signer) => signer.address)
  const chain = createFakeChain({ clock, market, signers, pollMs: 10, ...contract })
  const ipfs = createFakeIpfsNetwork({ clock })
  const hasher = createSubmissionHasher(chain)
  const journals = new Map<Address, FakeStore>()
  const journalOf = (address: Address): FakeStore => {
    if (isForgetful) return createFakeStore()
    const journal = journals.get(address) ?? createFakeStore()
    journals.set(address, journal)
    return journal
  }
  const senderOf = (address: Address) => chain.sender({ address, journal: journalOf(address) })
  let epochs = 0
  const world: World = {
    clock,
    chain,
    ipfs,
    release: await chain.head(),
    async start({ who = 0, store = createFakeStore(), rules, book, spoil, ...options } = {}) {
      const records: BatchRecord[] = []
      const events: string[] = []
      let failure: unknown
      const deps: ValidatorDeps = {
        store,
        chain,
        rules: book ?? sameRules(rulesWith(rules)),
        clock,
        random: { fraction: () => 1 },
        recoverer,
        ipfs: ipfs.node(`validator ${who}`),
        sender: isForgetful
          ? { ...chain.sender({ address: VALIDATORS[who], journal: store }), send: (...call) => senderOf(VALIDATORS[who]).send(...call) }
          : chain.sender({ address: VALIDATORS[who], journal: store }),
        report: (event) => events.push(event),
        onBatch: (record) => records.push(record),
      }
      const validator = createValidator(
        {
          level: 'tally',
          epochsKept: 10,
          ipfsEpochsKept: 1_000,
          ...options,
        },
        { ...deps, ...spoil?.(deps) },
      )
      const stopping = new AbortController()
      const running = validator.run(stopping.signal)
      running.catch((reason: unknown) => {
        failure = reason
        events.push(`ended: ${String(reason)}`)
      })
      await clock.runUntil(async () => failure !== undefined || validator.stats().headBlock === (await chain.head()).number, {
        limitMs: 5_000,
      })
      return {
        validator,
        records,
        events,
        store,
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
    async mine(count = 1) {
      for (let mined = 0; mined < count; mined += 1) {
        chain.mine()
        await clock.advance(50)
      }
    },
    async send(from, intent, call) {
      const sent = senderOf(from).send(intent, call, NEVER)
      await clock.runUntil(() => chain.pendingCount() > 0, { limitMs: 5_000 })
      chain.mine()
      expect((await clock.runUntil(sent, { limitMs: 5_000 })).kind).toBe('done')
    },
    async releaseNext() {
      epochs += 1
      const begin = (10 * (epochs - 1) + 1) as BlockNumber
      await world.send(MANAGER, `release ${epochs}`, { kind: 'releaseEpoch', begin, end: (begin + 9) as BlockNumber })
      world.release = await chain.head()
      return epochs as EpochId
    },
    submission(slotId, snapshotCid, projectId = P1, { header, signedBy, ...request } = {}) {
      const asked = {
        slotId: slotId as SlotId,
        deadlineBlock: (world.release.number + 500) as BlockNumber,
        snapshotCid,
        epochId: epochs as EpochId,
        projectId,
        ...request,
      }
      const signature = (SIGNERS[(signedBy ?? slotId) - 1] ?? SIGNERS[0])?.sign(hasher.digest(asked)) ?? ''
      return {
        request: asked,
        signature,
        header: header ?? world.release.hash,
        dataMarket: chain.dataMarket,
        nodeVersion: 'v1',
        protocolState: '',
      }
    },
    async anchor(batch, args = {}) {
      const bytes = args.bytes ?? encodeBatch(batch)
      const batchCid = args.batchCid ?? (await snapshotCidOf(bytes))
      if (args.isHidden !== true) await ipfs.node('sequencer').add(bytes)
      const { epochId = EPOCH_1, projectIds = [...batch.projectIds], snapshotCids = [...batch.snapshotCids] } = args
      const rootHash = args.rootHash ?? publishedRoot(snapshotCids)
      const roots = args.byRoots === true ? { projectsRootHash: publishedRoot(projectIds) } : args.byRoots
      const call: ProtocolCall =
        roots === undefined
          ? { kind: 'submitSubmissionBatch', epochId, batchCid, projectIds, snapshotCids, rootHash }
          : { kind: 'submitRootOnlyBatches', epochId, batches: [{ batchCid, rootHash, ...roots }] }
      await world.send(SEQUENCER, `batch ${epochId} ${batchCid}`, call)
      return batchCid
    },
  }
  await world.releaseNext()
  chain.mine(BLOCKS_AFTER_RELEASE)
  return world
}

let ids = 0
/** A batch as an honest sequencer writes it; each entry of `submissions` under a fresh id. */
export function batchOf(
  submissions: readonly Submission[],
  results: readonly (readonly [ProjectId, Cid])[],
  earlierIds: readonly string[] = [],
): Batch {
  const list = submissions.map((submission) => ({ submissionId: `id-${ids++}`, submission }))
  return {
    submissions: list,
    submissionsRoot: publishedRoot([...earlierIds, ...list.map(({ submissionId }) => submissionId)]),
    projectIds: results.map(([projectId]) => projectId),
    snapshotCids: results.map(([, cid]) => cid),
  }
}

export const idsOf = (batch: Batch): string[] => batch.submissions.map(({ submissionId }) => submissionId)
export const honestVotes = (world: World) => [world.submission(1, CID_A), world.submission(2, CID_A), world.submission(3, CID_B)]
export const honest = (world: World): Batch => batchOf(honestVotes(world), [[P1, CID_A]])

/** Lets the validator come to its end about a batch; says what it did instead when there is none within `blocksMax`. */
export async function judged(world: World, running: Running, count = 1, blocksMax = 60): Promise<BatchRecord> {
  for (let block = 0; block < blocksMax && running.records.length < count && running.failure() === undefined; block += 1) await world.mine()
  const record = running.records[count - 1]
  if (record === undefined) throw new Error(`${running.records.length} of ${count} batches ended; log: ${running.events.join(', ')}`)
  return record
}

/** What a validator that ran before the release left behind. */
export async function storeWithCursor(): Promise<FakeStore> {
  const store = createFakeStore()
  await store.commit([{ key: 'cursor', value: new TextEncoder().encode('0') }])
  return store
}
