import type { BatchLimits } from '#domain/batch.ts'
import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import { createFakeChain, type FakeChain, type FakeChainOptions, type FakeConnection, marketOf } from '#io/chain/fake/anchor.ts'
import type { AnchorChain, ChainStep, Intent, MarketState, ProtocolCall, ProtocolSender } from '#io/chain/port.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import { createFakeIpfsNetwork, type FakeIpfsNode } from '#io/ipfs/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { KeySigner, ManyRecoverer, Signer } from '#io/keys/port.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createInbox, INBOX_LIMITS } from '#io/p2p/inbox.ts'
import { createPace } from '#io/p2p/pace.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import type { Tracer } from '#io/traces/port.ts'
import type { Held } from '#life/copies.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { type RuleBook, sameRules } from '#life/rules.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { PAIR_BYTES } from '#wire/signed-pairs.ts'
import { encodeCollectJson, encodeSubmission } from '#wire/submission-proto.ts'
import type { EpochEntry } from './ledger.ts'
import { createSequencer, type Sequencer, type SequencerDeps, type SequencerOptions } from './sequencer.ts'

/** A sequencer with a market around it, all of it in memory, for the tests of the role. */

export const CIDS = [
  'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri',
  'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44',
  'bafkreiecdgs45ppubnnd4aoam4fqpqadbzsh5ubv5wzp5uw4tz7nfb5b7i',
] as Cid[]
export const PROJECTS = ['pairs:0x01:TEST', 'pairs:0x02:TEST', 'pairs:0x03:TEST'] as ProjectId[]
export const SEQUENCER = `0x${'5e'.repeat(20)}` as Address
export const OTHER_SEQUENCER = `0x${'5f'.repeat(20)}` as Address
export const MANAGER = `0x${'0e'.repeat(20)}` as Address
export const VALIDATOR = `0x${'0a'.repeat(20)}` as Address
export const SIGNERS = ['11', '22', '33', '44'].map((digits) => createSigner(parsePrivateKey(digits.repeat(32))))
export const EPOCH_1 = 1 as EpochId
export const signerOf = (slotId: number): KeySigner => SIGNERS[slotId - 1] as KeySigner

/** Windows of 5, 20 and 30 blocks. */
const MARKET = marketOf({
  snapshotWindowBlocks: 5,
  epochManager: MANAGER,
  sequencers: [SEQUENCER, OTHER_SEQUENCER],
  validators: [VALIDATOR],
})

let uuids = 0
export const uuid = () => `00000000-0000-4000-8000-${String(uuids++).padStart(12, '0')}`

/** What a receipt must wait for, and what the next process starts from: commits that a test can hold, fail and look at. */
export interface Disk {
  /** Commits in the order of their calls. */
  readonly commits: (readonly StoreWrite[])[]
  /** From now on commits with such a write, and those after them, become durable only when the returned function is called. */
  hold(concerns?: (key: string, value: string) => boolean): () => void
  /** The next commit with such a write fails, and the store with it. */
  fail(concerns?: (key: string, value: string) => boolean): void
  /** The store as the sequencer sees it. */
  around(store: FakeStore): Store
}

const decoder = new TextDecoder()

export function createDisk(): Disk {
  const commits: (readonly StoreWrite[])[] = []
  let isHeld = (_key: string, _value: string) => false
  let isFailing = (_key: string, _value: string) => false
  let gate = Promise.withResolvers<void>()
  let durable: Promise<unknown> = Promise.resolve()
  const any = (writes: readonly StoreWrite[], concerns: typeof isHeld) =>
    writes.some(({ key, value }) => concerns(key, value === undefined ? '' : decoder.decode(value)))
  return {
    commits,
    hold(concerns = () => true) {
      gate = Promise.withResolvers()
      isHeld = concerns
      return () => {
        isHeld = () => false
        gate.resolve()
      }
    },
    fail(concerns = () => true) {
      isFailing = concerns
    },
    around: (store) => ({
      ...store,
      async commit(writes) {
        commits.push(writes)
        if (any(writes, isFailing)) store.breakDisk()
        const before = durable
        const opened = any(writes, isHeld) ? gate.promise : undefined
        durable = store.commit(writes).then(() => Promise.all([before, opened]))
        await durable
      },
      async flush() {
        await durable
        await store.flush()
      },
    }),
  }
}

