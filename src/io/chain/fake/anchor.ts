import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, ContractNumber, Hash, SlotId } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, ChainStep, IntentJournal, ManifestRef, MarketState, ProtocolSender } from '#io/chain/port.ts'
import { followBlocks } from '#io/chain/read/follow.ts'
import type { BlockWithEvents } from '#io/chain/read/follow.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { keccak256 } from '#wire/keccak.ts'
import { createFakeContract } from './contract.ts'
import type { FakeCall, FakeContract, FakeRewards } from './contract.ts'
import { createOmissions, type FakeOmission } from './omissions.ts'
import { createFakeSender } from './sender.ts'

export interface FakeTransaction {
  readonly hash: Hash
  readonly from: Address
  /** Mined when as many of the account's are before it, as everywhere; without one, with the next block. */
  readonly nonce?: number
  readonly call: FakeCall
}

export interface FakeReceipt {
  readonly block: BlockRef
  /** The code of the revert; `undefined` after success. */
  readonly reverted: string | undefined
}

/** What an onlooker sees of a transaction; without a receipt it waits for a block. */
export interface SeenTransaction extends FakeTransaction {
  readonly receipt: FakeReceipt | undefined
}

interface FakeBlock extends BlockWithEvents {
  readonly transactions: readonly FakeTransaction[]
}

export interface FakeChainOptions {
  readonly clock: Pace
  readonly market: MarketState
  /** Signers of the slots, slot 1 first. */
  readonly signers: readonly Address[]
  /** Of the market; its epoch manager unless said. */
  readonly owner?: Address
  /** Those that the market begins with. */
  readonly manifests?: readonly ManifestRef[]
  /** Whether votes may name the content they are for; the deployed contracts' may not. True unless said. */
  readonly hasContents?: boolean
  /** A quota of 1,000, rewards off, and as many epochs a day as source blocks make, unless said otherwise. */
  readonly rewards?: Partial<FakeRewards>
  /**
   * What contracts see in a block in place of its number, as on Nitro: never less than in the one before. Far from it unless said, so that no test holds in
   * which the two are mixed.
   */
  readonly contractNumberOf?: ((number: BlockNumber) => number) | undefined
  readonly chainId?: number
  readonly protocolState?: Address
  readonly dataMarket?: Address
  /** Mines a block each time this passes; without it only `mine` does. */
  readonly blockTimeMs?: number
  readonly pollMs?: number
  readonly reorgDepthMax?: number
  /** The pool has just taken a transaction that it did not have. */
  readonly onBroadcast?: ((transaction: FakeTransaction) => void) | undefined
}

/** Several nodes behind one address, of which one has not come so far. */
export interface FakeLag {
  readonly blocks: number
  readonly every: number
}

/** A market for tests, each of which says only what matters to it. */
export function marketOf(change: Partial<MarketState> & Pick<MarketState, 'epochManager'>): MarketState {
  return {
    epochSize: 10,
    sourceChainId: 1,
    sourceBlockTimeSeconds: 12,
    snapshotWindowBlocks: 10,
    batchWindowBlocks: 20,
    attestationWindowBlocks: 30,
    attestationsMin: 1,
    sequencers: [],
    validators: [],
    ...change,
  }
}

/** The chain as one process reaches it. */
export interface FakeConnection extends AnchorChain {
  /** A sender whose account `address` is; roles of one account must share one. */
  sender(options: {
    readonly address: Address
    readonly journal: IntentJournal
    readonly settleTimeoutMs?: number
    readonly onShared?: (nonce: number) => void
  }): ProtocolSender
}

