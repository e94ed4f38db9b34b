import type { ComputeSet } from '#domain/compute.ts'
import { isWeftError } from '#domain/errors.ts'
import type { Address, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { Receipt, Submission, SubmissionRequest } from '#domain/submission.ts'
import { createFakeChain, type FakeChain, type FakeChainOptions, marketOf } from '#io/chain/fake/anchor.ts'
import type { FakeRewards } from '#io/chain/fake/contract.ts'
import type { AnchorChain, Intent, MarketState, ProtocolCall, ProtocolSender, SourceChain } from '#io/chain/port.ts'
import { createVirtualClock, expectingPauses, type VirtualClock } from '#io/clock/fake.ts'
import type { Clock } from '#io/clock/port.ts'
import { createFakeGrpc } from '#io/grpc/fake.ts'
import type { SubmissionListener } from '#io/intake/port.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Signer } from '#io/keys/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createFakeNetwork } from '#io/p2p/fake.ts'
import type { InboxLimits } from '#io/p2p/inbox.ts'
import type { Relay, SubmissionDialer } from '#io/p2p/port.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import type { StoreWrite } from '#io/store/port.ts'
import type { Tracer } from '#io/traces/port.ts'
import { type RuleBook, sameRules } from '#life/rules.ts'
import { type Collector, type CollectorLimits, createCollector } from '#roles/collector/collector.ts'
import { createEpochs, type Epochs } from '#roles/epochs/epochs.ts'
import { createRelayRole } from '#roles/relay/relay.ts'
import { createSequencer, type Sequencer } from '#roles/sequencer/sequencer.ts'
import { type EpochPlan, planFrom, type Terms } from '#roles/snapshotter/plan.ts'
import { createSnapshotter, type Snapshotter } from '#roles/snapshotter/snapshotter.ts'
import { createValidator, type Validator } from '#roles/validator/validator.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { decodeSubmission } from '#wire/submission-proto.ts'
import { createPriceChain, SOURCE_BLOCKS_AT_START } from './prices.ts'

/**
 * The roles of a network on fakes and a clock that moves only when a test waits, each on a machine of its own with a disk and a power
 * switch. `network.ts` puts them together for the journey, `test/sim` for networks of all shapes in which everything goes wrong.
 */

export const NAMESPACE = 'JOURNEY'
export const BLOCK_TIME_MS = 1_000
const POLL_MS = 250
export const EPOCH_SIZE = 6
/** In anchor blocks from the release. The data of an epoch is final some blocks after its window. */
export const WINDOW_BLOCKS = 10
/** Seven projects make two batches. */
export const PROJECTS_PER_BATCH = 4
/** Longer than anything that goes well. */
export const PATIENCE_MS = 60_000
/** What the market asks for: nothing beyond most votes. */
export const RULES: MarketRules = {
  namespace: NAMESPACE,
  windowUnit: 'blocks',
  deadlineBufferMaxBlocks: 1_000,
  tally: { minVotes: 0, minShareBp: 0 },
  voting: 'open',
  anchoring: 'projects',
  projectsPerBatch: PROJECTS_PER_BATCH,
  projectsPerSlotMax: 100,
  availability: 'none',
  completeness: 'none',
  batchForm: 'json',
  batchTree: 'either',
}

const account = (digit: string): Address => `0x${digit.repeat(40)}` as Address
const EPOCH_MANAGER = account('e')
const SEQUENCER = account('5')
const VALIDATOR_ACCOUNTS = ['a', 'b', 'c', 'd', '7'].map(account)
export const identity = (digit: number): Uint8Array => new Uint8Array(32).fill(digit)
export const quiet = (): void => undefined
export const unchanged = <Value>(value: Value): Value => value

export interface WorldOptions {
  readonly seed: number
  /** Of the slots, slot 1 first. */
  readonly signers: readonly Address[]
  readonly validators: number
  /** Instead of the same for every epoch. */
  readonly rules?: (chain: FakeChain) => RuleBook
  /** What differs from the market of the journey. */
  readonly market?: Partial<MarketState>
  /** The anchor chain makes a block only when there is a transaction for it. */
  readonly isMinedOnDemand?: boolean
  /** What contracts see in its blocks; their numbers unless said. */
  readonly contractNumberOf?: FakeChainOptions['contractNumberOf']
  /** How it counts days and rewards; as a new one unless said. */
  readonly rewards?: Partial<FakeRewards>
  /** One event of a role's log. */
  readonly report?: (machine: string, event: string, facts: Readonly<Record<string, string | number>>) => void
  /** Who follows traces of a role; nobody unless said. */
  readonly tracer?: (machine: string) => Tracer | undefined
  /** A role ended by itself; without it the next `until` throws the failure. */
  readonly onFailure?: (machine: string, failure: unknown) => void
  /** A role is about to write: `disk` is still as before. What it returns is told when the writes are on the disk. */
  readonly onCommit?: (
    machine: string,
    commit: { readonly writes: readonly StoreWrite[]; readonly disk: FakeStore },
  ) => (durable: Promise<void>) => void
  /** A role asks its sender for calls. */
  readonly onCalls?: (machine: string, intents: readonly Intent[], disk: FakeStore) => void
  /** The pool of the anchor chain has taken a transaction. */
  readonly onBroadcast?: FakeChainOptions['onBroadcast']
  /** What a machine has for a port to a chain instead of the one it should have. */
  readonly port?: ChangePort
  /** What a machine has for a disk instead of the one it should have. */
  readonly disk?: (machine: string, disk: FakeStore) => FakeStore
}

export type ChangePort = <Port extends AnchorChain | SourceChain | ProtocolSender>(machine: string, port: Port) => Port

export type World = ReturnType<typeof createWorld>

/** The outside that all roles share. */
export function createWorld(options: WorldOptions) {
  const clock = createVirtualClock()
  const market = marketOf({
    epochSize: EPOCH_SIZE,
    snapshotWindowBlocks: WINDOW_BLOCKS,
    batchWindowBlocks: 40,
    attestationWindowBlocks: 60,
    attestationsMin: 2,
    epochManager: EPOCH_MANAGER,
    sequencers: [SEQUENCER],
    validators: VALIDATOR_ACCOUNTS.slice(0, options.validators),
    ...options.market,
  })
  const { signers, rewards = {}, contractNumberOf, onBroadcast } = options
  const pace = options.isMinedOnDemand === true ? {} : { blockTimeMs: BLOCK_TIME_MS }
  const chain = createFakeChain({ clock, market, signers, rewards, ...pace, pollMs: POLL_MS, contractNumberOf, onBroadcast })
  if (options.isMinedOnDemand === true) void mineOnDemand(chain, clock)
  let parts = 0
  const random = () => createSeededRandom(options.seed * 1_000 + parts++)
  let roles = 500
  /** By how much the clock of a machine is ahead. */
  const stepsMs = new Map<string, number>()
  /** For the pauses of a role, apart from all else: that another role draws changes nothing for the others. */
  const pauses = () => createSeededRandom(options.seed * 1_000 + roles++)
  const lastWords: string[] = []
  return {
    clock,
    clockOf: (machine: string): Clock => {
      let aheadMs = Number.NEGATIVE_INFINITY
      return {
        nowMs() {
          // As the system clock of a process: set forward it follows, set back it goes on as it was.
          aheadMs = Math.max(aheadMs, stepsMs.get(machine) ?? 0)
          return clock.nowMs() + aheadMs
        },
        sleep: clock.sleep,
      }
    },
    setClock: (machine: string, stepMs: number): void => {
      stepsMs.set(machine, stepMs)
    },
    random,
    pauses,
    market,
    chain,
    rules: options.rules?.(chain) ?? sameRules(RULES),
    source: createPriceChain(),
    ipfs: createFakeIpfsNetwork({ clock }),
    grpc: createFakeGrpc(clock),
    links: createFakeNetwork({ clock, random: random() }),
    processes: createProcesses(clock, () => lastWords.join('\n')),
    report: expectingPauses(clock, (machine: string, event: string, facts: Readonly<Record<string, string | number>>) => {
      lastWords.push(`${machine}: ${event} ${JSON.stringify(facts)}`)
      if (lastWords.length > LAST_WORDS_MAX) lastWords.shift()
      options.report?.(machine, event, facts)
    }),
    tracer: options.tracer ?? (() => undefined),
    onFailure: options.onFailure,
    onCommit: options.onCommit ?? (() => quiet),
    onCalls: options.onCalls ?? quiet,
    port: options.port ?? (((_, port) => port) satisfies ChangePort),
    disk: options.disk ?? ((_: string, disk: FakeStore) => disk),
    /** Whether the sequencer has stopped to read what arrives. */
    reader: { isSlow: false },
  }
}

/** For as long as the clock goes. */
async function mineOnDemand(chain: FakeChain, clock: VirtualClock): Promise<never> {
  for (;;) {
    await clock.sleep(POLL_MS)
    if (chain.pendingCount() > 0) chain.mine()
  }
}

/** What the roles said last is told when something never comes. */
const LAST_WORDS_MAX = 25
/** Turns of the event loop in which a role must have started: nothing that it waits for then takes time. */
const BOOT_TURNS_MAX = 50_000

/** What `work` gives. Throws when it takes longer than anything does that does not wait for time to pass, which nobody would let pass. */
async function atOnce<Value>(work: Promise<Value>, what: string): Promise<Value> {
  let isSettled = false
  const settle = (): void => {
    isSettled = true
  }
  work.then(settle, settle)
  for (let turn = 0; !isSettled; turn += 1) {
    if (turn > BOOT_TURNS_MAX) throw new Error(`${what} waits for something that does not come`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return work
}

/** The roles at work. The first failure of one is the failure of whoever waits for anything. */
function createProcesses(clock: VirtualClock, lastWords: () => string) {
  const stopping = new AbortController()
  const alive = new Set<Promise<void>>()
  const failures: unknown[] = []
  return {
    start(
      run: (signal: AbortSignal) => Promise<void>,
      onFailure = (failure: unknown): unknown => failures.push(failure),
    ): { kill(): void } {
      const killing = new AbortController()
      const process = run(AbortSignal.any([stopping.signal, killing.signal])).catch((failure: unknown) => {
        if (alive.has(process)) onFailure(failure)
      })
      alive.add(process)
      return {
        kill() {
          alive.delete(process)
          killing.abort()
        },
      }
    },
    until(goal: () => boolean | Promise<boolean>, limitMs = PATIENCE_MS): Promise<void> {
      const isReached = () => {
        if (failures.length > 0) throw failures[0]
        return goal()
      }
      return clock.runUntil(isReached, { limitMs }).catch((failure: unknown) => {
        if (failures.includes(failure)) throw failure
        throw new Error(`${(failure as Error).message}; goal: ${goal}. The roles said last:\n${lastWords()}`, { cause: failure })
      })
    },
    async stop(): Promise<void> {
      stopping.abort()
      await clock.runUntil(Promise.all(alive), { limitMs: PATIENCE_MS })
      if (failures.length > 0) throw failures[0]
    },
  }
}

/** A role as it was started. */
interface Booted<Role> {
  readonly role: Role
  run(signal: AbortSignal): Promise<void>
  /** Cuts what the process holds open towards others. */
  readonly cutOff?: () => Promise<void>
}

/** A role with a disk and a power switch of its own. */
export interface Machine<Role> {
  readonly name: string
  /** The role as it was started last. */
  current(): Role
  isOn(): boolean
  /** What is on the disk: the running role's own view of it, or what the power cut has left. */
  disk(): FakeStore
  /** At this very instant. What is not durable yet is gone; what had begun does nothing any more. */
  cutPower(): void
  /** While the power is off: another disk instead of its own, empty or an old copy. */
  replaceDisk(disk: FakeStore): void
  /** A new process on what the disk still holds. Rejects when the role cannot start. */
  restart(): Promise<void>
}

async function startMachine<Role>(
  name: string,
  world: World,
  boot: (disk: FakeStore, clock: Clock) => Promise<Booted<Role>>,
): Promise<Machine<Role>> {
  const { processes, onFailure, onCommit } = world
  let disk = createFakeStore()
  let isOn = false
  let booted: Booted<Role>
  let process: { kill(): void }

  const watched = (store: FakeStore): FakeStore => ({
    ...store,
    commit(writes) {
      const onDurable = onCommit(name, { writes, disk: store })
      const durable = store.commit(writes)
      onDurable(durable)
      return durable
    },
  })

  async function restart(): Promise<void> {
    booted = await atOnce(boot(watched(world.disk(name, disk)), world.clockOf(name)), `${name}, as it starts,`)
    isOn = true
    process = processes.start(booted.run, onFailure && ((failure) => onFailure(name, failure)))
  }

  await restart()
  return {
    name,
    current: () => booted.role,
    isOn: () => isOn,
    disk: () => disk,
    cutPower(): void {
      if (!isOn) return
      isOn = false
      disk = disk.crash()
      process.kill()
      booted.cutOff?.().catch((failure: unknown) => {
        // A process without a disk may complain on its way out; nobody is there to hear it.
        if (!isWeftError(failure, 'STOPPED')) throw failure
      })
    },
    replaceDisk(other): void {
      if (isOn) throw new Error(`${name} still runs on its disk`)
      disk = other
    },
    restart,
  }
}

/** A sender whose calls are told before it has them. */
function toldOf(sender: ProtocolSender, onCalls: (intents: readonly Intent[]) => void): ProtocolSender {
  return {
    ...sender,
    send(intentId, call, signal) {
      onCalls([{ intentId, call }])
      return sender.send(intentId, call, signal)
    },
    sendInOrder(intents, signal) {
      onCalls(intents)
      return sender.sendInOrder(intents, signal)
    },
  }
}

export function startEpochs(world: World): Promise<Machine<Epochs>> {
  const { source } = world
  const random = world.pauses()
  return startMachine('epochs', world, async (store, clock) => {
    const chain = world.chain.connect()
    const sender = toldOf(chain.sender({ address: EPOCH_MANAGER, journal: store }), (intents) => world.onCalls('epochs', intents, store))
    const role = createEpochs(
      { headOffset: 1, headTag: 'latest', catchUp: 'release', firstBlock: SOURCE_BLOCKS_AT_START, pollMs: POLL_MS },
      {
        chain: world.port('epochs', chain),
        source: world.port('epochs', source),
        sender: world.port('epochs', sender),
        store,
        clock,
        random,
        report: (event, facts) => world.report('epochs', event, facts),
      },
    )
    return { role, run: role.run }
  })
}

export function startRelay(world: World): Promise<Machine<Relay>> {
  const { links } = world
  return startMachine('relay', world, async (_disk, clock) => {
    const relay = await links.createRelay({ identity: identity(9) })
    return {
      role: relay,
      run: createRelayRole({ statsIntervalMs: 10_000 }, { relay, clock, report: quiet }).run,
      cutOff: () => relay.stop(),
    }
  })
}

function withQuota({ present, rulesAt }: RuleBook, projectsPerSlotMax: number): RuleBook {
  const changed = (rules: MarketRules): MarketRules => ({ ...rules, projectsPerSlotMax })
  return { present: changed(present), rulesAt: async (epochId) => changed(await rulesAt(epochId)) }
}

export interface SequencerPlace {
  /** Of the relays through which it can be reached as well. */
  readonly relays: readonly string[]
  /** What it puts on chain instead of what it should. */
  readonly anchoring?: ((call: ProtocolCall) => ProtocolCall) | undefined
  readonly expectedProjects?: readonly ProjectId[] | undefined
  /** What it answers as if it counted, and throws away. */
  readonly dropping?: ((vote: SubmissionRequest) => boolean) | undefined
  readonly projectsPerSlotMax?: number
  readonly inbox?: Partial<InboxLimits>
}

/** Its addresses, the direct one first, stay the same whenever it is started again. */
export async function startSequencer(place: SequencerPlace, world: World) {
  const { relays, anchoring = unchanged, dropping, expectedProjects, projectsPerSlotMax = RULES.projectsPerSlotMax, inbox = {} } = place
  const { links, ipfs } = world
  const random = world.pauses()
  let addresses: readonly string[] = []
  const machine = await startMachine<Sequencer>('sequencer', world, async (store, clock) => {
    const host = await links.createSubmissionHost({ identity: identity(5), relays, limits: inbox })
    addresses = host.addresses()
    const chain = world.chain.connect()
    const told = toldOf(chain.sender({ address: SEQUENCER, journal: store }), (intents) => world.onCalls('sequencer', intents, store))
    const sender = world.port('sequencer', told)
    const role = createSequencer(
      {
        batchBytesMax: BATCH_BYTES_MAX,
        epochsKept: 100,
        ipfsEpochsKept: 1_000,
        daysKept: 8,
        countsEveryEpochs: 2,
        dayBufferEpochs: 1,
        slotsPerUpdate: 2,
        ...(expectedProjects === undefined ? {} : { expectedProjects }),
      },
      {
        store,
        chain: world.port('sequencer', chain),
        rules: withQuota(world.rules, projectsPerSlotMax),
        clock,
        random,
        recoverer,
        listener: dropping === undefined ? readWhenAwake(host, world) : withoutSome(readWhenAwake(host, world), dropping),
        ipfs: ipfs.node('sequencer'),
        sender: {
          ...sender,
          sendInOrder: (intents, signal) =>
            sender.sendInOrder(
              intents.map(({ intentId, call }) => ({ intentId, call: anchoring(call) })),
              signal,
            ),
        },
        report: (event, facts) => world.report('sequencer', event, facts),
        tracer: world.tracer('sequencer'),
      },
    )
    return { role, run: role.run, cutOff: host.stop }
  })
  return { machine, addresses }
}

/** What arrives is read at the pace of the reader. */
function readWhenAwake(host: SubmissionListener, { reader, clock }: World): SubmissionListener {
  return {
    async *inbound(signal) {
      for await (const group of host.inbound(signal)) {
        while (reader.isSlow && !signal.aborted) await clock.sleep(POLL_MS)
        yield group
      }
    },
  }
}

function withoutSome(listener: SubmissionListener, dropping: NonNullable<SequencerPlace['dropping']>): SubmissionListener {
  return {
    async *inbound(signal) {
      for await (const group of listener.inbound(signal)) {
        const dropped = group.filter(({ payload }) => dropping((decodeSubmission(payload) as Submission).request))
        for (const { submissionId, respond } of dropped)
          respond({ submissionId: submissionId as SubmissionId, code: 'accepted', reason: '' })
        yield group.filter((delivery) => !dropped.includes(delivery))
      }
    },
  }
}

export interface CollectorPlace {
  readonly index: number
  /** Of the sequencer, preferred first. */
  readonly addresses: readonly string[]
  /** Of validators that listen. */
  readonly alsoTo?: readonly string[]
  readonly limits?: Partial<CollectorLimits>
}

/** Where a copy of every receipt goes, with the bytes that it answers. */
export interface Postbox {
  readonly receipts: Receipt[]
  onReceipt(receipt: Receipt, payload: Uint8Array): void
}

const FIRST_COLLECTOR_PORT = 50_051

/** Resolves with the collector and the endpoint at which snapshotters find it. */
export async function startCollector({ index, addresses, alsoTo = [], limits = {} }: CollectorPlace, postbox: Postbox, world: World) {
  const { links, grpc } = world
  const name = `collector ${index}`
  const port = FIRST_COLLECTOR_PORT + index
  const random = world.random()
  const machine = await startMachine<Collector>(name, world, async (store, clock) => {
    const dialer = await links.createSubmissionDialer({ identity: identity(index) })
    const report = (event: string, facts: Readonly<Record<string, string | number>>) => world.report(name, event, facts)
    const deps = { store, dialer: noting(dialer, postbox, alsoTo), clock, random, report, tracer: world.tracer(name) }
    const role = createCollector({ addresses, alsoTo, limits }, deps)
    const server = await grpc.serveSubmissions({ host: 'collector', port, handler: role.handler })
    return {
      role,
      run: role.run,
      cutOff: async () => {
        await server.close()
        await dialer.stop()
      },
    }
  })
  return { machine, endpoint: `collector:${port}` }
}

/** Receipts of the sequencer: those for copies promise nothing. */
function noting(dialer: SubmissionDialer, postbox: Postbox, alsoTo: readonly string[]): SubmissionDialer {
  return {
    async dial(address, signal) {
      const link = await dialer.dial(address, signal)
      if (alsoTo.includes(address)) return link
      return {
        ...link,
        async send(delivery) {
          const receipt = await link.send(delivery)
          if (receipt === 'unacknowledged') return receipt
          postbox.receipts.push(receipt)
          postbox.onReceipt(receipt, delivery.payload)
          return receipt
        },
      }
    },
  }
}

export interface Seat {
  readonly name: string
  readonly signer: Signer
  readonly slotIds: readonly SlotId[]
  /** Of its collector. */
  readonly endpoint: string
  readonly computes: ComputeSet
}

const termsFrom = ({ present, rulesAt }: RuleBook, plan: EpochPlan): Terms => ({
  present: { rules: present, plan },
  termsAt: async (epochId) => ({ rules: await rulesAt(epochId), plan }),
})

export function startSeat({ name, signer, slotIds, endpoint, computes }: Seat, world: World): Promise<Machine<Snapshotter>> {
  const { source, ipfs, grpc } = world
  const random = world.random()
  return startMachine(name, world, async (store, clock) => {
    const chain = world.chain.connect()
    // An operator whose slot was given away takes it out of the settings before the next start.
    const own = (await chain.slots()).filter((slot) => slot.signer === signer.address).map(({ slotId }) => slotId)
    const role = createSnapshotter(
      { slotIds: slotIds.filter((slotId) => own.includes(slotId)), ipfsEpochsKept: 1_000 },
      {
        chain: world.port(name, chain),
        source: world.port(name, source),
        clock,
        signer,
        terms: termsFrom(world.rules, planFrom({ sets: [{ name: 'prices', version: '1.0.0', hash: '' }], computes }, NAMESPACE)),
        ipfs: ipfs.node(name),
        store,
        random,
        collector: grpc.createSubmissionClient({ endpoint }),
        report: (event, facts) => world.report(name, event, facts),
        tracer: world.tracer(name),
      },
    )
    return { role, run: role.run }
  })
}

const startEar = (index: number, { links }: World) => links.createSubmissionHost({ identity: identity(20 + index) })

/** Where a validator will listen: collectors must know it before it is there. */
export async function earOf(index: number, world: World): Promise<readonly string[]> {
  const ear = await startEar(index, world)
  await ear.stop()
  return ear.addresses()
}

/** `feeding` is what it is given instead of what it asked IPFS for. */
export function startValidator(
  index: number,
  feeding: (bytes: Uint8Array) => Uint8Array,
  world: World,
  isListening = false,
): Promise<Machine<Validator>> {
  const { ipfs } = world
  const name = `validator ${index + 1}`
  const random = world.pauses()
  return startMachine(name, world, async (store, clock) => {
    const listener = isListening ? await startEar(index, world) : undefined
    const node = ipfs.node(name)
    const chain = world.chain.connect()
    const account = VALIDATOR_ACCOUNTS[index] as Address
    const sender = toldOf(chain.sender({ address: account, journal: store }), (intents) => world.onCalls(name, intents, store))
    const fed: Ipfs = { ...node, get: async (cid, limits) => feeding(await node.get(cid, limits)) }
    const role = createValidator(
      {
        level: 'tally',
        epochsKept: 100,
        ipfsEpochsKept: 1_000,
      },
      {
        store,
        chain: world.port(name, chain),
        rules: world.rules,
        ...(listener && { listener }),
        clock,
        random,
        recoverer,
        ipfs: fed,
        sender: world.port(name, sender),
        report: (event, facts) => world.report(name, event, facts),
        tracer: world.tracer(name),
      },
    )
    return { role, run: role.run, ...(listener && { cutOff: listener.stop }) }
  })
}