/** Between the chain and the sequencer: a step of `follow` waits while `isHeld` says so of it. */
export interface Wire {
  isHeld: (step: ChainStep) => boolean
  around(chain: FakeConnection): AnchorChain
}

export function createWire(): Wire {
  const wire: Wire = {
    isHeld: () => false,
    around: (chain) => ({
      ...chain,
      async *follow(options) {
        for await (const step of chain.follow(options)) {
          while (wire.isHeld(step) && !options.signal.aborted) await new Promise((resolve) => setImmediate(resolve))
          if (options.signal.aborted) return
          yield step
        }
      },
    }),
  }
  return wire
}

export interface World {
  readonly clock: VirtualClock
  readonly chain: FakeChain
  readonly ipfs: ReturnType<typeof createFakeIpfsNetwork>
  readonly sequencer: Sequencer
  readonly records: EpochEntry[]
  readonly events: string[]
  /** The same, with their facts. */
  readonly told: { readonly event: string; readonly facts: Readonly<Record<string, string | number>> }[]
  readonly store: FakeStore
  /** Rejects as `run` does. */
  readonly ended: Promise<void>
  /** Signature checks since the start. */
  recoveries(): number
  /** Of the next epoch. */
  release(): Promise<void>
  mine(count: number): Promise<void>
  /** Time passes until this holds; rejects with the reason as soon as the sequencer has failed. */
  until(isReached: () => boolean | Promise<boolean>): Promise<void>
  submission(change?: Partial<Submission['request']> & { header?: string; dataMarket?: string; signedBy?: number }): Promise<Submission>
  /** `atReceipt` runs within the call that sends the receipt. */
  deliver(
    submission: Submission | Uint8Array,
    how?: { submissionId?: string; protocol?: Inbound['protocol']; atReceipt?: () => void },
  ): Promise<Receipt>
  /** Deliveries that come at once from the network; what is answered is added to the list. */
  push(
    submissions: readonly (Submission | Uint8Array)[],
    answered?: Receipt[],
    by?: { readonly protocol?: Inbound['protocol']; readonly peer?: string },
  ): void
  /** Power cut, then a new process on what the disk still holds. `moving`: time that was passing just then. */
  crash(moving?: Promise<void>, change?: Partial<Settings>): Promise<World>
  /** Power cut. What comes after is another's. */
  cut(): FakeStore
  stop(): Promise<void>
}

export interface Settings {
  readonly batchLimits?: Omit<BatchLimits, 'gasMax'>
  readonly expectedProjects?: readonly ProjectId[]
  readonly minVotes?: number
  readonly minShareBp?: number
  readonly availability?: MarketRules['availability']
  readonly anchoring?: MarketRules['anchoring']
  /** Instead of the same rules for every epoch. */
  readonly rules?: RuleBook
  readonly epochsKept?: number
  readonly ipfsEpochsKept?: number
  readonly market?: Partial<MarketState>
  readonly rewards?: FakeChainOptions['rewards']
  readonly counts?: Partial<Pick<SequencerOptions, 'slotLimits' | 'daysKept' | 'countsEveryEpochs' | 'dayBufferEpochs' | 'slotsPerUpdate'>>
  readonly onDisk?: FakeStore
  readonly around?: Partial<Pick<World, 'clock' | 'chain' | 'ipfs'>>
  /** Each time when signatures are to be looked at: whoever looks takes that long. */
  readonly recovering?: () => Promise<void>
  readonly disk?: Disk
  /** Instead of an inbox of the world's own. */
  readonly listener?: SubmissionListener
  readonly wire?: Wire
  /** Where its votes come from, if not from its own intake. */
  readonly gather?: SequencerDeps['gather']
  /** What its calls go through. */
  readonly sends?: (sender: ProtocolSender) => ProtocolSender
  /** What stands between the sequencer and its own node. */
  readonly ipfsAs?: (node: FakeIpfsNode) => Ipfs
  /** Whether enough places hold a batch. */
  readonly copies?: Held
  /** What its account sends instead of what it is asked to: a lying anchoring. */
  readonly lie?: (call: ProtocolCall) => ProtocolCall
  /** Does not wait until the sequencer has followed the chain to its head. */
  readonly isNotAwaited?: boolean
  /** How far its clock is ahead of the time that passes. */
  readonly aheadMs?: () => number
  /** Signs its receipts. */
  readonly receiptSigner?: Pick<Signer, 'signHashOf'>
  readonly tracer?: Tracer
  /** Its account remembers no call: with hundreds of epochs the fake would send all of them again with each. */
  readonly isForgetful?: boolean
}