/** An anchor chain in memory: one data market with its contract's rules, blocks, a pool, reorganisations. By itself it is a connection too. */
export interface FakeChain extends FakeConnection {
  /** Another one: what it has handed out is known to whoever has it, and to nobody else. */
  connect(): FakeConnection
  /** Mines blocks; the first takes all transactions that wait. */
  mine(count?: number): void
  /** Replaces the last `depth` blocks by as many new ones, or by fewer. Their transactions go into the first of those, unless they are lost. */
  reorg(depth: number, options?: { readonly isLosingTransactions?: boolean; readonly blocks?: number | undefined }): void
  /** Waits for a block like any transaction; it always succeeds. */
  assignSigner(slotId: SlotId, signer: Address): void
  /** The same for the end of a slot. */
  burnSlot(slotId: SlotId): void
  /** With the next block, unless its epoch has begun by then. */
  setManifest(manifest: ManifestRef): void
  /** Whether batches may be anchored by their roots alone, from the next block on. At first they may not. */
  setRootOnlyAllowed(isAllowed: boolean): void
  /** Changes the market's settings, with the next block. */
  changeMarket(change: Partial<MarketState>): void
  /** Changes how it counts days and rewards, with the next block. */
  changeRewards(change: Partial<FakeRewards>): void
  /** How many slots share the pool of a day, and how many of them are not rewarded yet. */
  rewardDay(day: number): { readonly eligible: number; readonly remaining: number }
  /** While unreachable every read and every send throws `CHAIN_UNREACHABLE`; blocks go on. A function is asked with each of them. */
  setReachable(isReachable: boolean | (() => boolean)): void
  /** Every `every`th read, also of whether a call would be taken, is answered by a node that is so many blocks behind; without it none is. */
  setLag(lag?: FakeLag): void
  /** The same of what senders ask: counts, receipts, and what a call would do. */
  setSenderLag(lag?: FakeLag): void
  /** Every `every`th range of blocks comes without logs that it has; that is found out, and the answer refused, as endpoints that omit are. */
  setOmission(omission?: FakeOmission): void
  /** Ends the mining on the clock. */
  stop(): void
  /** Transactions that wait for a block. */
  pendingCount(): number
  /** Transactions of the account in the chain. */
  transactionCount(address: Address): number
  /** Every transaction in the chain with its receipt, then those that wait for a block. */
  transactions(): readonly SeenTransaction[]
  /** Every block of the chain with its events, whoever can be reached. */
  blocks(): readonly BlockWithEvents[]
}

/** What the fake sender needs of its chain. */
export interface FakeMempool {
  assertReachable(method: string): void
  /** The code with which the call would revert now; throws when whoever answers has not what is known of. */
  estimate(from: Address, call: FakeCall): string | undefined
  /** Transactions of the account in the chain, without those of the newest `exceptBlocks`. */
  transactionCount(address: Address, exceptBlocks?: number): number
  /** Takes a transaction that it does not have yet, waiting or mined. */
  broadcast(transaction: FakeTransaction): void
  /** What it tells is known of from then on. */
  receipt(hash: Hash): FakeReceipt | undefined
}

const textHash = (text: string): Hash => `0x${keccak256(new TextEncoder().encode(text)).toHex()}` as Hash

const notThere = (number: BlockNumber): WeftError =>
  new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'fake', method: 'eth_call', detail: `block ${number} is not there` })

const FAR = 1_000_000
const contractNumberIn = ({ contractNumberOf = (number) => number + FAR }: FakeChainOptions, number: BlockNumber): ContractNumber =>
  contractNumberOf(number) as ContractNumber

