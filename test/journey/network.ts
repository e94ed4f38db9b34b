import type { Batch } from '#domain/batch.ts'
import type { ComputeSet, JsonValue } from '#domain/compute.ts'
import type { Address, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Receipt } from '#domain/submission.ts'
import { createFakeChain, type FakeChain } from '#io/chain/fake.ts'
import type { AnchoredBatch, ProtocolCall } from '#io/chain/port.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import { createFakeGrpc } from '#io/grpc/fake.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Signer } from '#io/keys/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createFakeNetwork, type FakeNetwork } from '#io/p2p/fake.ts'
import type { Relay, SubmissionDialer } from '#io/p2p/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { type Collector, createCollector } from '#roles/collector/collector.ts'
import { type StepResult, verify } from '#roles/consumer/verify.ts'
import { createEpochs } from '#roles/epochs/epochs.ts'
import { runRelay } from '#roles/relay/relay.ts'
import { createSequencer, type Sequencer } from '#roles/sequencer/sequencer.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { startSnapshotter } from '#roles/snapshotter/snapshotter.ts'
import { createValidator, type Validator } from '#roles/validator/validator.ts'
import { BATCH_BYTES_MAX, decodeBatch } from '#wire/batch-json.ts'
import { JSON_BYTES_MAX, parseCanonicalJson } from '#wire/canonical-json.ts'
import { falsify } from '../../src/devnet/lie.ts'
import { createPriceChain, prices, SOURCE_BLOCKS_AT_START } from './prices.ts'

/** Every role of a network in one process, on fakes and a clock that moves only when a test waits: the same seed is the same run. */

export interface NetworkOptions {
  readonly seed: number
  readonly honestSlots: number
  /** Served by one snapshotter that falsifies its data, through the relay. */
  readonly lyingSlots: number
  /** What the sequencer puts on chain instead of what it should. */
  readonly anchoring?: (call: ProtocolCall) => ProtocolCall
  /** What the last validator is given instead of what it asked IPFS for. */
  readonly feeding?: (bytes: Uint8Array) => Uint8Array
}

export interface Network {
  readonly chain: FakeChain
  readonly links: FakeNetwork
  readonly projects: readonly ProjectId[]
  readonly honestSlots: readonly SlotId[]
  readonly lyingSlots: readonly SlotId[]
  /** What collectors were answered, in order. */
  readonly receipts: readonly Receipt[]
  /** The direct one, then the one behind the relay. */
  readonly collectors: readonly Collector[]
  readonly relay: Relay
  readonly validators: readonly Validator[]
  sequencer(): Sequencer
  /** The source chain grows by one epoch; resolves when the anchor chain has its release. */
  releaseEpoch(): Promise<EpochId>
  /** Lets time pass until the goal is reached. Throws when a role fails, or the goal is never reached. */
  until(goal: () => boolean | Promise<boolean>): Promise<void>
  passBlocks(count: number): Promise<void>
  /** Cuts the sequencer's power at the very instant in which that many receipts have arrived; resolves when it has happened. */
  cutPowerAtReceipt(count: number): Promise<void>
  /** A new sequencer on what the old one's disk still holds. */
  restartSequencer(): Promise<void>
  batches(epochId: EpochId): Promise<readonly AnchoredBatch[]>
  /** Resolves when the epoch has all its batches, each with as many attestations of its root. */
  attested(epochId: EpochId, attestationCount: number): Promise<readonly AnchoredBatch[]>
  file(batchCid: Cid): Promise<Batch>
  /** The data that the chain names for the project, from IPFS. */
  snapshot(projectId: ProjectId, epochId: EpochId): Promise<JsonValue>
  prove(projectId: ProjectId, epochId: EpochId): Promise<readonly StepResult[]>
  stop(): Promise<void>
}

const NAMESPACE = 'JOURNEY'
const BLOCK_TIME_MS = 1_000
const POLL_MS = 250
export const EPOCH_SIZE = 6
/** In anchor blocks from the release. The data of an epoch is final some blocks after its window, so the next one's aggregates can still read it. */
export const WINDOW_BLOCKS = 10
/** Seven projects make two batches. */
const PROJECTS_PER_BATCH = 4
const VALIDATORS = 3
const DEADLINE_BUFFER_MAX_BLOCKS = 1_000
/** Longer than anything that goes well. */
const PATIENCE_MS = 60_000
const TALLY = { minVotes: 0, minShareBp: 0 }

