import { afterEach, expect } from 'vitest'
import { byCodeUnit } from '#domain/ids.ts'
import type { Address, BlockNumber, Cid, ContentHash, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type {
  AnchorChain,
  BlockRef,
  CallOutcome,
  ChainStep,
  IntentJournal,
  ManifestRef,
  ProtocolCall,
  ProtocolEvent,
  ProtocolSender,
  RootOnlyBatch,
} from '#io/chain/port.ts'

/** As the devnet's market has them. */
export const SUITE_REWARDS = { dailySnapshotQuota: 10, areRewardsEnabled: true } as const

/** The market that a world opens with: epochs of 10 source blocks, windows of 10, 20 and 30 anchor blocks, three validators of whom two must attest. */
export const SUITE_MARKET = {
  epochSize: 10,
  sourceChainId: 1,
  // Three epochs a day.
  sourceBlockTimeSeconds: 2_880,
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
  sender(
    account: Account,
    options?: { readonly journal?: IntentJournal; readonly settleTimeoutMs?: number; readonly onShared?: (nonce: number) => void },
  ): ProtocolSender
  mine(count?: number): Promise<void>
  /** Of the last block in which contracts see this number; the same number where they see the block's own. */
  readonly lastSeeing?: (contractNumber: number) => number
  /** Replaces the last blocks by as many new, empty ones. */
  reorg(depth: number): Promise<void>
  assignSigner(slotId: SlotId, signer: Address): Promise<void>
  burnSlot(slotId: SlotId): Promise<void>
  /** As the market's owner; in the chain when it resolves. */
  setManifest(manifest: ManifestRef): Promise<void>
  /** The same for batches by their roots alone. */
  setRootOnlyAllowed(isAllowed: boolean): Promise<void>
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

export const NEVER = new AbortController().signal
export const ROOT = `0x${'aa'.repeat(32)}` as Hash
export const OTHER_ROOT = `0x${'bb'.repeat(32)}` as Hash
export const PROJECTS = ['pairs:0x01:SUITE', 'pairs:0x02:SUITE'] as ProjectId[]
export const CIDS = [
  'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri',
  'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44',
] as Cid[]
export const BATCH = 'bafkreiecdgs45ppubnnd4aoam4fqpqadbzsh5ubv5wzp5uw4tz7nfb5b7i' as Cid
export const BATCH_2 = 'bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy' as Cid
/** Of `PROJECTS` and `CIDS`. */
export const CONTENT = '0x61997d92360f7f9a6f1e36da25328907c8434ffcb4e2fce527737b3aa0662f' as ContentHash
export const EPOCH_1 = 1 as EpochId

export const release = (begin: number, end: number): ProtocolCall => ({
  kind: 'releaseEpoch',
  begin: begin as BlockNumber,
  end: end as BlockNumber,
})
export const submit = (change: Partial<Extract<ProtocolCall, { kind: 'submitSubmissionBatch' }>> = {}): ProtocolCall => ({
  kind: 'submitSubmissionBatch',
  epochId: EPOCH_1,
  batchCid: BATCH,
  projectIds: PROJECTS,
  snapshotCids: CIDS,
  rootHash: ROOT,
  ...change,
})
export const attest = (rootHash: Hash = ROOT, batchCid: Cid = BATCH, contentHash?: ContentHash): ProtocolCall => ({
  kind: 'submitBatchAttestation',
  epochId: EPOCH_1,
  batchCid,
  rootHash,
  contentHash,
})
export const submitRoots = (batches: readonly RootOnlyBatch[], epochId: EpochId = EPOCH_1): ProtocolCall => ({
  kind: 'submitRootOnlyBatches',
  epochId,
  batches,
})
export const end: ProtocolCall = { kind: 'endBatchSubmissions', epochId: EPOCH_1 }

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

export async function take(steps: AsyncIterable<ChainStep>, isEnough: (taken: readonly ChainStep[]) => boolean): Promise<ChainStep[]> {
  const taken: ChainStep[] = []
  for await (const step of steps) {
    taken.push(step)
    if (isEnough(taken)) break
  }
  return taken
}

export const blockOf = (step: ChainStep): BlockRef => (step.kind === 'block' ? step.block : step.to)
export const numberOf = (step: ChainStep): string => `${step.kind === 'rollback' ? 'back to ' : ''}${blockOf(step).number}`

export interface Scene extends ChainWorld {
  untilPending(count: number): Promise<void>
  /** Mines up to the last block in which contracts see so much more than now. */
  pass(blocks: number): Promise<void>
  /** Sends, mines one block once the transaction waits for it, and returns the outcome. */
  perform(account: Account, call: ProtocolCall): Promise<CallOutcome>
  following(options: {
    readonly from: number
    readonly known?: readonly BlockRef[]
    readonly signal?: AbortSignal
  }): AsyncIterable<ChainStep>
  /** Those of one transaction by kind: in what order two contracts announce the effects of one call is not promised. */
  eventsSince(from: number): Promise<Record<string, unknown>[]>
}

function sceneOf(world: ChainWorld): Scene {
  let intents = 0
  const following: Scene['following'] = ({ from, known = [], signal = NEVER }) =>
    world.chain.follow({ from: from as BlockNumber, known, signal })
  return {
    ...world,
    following,
    async pass(blocks) {
      const { number, contractNumber } = await world.chain.head()
      const { lastSeeing = (seen) => seen } = world
      const count = lastSeeing(contractNumber + blocks) - number
      if (count > 0) await world.mine(count)
    },
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
      const events = steps.flatMap((step) => (step.kind === 'block' ? step.events : []))
      const byTransaction = Map.groupBy(events, ({ transactionHash }) => transactionHash)
      const order = (facts: Record<string, unknown>) => `${facts['kind']} ${facts['projectId']}`
      return [...byTransaction.values()].flatMap((group) => group.map(plain).sort((left, right) => byCodeUnit(order(left), order(right))))
    },
  }
}

/** Opens a world per test and closes it afterwards. */
export function createScene(open: () => Promise<ChainWorld>) {
  let scene: Scene | undefined
  const opened = async (): Promise<Scene> => {
    scene = sceneOf(await open())
    return scene
  }
  /** With epoch 1 released. */
  const released = async (): Promise<Scene> => {
    const world = await opened()
    expect(await world.perform('epochManager', release(100, 109))).toMatchObject({ kind: 'done' })
    return world
  }
  /** With a batch of two projects in epoch 1. */
  const anchored = async (): Promise<Scene> => {
    const world = await released()
    expect(await world.perform('sequencer', submit())).toMatchObject({ kind: 'done' })
    return world
  }
  afterEach(async () => {
    await scene?.close()
  })
  return { opened, released, anchored }
}