/** Blocks, pool and the contract that follows from the blocks. */
function createMiner(options: FakeChainOptions) {
  const owner = options.owner ?? options.market.epochManager
  const blocks: FakeBlock[] = []
  let pool: FakeTransaction[] = []
  let made = 0
  let contract: FakeContract
  const receipts = new Map<Hash, FakeReceipt>()
  /** The contract as each block left it, where somebody has asked. */
  const past = new WeakMap<FakeBlock, FakeContract>()
  const head = (): BlockRef => (blocks.at(-1) as FakeBlock).block

  function execute(block: BlockRef, transactions: readonly FakeTransaction[]): FakeBlock {
    const events: BlockWithEvents['events'][number][] = []
    for (const transaction of transactions) {
      const reverted = contract.refuse(transaction.from, transaction.call, block)
      receipts.set(transaction.hash, { block, reverted })
      if (reverted !== undefined) continue
      for (const bare of contract.perform(transaction.from, transaction.call, block)) {
        events.push({ ...bare, block, logIndex: events.length, transactionHash: transaction.hash })
      }
    }
    return { block, events, transactions }
  }

  function contractAt(number: BlockNumber): FakeContract {
    const last = blocks[number]
    if (last === undefined) throw notThere(number)
    if (last === blocks.at(-1)) return contract
    const known = past.get(last)
    if (known !== undefined) return known
    const then = createFakeContract(options)
    for (const { block, transactions } of blocks.slice(0, number + 1))
      for (const { from, call } of transactions) if (then.refuse(from, call, block) === undefined) then.perform(from, call, block)
    past.set(last, then)
    return then
  }

  /** Mined ones of an address have all nonces from 0 on. From the end, for a bench's chain has thousands of blocks. */
  function transactionCount(address: Address, exceptBlocks = 0): number {
    for (let at = blocks.length - exceptBlocks - 1; at >= 0; at -= 1) {
      const last = blocks[at]?.transactions.findLast(({ from, nonce }) => from === address && nonce !== undefined)
      if (last?.nonce !== undefined) return last.nonce + 1
    }
    return 0
  }

  /** What may be in the next block, in order of arrival: a nonce above a gap waits. */
  function takeMineable(): readonly FakeTransaction[] {
    const taken: FakeTransaction[] = []
    const nextNonces = new Map<Address, number>()
    for (let before = -1; before < taken.length; ) {
      before = taken.length
      pool = pool.filter((transaction) => {
        const { from, nonce } = transaction
        if (nonce !== undefined) {
          const next = nextNonces.get(from) ?? transactionCount(from)
          // Used up by another: no node keeps such a one.
          if (nonce < next) return false
          if (nonce > next) return true
          nextNonces.set(from, next + 1)
        }
        taken.push(transaction)
        return false
      })
    }
    return taken
  }

  function mineOne(): void {
    const parent = blocks.at(-1)?.block
    const number = ((parent?.number ?? -1) + 1) as BlockNumber
    const parentHash = parent?.hash ?? textHash('before genesis')
    made += 1
    const block = {
      number,
      contractNumber: contractNumberIn(options, number),
      hash: textHash(`${parentHash} ${made}`),
      parentHash,
      timestamp: Math.max(parent?.timestamp ?? 0, Math.floor(options.clock.nowMs() / 1_000)),
    }
    blocks.push(execute(block, takeMineable()))
  }

  function replay(): void {
    contract = createFakeContract(options)
    receipts.clear()
    for (const { block, transactions } of blocks) execute(block, transactions)
  }

  replay()
  mineOne()
  return {
    blocks: (): readonly FakeBlock[] => blocks,
    /** As of the head, or of the end of block `at`. */
    contract: (at?: BlockNumber): FakeContract => (at === undefined ? contract : contractAt(at)),
    head,
    mineOne,
    transactionCount,
    pendingCount: () => pool.length,
    transactions: (): SeenTransaction[] =>
      [...blocks.flatMap(({ transactions }) => transactions), ...pool].map((each) => ({ ...each, receipt: receipts.get(each.hash) })),
    receipt: (hash: Hash) => receipts.get(hash),
    broadcast(transaction: FakeTransaction): void {
      if (receipts.has(transaction.hash) || pool.some(({ hash }) => hash === transaction.hash)) return
      pool.push(transaction)
      options.onBroadcast?.(transaction)
    },
    command(call: FakeCall): void {
      made += 1
      pool.push({ hash: textHash(`command ${made}`), from: owner, call })
    },
    rewrite(depth: number, isLosingTransactions: boolean, count = depth): void {
      const gone = blocks.splice(-depth)
      if (!isLosingTransactions) pool = [...gone.flatMap(({ transactions }) => transactions), ...pool]
      replay()
      for (let mined = 0; mined < Math.min(count, gone.length); mined += 1) mineOne()
    },
  }
}
type Miner = ReturnType<typeof createMiner>

type Reads = Omit<AnchorChain, 'chainId' | 'protocolState' | 'dataMarket' | 'follow'>

/** What reads need of the node that answers: `headSeen` is asked once per read, above that nothing is known. */
interface Answering {
  readonly assertReachable: (method: string) => void
  readonly headSeen: () => BlockRef
  /** The newest block that whoever asks knows of: without `at` nothing is answered from before it. */
  readonly reached: () => BlockNumber
}