const account = (digit: string): Address => `0x${digit.repeat(40)}` as Address
const EPOCH_MANAGER = account('e')
const SEQUENCER = account('5')
const VALIDATOR_ACCOUNTS = Array.from({ length: VALIDATORS }, (_, index) => account('abc'[index] as string))
const honestSigner = createSigner(parsePrivateKey('11'.repeat(32)))
const lyingSigner = createSigner(parsePrivateKey('66'.repeat(32)))
const identity = (digit: number): Uint8Array => new Uint8Array(32).fill(digit)
const quiet = (): void => undefined
const unchanged = <Value>(value: Value): Value => value

type World = ReturnType<typeof createWorld>

/** The outside that all roles share. */
function createWorld(options: NetworkOptions) {
  const clock = createVirtualClock()
  const slotIds = Array.from({ length: options.honestSlots + options.lyingSlots }, (_, index) => (index + 1) as SlotId)
  const market = {
    epochSize: EPOCH_SIZE,
    sourceChainId: 1,
    sourceBlockTimeSeconds: 12,
    snapshotWindowBlocks: WINDOW_BLOCKS,
    batchWindowBlocks: 40,
    attestationWindowBlocks: 60,
    attestationsMin: 2,
    epochManager: EPOCH_MANAGER,
    sequencers: [SEQUENCER],
    validators: VALIDATOR_ACCOUNTS,
  }
  const signers = slotIds.map((slotId) => (slotId <= options.honestSlots ? honestSigner : lyingSigner).address)
  let parts = 0
  const random = () => createSeededRandom(options.seed * 1_000 + parts++)
  return {
    clock,
    random,
    honestSlots: slotIds.slice(0, options.honestSlots),
    lyingSlots: slotIds.slice(options.honestSlots),
    chain: createFakeChain({ clock, market, signers, blockTimeMs: BLOCK_TIME_MS, pollMs: POLL_MS }),
    source: createPriceChain(),
    ipfs: createFakeIpfsNetwork({ clock }),
    grpc: createFakeGrpc(clock),
    links: createFakeNetwork({ clock, random: random() }),
    processes: createProcesses(clock),
  }
}

/** The roles at work. The first failure of one is the failure of whoever waits for anything. */
function createProcesses(clock: VirtualClock) {
  const stopping = new AbortController()
  const alive = new Set<Promise<void>>()
  const failures: unknown[] = []
  return {
    start(run: (signal: AbortSignal) => Promise<void>): { kill(): void } {
      const killing = new AbortController()
      const process = run(AbortSignal.any([stopping.signal, killing.signal])).catch((failure: unknown) => {
        if (alive.has(process)) failures.push(failure)
      })
      alive.add(process)
      return {
        kill() {
          alive.delete(process)
          killing.abort()
        },
      }
    },
    until(goal: () => boolean | Promise<boolean>): Promise<void> {
      const isReached = () => {
        if (failures.length > 0) throw failures[0]
        return goal()
      }
      return clock.runUntil(isReached, { limitMs: PATIENCE_MS })
    },
    async stop(): Promise<void> {
      stopping.abort()
      await clock.runUntil(Promise.all(alive), { limitMs: PATIENCE_MS })
      if (failures.length > 0) throw failures[0]
    },
  }
}

function startEpochs({ chain, source, clock, processes }: World): void {
  const store = createFakeStore()
  const sender = chain.sender({ address: EPOCH_MANAGER, journal: store })
  const epochs = createEpochs(
    { headOffset: 0, firstBlock: SOURCE_BLOCKS_AT_START, pollMs: POLL_MS },
    { chain, source, sender, store, clock, report: quiet },
  )
  processes.start((signal) => epochs.run(signal))
}

async function startRelay({ links, clock, processes }: World): Promise<Relay> {
  const relay = await links.createRelay({ identity: identity(9) })
  processes.start((signal) => runRelay({ statsIntervalMs: 10_000 }, { relay, clock, report: quiet }, signal))
  return relay
}

