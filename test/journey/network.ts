import type { Batch } from '#domain/batch.ts'
import type { ComputeSet, JsonValue } from '#domain/compute.ts'
import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Receipt, SubmissionRequest } from '#domain/submission.ts'
import type { FakeChain } from '#io/chain/fake/anchor.ts'
import type { AnchoredBatch, ProtocolCall } from '#io/chain/port.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import type { FakeNetwork } from '#io/p2p/fake.ts'
import type { Relay } from '#io/p2p/port.ts'
import type { Tracer } from '#io/traces/port.ts'
import type { RuleBook } from '#life/rules.ts'
import type { Collector } from '#roles/collector/collector.ts'
import { type StepResult, verify } from '#roles/consumer/verify.ts'
import type { Sequencer } from '#roles/sequencer/sequencer.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import type { Snapshotter } from '#roles/snapshotter/snapshotter.ts'
import type { Validator } from '#roles/validator/validator.ts'
import { BATCH_BYTES_MAX, decodeBatch } from '#wire/batch-json.ts'
import { JSON_BYTES_MAX, parseCanonicalJson } from '#wire/canonical-json.ts'
import { falsify } from '../../src/devnet/lie.ts'
import {
  type ChangePort,
  RULES,
  createWorld,
  EPOCH_SIZE,
  type Machine,
  NAMESPACE,
  PATIENCE_MS,
  type Postbox,
  quiet,
  earOf,
  startCollector,
  startEpochs,
  startRelay,
  startSeat,
  startSequencer,
  startValidator,
  unchanged,
  type World,
} from './cast.ts'
import { prices } from './prices.ts'

/** Every role of a network in one process, on fakes and a clock that moves only when a test waits: the same seed is the same run. */

export interface NetworkOptions {
  readonly seed: number
  readonly honestSlots: number
  /** Served by one snapshotter that falsifies its data, through the relay. */
  readonly lyingSlots: number
  /** What an honest snapshotter computes instead of the prices; there are two of them, each with its share of the slots. */
  readonly computing?: (computes: ComputeSet, seat: number) => ComputeSet
  /** The anchor chain makes a block only when there is a transaction for it. */
  readonly isMinedOnDemand?: boolean
  /** What contracts see in blocks of the anchor chain; their numbers unless said. */
  readonly contractNumberOf?: (number: number) => number
  readonly sourceBlockTimeSeconds?: number
  /** What a role has for a port to a chain instead of the one it should have. */
  readonly port?: ChangePort
  /** What the market asks for, instead of the same in every epoch. */
  readonly rules?: (chain: FakeChain) => RuleBook
  /** What the sequencer puts on chain instead of what it should. */
  readonly anchoring?: (call: ProtocolCall) => ProtocolCall
  /** Votes that the sequencer answers as if they counted, and throws away. Then the validators listen too. */
  readonly dropping?: (vote: SubmissionRequest) => boolean
  /** Who follows traces of a role. */
  readonly tracer?: (machine: string) => Tracer | undefined
  /** What the last validator is given instead of what it asked IPFS for. */
  readonly feeding?: (bytes: Uint8Array) => Uint8Array
}

export interface Network {
  readonly chain: FakeChain
  readonly links: FakeNetwork
  readonly ipfs: World['ipfs']
  readonly projects: readonly ProjectId[]
  readonly honestSlots: readonly SlotId[]
  readonly lyingSlots: readonly SlotId[]
  /** What collectors were answered, in order. */
  readonly receipts: readonly Receipt[]
  /** The direct one, then the one behind the relay. */
  readonly collectors: readonly Collector[]
  readonly relay: Relay
  readonly validators: readonly Validator[]
  /** Those of the honest slots, each with its power switch. */
  readonly snapshotters: readonly Machine<Snapshotter>[]
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

const VALIDATORS = 3
const honestSigner = createSigner(parsePrivateKey('11'.repeat(32)))
const lyingSigner = createSigner(parsePrivateKey('66'.repeat(32)))

type CollectorAt = Awaited<ReturnType<typeof startCollector>>

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
    const rules = async () => RULES
    for await (const step of verify({ projectId, epochId, rules, signal }, { chain, ipfs: node, clock, recoverer })) steps.push(step)
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
  const slotIds = Array.from({ length: options.honestSlots + options.lyingSlots }, (_, index) => (index + 1) as SlotId)
  const [honestSlots, lyingSlots] = [slotIds.slice(0, options.honestSlots), slotIds.slice(options.honestSlots)]
  const signers = slotIds.map((slotId) => (slotId <= options.honestSlots ? honestSigner : lyingSigner).address)
  const { seed, rules, port, tracer, isMinedOnDemand = false, sourceBlockTimeSeconds = 12 } = options
  const world = createWorld({
    seed,
    signers,
    validators: VALIDATORS,
    isMinedOnDemand,
    market: { sourceBlockTimeSeconds },
    contractNumberOf: options.contractNumberOf,
    ...(rules && { rules }),
    ...(port && { port }),
    ...(tracer && { tracer }),
  })
  const { chain, source, links, processes } = world
  const postbox: Postbox = { receipts: [], onReceipt: quiet }
  const { receipts } = postbox

  const relay = await startRelay(world)
  const { machine: sequencer, addresses } = await startSequencer(
    { relays: relay.current().addresses(), anchoring: options.anchoring, dropping: options.dropping },
    world,
  )
  const isListening = options.dropping !== undefined
  const ears = isListening ? await Promise.all(Array.from({ length: VALIDATORS }, (_, index) => earOf(index, world))) : []
  const alsoTo = ears.flat()
  const [direct, relayed] = (await Promise.all(
    addresses.map((address, index) => startCollector({ index: index + 1, addresses: [address], alsoTo }, postbox, world)),
  )) as [CollectorAt, CollectorAt]
  const snapshotters: Machine<Snapshotter>[] = []
  for (const [seat, name] of ['honest', 'honest too'].entries()) {
    const slotIds = honestSlots.filter((_, index) => index % 2 === seat)
    const computes = options.computing?.(prices, seat) ?? prices
    if (slotIds.length > 0)
      snapshotters.push(await startSeat({ name, signer: honestSigner, slotIds, endpoint: direct.endpoint, computes }, world))
  }
  if (lyingSlots.length > 0)
    await startSeat(
      { name: 'liar', signer: lyingSigner, slotIds: lyingSlots, endpoint: relayed.endpoint, computes: falsify(prices) },
      world,
    )
  const validators: Validator[] = []
  for (let index = 0; index < VALIDATORS; index += 1) {
    const feeding = index === VALIDATORS - 1 ? options.feeding : undefined
    validators.push((await startValidator(index, feeding ?? unchanged, world, isListening)).current())
  }
  await startEpochs(world)
  await processes.until(() => sequencer.current().stats().isReady)

  return {
    chain,
    ipfs: world.ipfs,
    links,
    projects: planProjects(prices, NAMESPACE).map(({ projectId }) => projectId),
    honestSlots,
    lyingSlots,
    receipts,
    collectors: [direct.machine.current(), relayed.machine.current()],
    relay: relay.current(),
    validators,
    snapshotters,
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