function createReads(miner: Miner, { assertReachable, headSeen, reached }: Answering): Reads {
  let head = miner.head()
  function reading<Method extends keyof Reads>(
    method: Method,
    work: (...args: Parameters<Reads[Method]>) => Awaited<ReturnType<Reads[Method]>>,
  ): Reads[Method] {
    const answer = async (...args: Parameters<Reads[Method]>) => {
      assertReachable(method)
      head = headSeen()
      return work(...args)
    }
    return answer as Reads[Method]
  }
  const contract = (at?: BlockNumber): FakeContract => {
    const needed = at ?? reached()
    if (needed > head.number) throw notThere(needed)
    return at === undefined && head.number === miner.head().number ? miner.contract() : miner.contract(at ?? head.number)
  }
  return {
    head: reading('head', () => head),
    block: reading('block', (number) => (number > head.number ? undefined : miner.blocks()[number]?.block)),
    firstSeeing: reading('firstSeeing', (number) => {
      if (head.contractNumber < number) return (head.number + 1) as BlockNumber
      return (miner.blocks().find(({ block }) => block.contractNumber >= number) as FakeBlock).block.number
    }),
    deploymentBlock: reading('deploymentBlock', () => 0 as BlockNumber),
    market: reading('market', () => contract().market()),
    sequencerId: reading('sequencerId', () => ''),
    manifests: reading('manifests', () => contract().manifests()),
    manifestAt: reading('manifestAt', (epochId) => {
      if (epochId > contract().currentEpoch().epochId)
        throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'fake', method: 'manifestAt', detail: `epoch ${epochId} is not released` })
      return contract().manifestAt(epochId)
    }),
    slots: reading('slots', () => contract().slots()),
    slot: reading('slot', (slotId, at) => contract(at).slot(slotId)),
    currentEpoch: reading('currentEpoch', () => contract().currentEpoch()),
    epochInfo: reading('epochInfo', (epochId) => {
      const epoch = contract().epoch(epochId)
      if (epoch === undefined) return { timestamp: 0, contractNumber: 0 as ContractNumber, end: 0 as BlockNumber }
      return { timestamp: epoch.release.timestamp, contractNumber: epoch.release.contractNumber, end: epoch.end }
    }),
    release: reading('release', (epochId) => contract().epoch(epochId)?.release),
    snapshotStatus: reading('snapshotStatus', (projectId, epochId, at) => contract(at).snapshotStatus(projectId, epochId)),
    projectFirstEpochId: reading('projectFirstEpochId', (projectId, at) => contract(at).firstEpochId(projectId)),
    batchCids: reading(
      'batchCids',
      (epochId, at) =>
        contract(at)
          .epoch(epochId)
          ?.batches.map(({ batchCid }) => batchCid) ?? [],
    ),
    isEpochEnded: reading('isEpochEnded', (epochId, at) => contract(at).epoch(epochId)?.isEnded ?? false),
    batch: reading('batch', (epochId, batchCid, at) => contract(at).batch(epochId, batchCid)),
    rewardRules: reading('rewardRules', () => contract().rewardRules()),
    slotDay: reading('slotDay', (slotId, day) => contract().slotDay(slotId, day)),
    hasAttested: reading('hasAttested', (epochId, batchCid, validator) => contract().hasAttested(epochId, batchCid, validator)),
  }
}

/** Up to which block whoever answers sees the chain, asked once per answer. */
function createView(miner: Miner) {
  let lag: FakeLag | undefined
  let answers = 0
  return {
    setLag(next?: FakeLag): void {
      lag = next
    },
    headSeen(): BlockRef {
      answers += 1
      if (lag === undefined || answers % lag.every !== 0) return miner.head()
      return (miner.blocks().at(-1 - lag.blocks) ?? (miner.blocks()[0] as FakeBlock)).block
    },
  }
}

/** Blocks taken per step when far behind: enough to see that a caller copes with several at once. */
const BLOCKS_PER_READ = 50
/** How long a sender waits for a block before it says that it has none yet. */
const SETTLE_TIMEOUT_MS = 60_000

/** What one process is answered, and what it knows of by that. */
interface Connecting extends Omit<Answering, 'reached'> {
  readonly miner: Miner
  /** Of senders. */
  readonly sendingHead: () => BlockRef
  readonly whole: ReturnType<typeof createOmissions>['whole']
}