/** Starts the sequencer, and starts it again after a crash. Its addresses stay the same. */
async function startSequencer(world: World, relay: Relay, anchoring: (call: ProtocolCall) => ProtocolCall = unchanged) {
  const { links, chain, ipfs, clock, processes } = world

  async function start(store = createFakeStore()) {
    const host = await links.createSubmissionHost({ identity: identity(5), relays: relay.addresses() })
    const sender = chain.sender({ address: SEQUENCER, journal: store })
    const sequencer = createSequencer(
      {
        namespace: NAMESPACE,
        windowUnit: 'blocks',
        deadlineBufferMaxBlocks: DEADLINE_BUFFER_MAX_BLOCKS,
        projectsPerSlotMax: 100,
        tally: TALLY,
        batchLimits: { projectsMax: PROJECTS_PER_BATCH, bytesMax: BATCH_BYTES_MAX },
        epochsKept: 100,
      },
      {
        store,
        chain,
        clock,
        recoverer,
        listener: host,
        ipfs: ipfs.node('sequencer'),
        sender: {
          ...sender,
          sendInOrder: (intents, signal) =>
            sender.sendInOrder(
              intents.map(({ intentId, call }) => ({ intentId, call: anchoring(call) })),
              signal,
            ),
        },
        report: quiet,
      },
    )
    const process = processes.start((signal) => sequencer.run(signal))
    return { store, host, sequencer, process }
  }

  let now = await start()
  let disk = now.store
  return {
    current: () => now.sequencer,
    addresses: now.host.addresses(),
    cutPower(): void {
      disk = now.store.crash()
      now.process.kill()
      void now.host.stop()
    },
    async restart() {
      now = await start(disk)
    },
  }
}

interface CollectorPlace {
  readonly identity: Uint8Array
  readonly address: string
}

/** Resolves with the collector and the endpoint at which snapshotters find it. */
async function startCollector({ identity, address }: CollectorPlace, postbox: Postbox, { links, grpc, clock, random, processes }: World) {
  const dialer = noting(await links.createSubmissionDialer({ identity }), postbox)
  const collector = createCollector({ addresses: [address] }, { store: createFakeStore(), dialer, clock, random: random(), report: quiet })
  const { endpoint } = await grpc.serveSubmissions({ host: 'collector', port: 0, handler: collector.handler })
  processes.start((signal) => collector.run(signal))
  return { collector, endpoint }
}

/** Where a copy of every receipt goes. */
interface Postbox {
  readonly receipts: Receipt[]
  onReceipt(): void
}

function noting(dialer: SubmissionDialer, postbox: Postbox): SubmissionDialer {
  return {
    async dial(address, signal) {
      const link = await dialer.dial(address, signal)
      return {
        ...link,
        async send(delivery) {
          const receipt = await link.send(delivery)
          if (receipt !== 'unacknowledged') postbox.receipts.push(receipt)
          postbox.onReceipt()
          return receipt
        },
      }
    },
  }
}

interface Seat {
  readonly name: string
  readonly signer: Signer
  readonly slotIds: readonly SlotId[]
  readonly endpoint: string
  readonly computes: ComputeSet
}

async function startSeat({ name, signer, slotIds, endpoint, computes }: Seat, world: World): Promise<void> {
  if (slotIds.length === 0) return
  const { chain, source, ipfs, grpc, clock, random, processes } = world
  const snapshotter = await startSnapshotter(
    { namespace: NAMESPACE, slotIds, windowUnit: 'blocks' },
    {
      chain,
      source,
      clock,
      signer,
      computes,
      ipfs: ipfs.node(name),
      store: createFakeStore(),
      random: random(),
      collector: grpc.createSubmissionClient({ endpoint }),
    },
  )
  processes.start(async (signal) => {
    signal.addEventListener('abort', () => void snapshotter.stop())
    await snapshotter.ended
  })
}

function startValidator(index: number, feeding: (bytes: Uint8Array) => Uint8Array, { chain, ipfs, clock, processes }: World): Validator {
  const store = createFakeStore()
  const node = ipfs.node(`validator ${index + 1}`)
  const fed: Ipfs = { ...node, get: async (cid, limits) => feeding(await node.get(cid, limits)) }
  const validator = createValidator(
    {
      windowUnit: 'blocks',
      level: 'tally',
      namespace: NAMESPACE,
      deadlineBufferMaxBlocks: DEADLINE_BUFFER_MAX_BLOCKS,
      tally: TALLY,
      epochsKept: 100,
    },
    {
      store,
      chain,
      clock,
      recoverer,
      ipfs: fed,
      sender: chain.sender({ address: VALIDATOR_ACCOUNTS[index] as Address, journal: store }),
      report: quiet,
    },
  )
  processes.start((signal) => validator.run(signal))
  return validator
}