function forgetfulSender(chain: FakeConnection): ProtocolSender {
  const fresh = () => chain.sender({ address: SEQUENCER, journal: createFakeStore() })
  const sender = fresh()
  return { ...sender, send: (...call) => fresh().send(...call), sendInOrder: (...calls) => fresh().sendInOrder(...calls) }
}

function lyingSender(sender: ProtocolSender, lie: (call: ProtocolCall) => ProtocolCall): ProtocolSender {
  const untrue = (intents: readonly Intent[]) => intents.map(({ intentId, call }) => ({ intentId, call: lie(call) }))
  return { ...sender, sendInOrder: (intents, signal) => sender.sendInOrder(untrue(intents), signal) }
}

/** How long anything may take, in virtual time. */
const LIMITS = { limitMs: 5_000 }

export async function open(settings: Settings = {}): Promise<World> {
  const clock = settings.around?.clock ?? createVirtualClock()
  const market = { ...MARKET, ...settings.market }
  const signers = SIGNERS.map((signer) => signer.address)
  const chain = settings.around?.chain ?? createFakeChain({ clock, market, signers, rewards: settings.rewards ?? {}, pollMs: 10 })
  const ipfs = settings.around?.ipfs ?? createFakeIpfsNetwork({ clock })
  const store = settings.onDisk ?? createFakeStore()
  const inbox = createInbox(INBOX_LIMITS, clock.nowMs, (durationMs, action) => void clock.sleep(durationMs).then(action))
  const pace = createPace(inbox, { peer: 'p', address: undefined }, { stop: () => undefined, goOn: () => undefined })
  const records: EpochEntry[] = []
  const events: string[] = []
  const told: World['told'] = []
  const hasher = createSubmissionHasher(chain)
  // What one life knows of is not known to the next.
  const connection = chain.connect()
  let recoveries = 0
  const countingRecoverer: ManyRecoverer = {
    async recoverMany(signed) {
      recoveries += signed.length / PAIR_BYTES
      await settings.recovering?.()
      return recoverer.recoverMany(signed)
    },
  }
  const tally = { minVotes: settings.minVotes ?? 0, minShareBp: settings.minShareBp ?? 0 }
  const seenStore = settings.disk?.around(store) ?? store
  const node = ipfs.node('sequencer')
  const sender = lyingSender(
    settings.isForgetful === true ? forgetfulSender(connection) : connection.sender({ address: SEQUENCER, journal: seenStore }),
    settings.lie ?? ((call) => call),
  )
  const sequencer = createSequencer(
    {
      epochsKept: settings.epochsKept ?? 2,
      batchBytesMax: settings.batchLimits?.bytesMax ?? 1_000_000,
      ipfsEpochsKept: settings.ipfsEpochsKept ?? 1_000,
      daysKept: 2,
      countsEveryEpochs: 1_000,
      dayBufferEpochs: 1,
      slotsPerUpdate: 100,
      ...settings.counts,
      ...(settings.expectedProjects && { expectedProjects: settings.expectedProjects }),
    },
    {
      store: seenStore,
      rules:
        settings.rules ??
        sameRules(
          rulesWith({
            tally,
            availability: settings.availability ?? 'none',
            anchoring: settings.anchoring ?? 'projects',
            projectsPerBatch: settings.batchLimits?.projectsMax ?? 50,
          }),
        ),
      chain: settings.wire?.around(connection) ?? connection,
      clock: { ...clock, nowMs: () => clock.nowMs() + (settings.aheadMs?.() ?? 0) },
      random: { fraction: () => 1 },
      recoverer: countingRecoverer,
      receiptSigner: settings.receiptSigner,
      tracer: settings.tracer,
      listener: settings.listener ?? inbox,
      gather: settings.gather,
      ipfs: settings.ipfsAs?.(node) ?? node,
      copies: settings.copies,
      sender: settings.sends?.(sender) ?? sender,
      report: (event, facts) => {
        events.push(event)
        told.push({ event, facts })
      },
      onEpoch: (record) => records.push(record),
    },
  )
  const stopping = new AbortController()
  let failure: unknown
  const ended = sequencer.run(stopping.signal)
  ended.catch((reason: unknown) => {
    failure = reason
    events.push(`ended: ${String(reason)}`)
  })
  const until: World['until'] = (isReached) =>
    clock.runUntil(async () => {
      if (failure !== undefined && !stopping.signal.aborted) throw failure
      return isReached()
    }, LIMITS)
  if (settings.isNotAwaited !== true) await until(() => sequencer.stats().isReady)
  const caughtUp = () => until(async () => sequencer.stats().headBlock === (await chain.head()).number)
  const encode = (submission: Submission | Uint8Array, protocol: Inbound['protocol']) => {
    if (submission instanceof Uint8Array) return submission
    return protocol === 'collect' ? new TextEncoder().encode(encodeCollectJson(submission)) : encodeSubmission(submission)
  }

  function cut(): FakeStore {
    const onDisk = store.crash()
    stopping.abort(new Error('power cut'))
    return onDisk
  }

  return {
    clock,
    chain,
    ipfs,
    sequencer,
    records,
    events,
    told,
    store,
    ended,
    recoveries: () => recoveries,
    until,
    async release() {
      const begin = ((await chain.currentEpoch()).end + 1) as BlockNumber
      const call = { kind: 'releaseEpoch', begin, end: (begin + 9) as BlockNumber } as const
      // An account without a memory: what a reorganisation lost of it stays lost.
      const sent = chain.sender({ address: MANAGER, journal: createFakeStore() }).send(`epoch/${begin}`, call, stopping.signal)
      await until(() => chain.pendingCount() > 0)
      chain.mine()
      await clock.runUntil(sent, LIMITS)
      await caughtUp()
    },
    async mine(count) {
      for (let mined = 0; mined < count; mined += 1) {
        chain.mine()
        await caughtUp()
        await clock.advance(50)
      }
    },
    async submission({ header, dataMarket, signedBy, ...change } = {}) {
      const head = await chain.head()
      const request = {
        slotId: 1 as SlotId,
        deadlineBlock: (head.number + 500) as BlockNumber,
        snapshotCid: CIDS[0] as Cid,
        epochId: EPOCH_1,
        projectId: PROJECTS[0] as ProjectId,
        ...change,
      }
      const signature = signerOf(signedBy ?? request.slotId).sign(hasher.digest(request))
      return {
        request,
        signature,
        header: header ?? head.hash,
        dataMarket: dataMarket ?? chain.dataMarket,
        nodeVersion: 'v1',
        protocolState: '',
      }
    },
    async deliver(submission, { submissionId = uuid(), protocol = 'weft', atReceipt } = {}) {
      const payload = encode(submission, protocol)
      let receipt: Receipt | undefined
      const respond = (sent: Receipt) => {
        atReceipt?.()
        receipt = sent
      }
      pace.give({ peer: 'p', protocol, submissionId, payload, respond })
      await until(() => receipt !== undefined)
      return receipt as unknown as Receipt
    },
    push(submissions, answered = [], { protocol = 'weft', peer = 'p' } = {}) {
      const respond = (receipt: Receipt) => void answered.push(receipt)
      for (const one of submissions) inbox.offer({ peer, protocol, submissionId: uuid(), payload: encode(one, protocol), respond })
    },
    cut,
    async crash(moving, change = {}) {
      const onDisk = cut()
      await moving
      return open({ ...settings, ...change, onDisk, around: { clock, chain, ipfs } })
    },
    async stop() {
      stopping.abort(new Error('test is over'))
      await clock.runUntil(ended, { limitMs: 60_000 })
    },
  }
}

export const vote = async (world: World, slotId: number, cid: number, project = 0, epochId: number = EPOCH_1) =>
  world.deliver(
    await world.submission({
      slotId: slotId as SlotId,
      snapshotCid: CIDS[cid] as Cid,
      projectId: PROJECTS[project] as ProjectId,
      epochId: epochId as EpochId,
    }),
  )

/** Mines until the first epoch's last word. */
export async function sealed(world: World): Promise<EpochEntry> {
  for (let block = 0; block < 40; block += 1) {
    const [record] = world.records
    if (record !== undefined) return record
    await world.mine(1)
  }
  throw new Error(`no epoch was sealed within 40 blocks; epoch 1 is ${world.sequencer.epoch(EPOCH_1)?.state}`)
}