function connection(options: FakeChainOptions, { miner, sendingHead, whole, ...node }: Connecting): FakeConnection {
  const { clock, pollMs = 100, reorgDepthMax = 127 } = options
  const { assertReachable, headSeen } = node
  let reached = 0 as BlockNumber
  const come = ({ number }: BlockRef): void => {
    reached = Math.max(reached, number) as BlockNumber
  }
  const answers = createReads(miner, { ...node, reached: () => reached })
  const mempool: FakeMempool = {
    assertReachable,
    estimate(from, call) {
      const [seen, sent] = [headSeen(), sendingHead()]
      const head = sent.number < seen.number ? sent : seen
      if (head.number < reached) throw notThere(reached)
      const number = (head.number + 1) as BlockNumber
      return miner.contract(head.number).refuse(from, call, { ...head, number, contractNumber: contractNumberIn(options, number) })
    },
    transactionCount: (address, exceptBlocks = 0) =>
      miner.transactionCount(address, exceptBlocks + miner.head().number - sendingHead().number),
    broadcast: miner.broadcast,
    receipt(hash) {
      const receipt = miner.receipt(hash)
      if (receipt === undefined || receipt.block.number > sendingHead().number) return undefined
      come(receipt.block)
      return receipt
    },
  }
  const source = {
    head: answers.head,
    block: answers.block,
    read: async (first: BlockNumber, head: BlockRef) => {
      assertReachable('follow')
      const range = miner.blocks().slice(first, Math.min(head.number + 1, headSeen().number + 1, first + BLOCKS_PER_READ))
      return whole(range, ({ block, events }) => (events.length > 0 ? block.number : undefined))
    },
  }

  async function* followed(steps: AsyncIterable<ChainStep>): AsyncGenerator<ChainStep, void, undefined> {
    for await (const step of steps) {
      if (step.kind === 'block') come(step.block)
      else reached = step.to.number
      yield step
    }
  }

  return {
    chainId: options.chainId ?? 31_337,
    protocolState: options.protocolState ?? (`0x${'50'.repeat(20)}` as Address),
    dataMarket: options.dataMarket ?? (`0x${'da'.repeat(20)}` as Address),
    ...answers,
    follow: ({ from, known, signal }) =>
      followed(followBlocks(source, { from, known, signal, reorgDepthMax, pause: () => clock.sleep(pollMs, signal) })),
    sender: (sender) => createFakeSender({ settleTimeoutMs: SETTLE_TIMEOUT_MS, ...sender, clock, pollMs }, mempool),
  }
}

/** A chain with a genesis block and nothing released yet. */
export function createFakeChain(options: FakeChainOptions): FakeChain {
  const { clock } = options
  const stopping = new AbortController()
  let isReachable = (): boolean => true
  const miner = createMiner(options)
  const assertReachable = (method: string) => {
    if (!isReachable()) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'fake', method })
  }
  const reading = createView(miner)
  const sending = createView(miner)
  const { whole, setOmission } = createOmissions()
  const connect = (): FakeConnection =>
    connection(options, { miner, assertReachable, headSeen: reading.headSeen, sendingHead: sending.headSeen, whole })

  async function mineOnTheClock(blockTimeMs: number): Promise<void> {
    try {
      for (;;) {
        await clock.sleep(blockTimeMs, stopping.signal)
        miner.mineOne()
      }
    } catch (cause) {
      if (!stopping.signal.aborted) throw cause
    }
  }
  if (options.blockTimeMs !== undefined) void mineOnTheClock(options.blockTimeMs)

  return {
    ...connect(),
    connect,
    mine(count = 1) {
      for (let mined = 0; mined < count; mined += 1) miner.mineOne()
    },
    reorg: (depth, how) => miner.rewrite(depth, how?.isLosingTransactions ?? false, how?.blocks),
    assignSigner: (slotId, signer) => miner.command({ kind: 'assignSigner', slotId, signer }),
    burnSlot: (slotId) => miner.command({ kind: 'burnSlot', slotId }),
    setRootOnlyAllowed: (isAllowed) => miner.command({ kind: 'setRootOnlyAllowed', isAllowed }),
    setManifest: (manifest) => miner.command({ kind: 'setManifest', manifest }),
    changeMarket: (change) => miner.command({ kind: 'changeMarket', change }),
    changeRewards: (change) => miner.command({ kind: 'changeRewards', change }),
    rewardDay: (day) => miner.contract().rewardDay(day),
    setReachable(reachable) {
      isReachable = typeof reachable === 'boolean' ? () => reachable : reachable
    },
    setLag: reading.setLag,
    setSenderLag: sending.setLag,
    setOmission,
    stop: () => stopping.abort(),
    pendingCount: miner.pendingCount,
    transactionCount: miner.transactionCount,
    transactions: miner.transactions,
    blocks: miner.blocks,
  }
}