/** What somebody sees who trusts the anchor chain alone and has an IPFS node of his own. */
function createConsumer({ chain, ipfs, clock, processes }: World) {
  const node = ipfs.node('consumer')
  const signal = new AbortController().signal
  const get = (cid: string, bytesMax: number) =>
    clock.runUntil(node.get(cid as Cid, { bytesMax, timeoutMs: 5_000 }), { limitMs: PATIENCE_MS })
  const batches = async (epochId: EpochId) => {
    const found = (await chain.batchCids(epochId)).map((batchCid) => chain.batch(epochId, batchCid))
    return (await Promise.all(found)) as AnchoredBatch[]
  }

  async function collect(projectId: ProjectId, epochId: EpochId): Promise<StepResult[]> {
    const steps: StepResult[] = []
    for await (const step of verify({ projectId, epochId, signal }, { chain, ipfs: node })) steps.push(step)
    return steps
  }

  return {
    batches,
    async attested(epochId: EpochId, attestationCount: number) {
      await processes.until(async () => {
        const anchored = await batches(epochId)
        return (await chain.isEpochEnded(epochId)) && anchored.every((batch) => batch.attestationCount >= attestationCount)
      })
      return batches(epochId)
    },
    file: async (batchCid: Cid) => decodeBatch(await get(batchCid, BATCH_BYTES_MAX)) as Batch,
    async snapshot(projectId: ProjectId, epochId: EpochId) {
      const { snapshotCid } = await chain.snapshotStatus(projectId, epochId)
      return parseCanonicalJson(await get(snapshotCid, JSON_BYTES_MAX))
    },
    prove: (projectId: ProjectId, epochId: EpochId) => clock.runUntil(collect(projectId, epochId), { limitMs: PATIENCE_MS }),
  }
}

/** Starts the roles in the order in which they need each other; resolves when the sequencer takes submissions. */
export async function createNetwork(options: NetworkOptions): Promise<Network> {
  const world = createWorld(options)
  const { chain, source, links, honestSlots, lyingSlots, processes } = world
  const postbox: Postbox = { receipts: [], onReceipt: quiet }
  const { receipts } = postbox

  const relay = await startRelay(world)
  const sequencer = await startSequencer(world, relay, options.anchoring)
  const [directAddress, relayedAddress] = sequencer.addresses as [string, string]
  const direct = await startCollector({ identity: identity(1), address: directAddress }, postbox, world)
  const relayed = await startCollector({ identity: identity(2), address: relayedAddress }, postbox, world)
  await startSeat({ name: 'honest', signer: honestSigner, slotIds: honestSlots, endpoint: direct.endpoint, computes: prices }, world)
  await startSeat({ name: 'liar', signer: lyingSigner, slotIds: lyingSlots, endpoint: relayed.endpoint, computes: falsify(prices) }, world)
  const validators = VALIDATOR_ACCOUNTS.map((_, index) =>
    startValidator(index, (index === VALIDATORS - 1 ? options.feeding : undefined) ?? unchanged, world),
  )
  startEpochs(world)
  await processes.until(() => sequencer.current().stats().isReady)

  return {
    chain,
    links,
    projects: planProjects(prices, NAMESPACE).map(({ projectId }) => projectId),
    honestSlots,
    lyingSlots,
    receipts,
    collectors: [direct.collector, relayed.collector],
    relay,
    validators,
    sequencer: sequencer.current,
    async releaseEpoch() {
      const { epochId } = await chain.currentEpoch()
      source.mine(EPOCH_SIZE)
      await processes.until(async () => (await chain.currentEpoch()).epochId > epochId)
      return (epochId + 1) as EpochId
    },
    until: processes.until,
    async passBlocks(count) {
      const { number } = await chain.head()
      await processes.until(async () => (await chain.head()).number >= number + count)
    },
    async cutPowerAtReceipt(count) {
      let isCut = false
      postbox.onReceipt = () => {
        if (isCut || receipts.length < count) return
        isCut = true
        sequencer.cutPower()
      }
      await processes.until(() => isCut)
    },
    restartSequencer: sequencer.restart,
    ...createConsumer(world),
    async stop() {
      await processes.stop()
      chain.stop()
    },
  }
}
