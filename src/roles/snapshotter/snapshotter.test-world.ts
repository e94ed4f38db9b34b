import { afterEach, expect } from 'vitest'
import type { ComputeSet, JsonValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { LogEvent } from '#domain/events.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { createFakeChain, type FakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import { createFakeSourceChain, type FakeSourceChain } from '#io/chain/fake/source.ts'
import type { MarketState } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeGrpc } from '#io/grpc/fake.ts'
import type { HandOverAnswer } from '#io/grpc/port.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { type EpochTerms, planFrom, type PlannedSet, sameTerms } from './plan.ts'
import { createSnapshotter, type EpochSummary, type Snapshotter, type SnapshotterDeps, type SnapshotterOptions } from './snapshotter.ts'

/** A snapshotter among fakes: a chain that releases epochs, a collector that may misbehave, a process that can be killed at any step. */

export const signer = createSigner(parsePrivateKey('11'.repeat(32)))
export const manager = `0x${'e0'.repeat(20)}` as Address
const sequencer = `0x${'e1'.repeat(20)}` as Address
const validator = `0x${'e2'.repeat(20)}` as Address
export const NOBODY = `0x${'0'.repeat(40)}` as Address
export const OPTIONS: SnapshotterOptions = {
  slotIds: [1, 2] as SlotId[],
  ipfsEpochsKept: 1_000,
  computeTimeoutMs: 30_000,
}
export const WINDOW_BLOCKS = 5
export const BATCH_WINDOW_BLOCKS = 40
export const ATTESTATION_WINDOW_BLOCKS = 60
const rootHash = `0x${'77'.repeat(32)}` as Hash

export const BASE_A = 'base:0xaa:TEST' as ProjectId
export const BASE_B = 'base:0xbb:TEST' as ProjectId
export const SUM_A = 'sum:0xaa:TEST' as ProjectId
export const SUM_B = 'sum:0xbb:TEST' as ProjectId

/** What a market with these computes asks for, unless a test says otherwise. */
export function termsWith(
  computes: ComputeSet,
  change: { readonly rules?: Partial<EpochTerms['rules']>; readonly sets?: readonly PlannedSet[] } = {},
): EpochTerms {
  const { rules, sets = [{ name: 'test', version: '1.0.0', hash: '' }] } = change
  return {
    rules: { windowUnit: 'blocks', deadlineBufferMaxBlocks: 1_000, anchoring: 'projects', namespace: 'TEST', voting: 'open', ...rules },
    plan: planFrom({ sets, computes }, 'TEST'),
  }
}

/** Two base projects of one type, a single aggregate over each, a multi aggregate over both. */
export function createComputes(
  change: {
    readonly preload?: () => Promise<unknown>
    readonly base?: (dataSource: string | undefined, epochId: number) => Promise<JsonValue>
  } = {},
): ComputeSet {
  return {
    preloads: [{ taskType: 'price', preload: change.preload ?? (async ({ epoch, source }) => BigInt(await source.timestamp(epoch.end))) }],
    snapshots: [
      {
        projectType: 'base',
        dataSources: ['0xAA', '0xBB'],
        preloads: ['price'],
        async compute({ epoch, dataSource, preloaded }) {
          if (change.base !== undefined) return change.base(dataSource, epoch.epochId)
          return { source: dataSource ?? '', epoch: BigInt(epoch.epochId), price: preloaded.get('price') as bigint }
        },
      },
    ],
    aggregates: [
      {
        projectType: 'sum',
        aggregateOn: 'SingleProject',
        baseProjectTypes: ['base'],
        async aggregate({ epoch, base, history, epochsIn }) {
          const projectId = base[0]?.projectId as string
          const first = (await history.firstEpochId(projectId)) ?? epoch.epochId
          const epochs: bigint[] = []
          for (let id = Math.max(first, epoch.epochId - epochsIn(240)); id < epoch.epochId; id += 1) {
            const earlier = await history.snapshot(projectId, id)
            if (earlier !== undefined) epochs.push((earlier as { epoch: bigint }).epoch)
          }
          return { epochs }
        },
      },
      {
        projectType: 'all',
        aggregateOn: 'MultiProject',
        baseProjectTypes: ['base'],
        aggregate: async ({ base }) => base.map((each) => each.projectId),
      },
    ],
  }
}

/** One base project without data source and nothing else, for what needs no more. */
export function createLoneCompute(compute: (epochId: number) => Promise<JsonValue> = async (epochId) => BigInt(epochId)): ComputeSet {
  return {
    preloads: [],
    snapshots: [{ projectType: 'lone', dataSources: [], preloads: [], compute: ({ epoch }) => compute(epoch.epochId) }],
    aggregates: [],
  }
}
export const LONE = 'lone:TEST' as ProjectId

interface Collector {
  /** Submissions of real epochs, in order. */
  readonly taken: Submission[]
  readonly simulated: Submission[]
  /** Submissions of real epochs that it takes before it goes down. */
  capacity: number
  /** What comes over the wire, before anything is taken. May refuse, throw, or never answer. */
  answer: (submission: Submission) => Promise<HandOverAnswer>
}

function take(collector: Collector, submission: Submission): 'Success' {
  if (collector.taken.length >= collector.capacity) throw new WeftError('QUEUE_FULL', { queue: 'test', lengthMax: collector.capacity })
  if (submission.request.epochId === 0) collector.simulated.push(submission)
  else collector.taken.push(submission)
  return 'Success'
}

/** An effect that is about to happen, or has just happened, seen from outside the snapshotter. */
export interface Moment {
  readonly when: 'before' | 'after'
  readonly effect: 'commit' | 'add' | 'sign' | 'submit'
  /** Of a commit: its keys, one per line. Otherwise empty. */
  readonly keys: string
}

/** A snapshotter at work. */
export interface Running extends Snapshotter {
  /** What came of its `run`. */
  readonly ended: Promise<void>
  /** Resolves when nothing is under way any more, however it went. */
  stop(): Promise<void>
}

export interface World {
  readonly clock: ReturnType<typeof createVirtualClock>
  readonly chain: FakeChain
  source: FakeSourceChain
  readonly collector: Collector
  readonly summaries: EpochSummary[]
  /** What the log has said of failures, with its facts. */
  readonly troubles: { readonly event: LogEvent; readonly [fact: string]: string | number }[]
  /** Every effect of every life, in order. */
  readonly moments: Moment[]
  ipfs: ReturnType<ReturnType<typeof createFakeIpfsNetwork>['node']>
  store: FakeStore
  /** When it says so, the process ends at this moment, as by `kill -9`. */
  killAt: (moment: Moment) => boolean
  /** When it says so, the disk refuses the commit, and the store everything after it. */
  isDiskFull: (keys: string) => boolean
  start(computes?: ComputeSet, options?: SnapshotterOptions, deps?: Partial<SnapshotterDeps>): Promise<Running>
  /** Resolves when the running life was killed by `killAt`; what was durable is then in `store`. */
  untilKilled(): Promise<void>
  /** Kills the running life now. */
  kill(): void
  /** Releases the next epoch, of two source blocks. */
  release(begin?: number): Promise<EpochId>
  /** Anchors, ends and attests an epoch that holds the projects given. */
  finalize(epochId: EpochId, snapshots: Readonly<Record<string, Cid>>): Promise<void>
  /** The first half of that: the sequencer's word, which nobody has attested yet. */
  anchor(epochId: EpochId, snapshots: Readonly<Record<string, Cid>>): Promise<void>
  attest(epochId: EpochId): Promise<void>
  /** Runs until the goal is reached; fails with the cause when the snapshotter has ended before, or with the goal's text. */
  until(goal: () => boolean): Promise<void>
  stop(snapshotter: Running): Promise<void>
}

const running: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop()
})

/** More turns than a start takes. */
const BEGIN_TURNS = 200
const never = new Promise<never>(() => undefined)

interface Life {
  isDead: boolean
  failure: unknown
}

/** After the death of its process nothing comes of a call any more. */
function mortal<Target extends object>(target: Target, life: Life): Target {
  return new Proxy(target, {
    get(inner, key) {
      const value = Reflect.get(inner, key)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => (life.isDead ? never : Reflect.apply(value, inner, args))
    },
  })
}

export function createWorld(
  change: { readonly market?: Partial<MarketState>; readonly signers?: readonly Address[]; readonly sourceBlocks?: number } = {},
): World {
  const clock = createVirtualClock()
  const market = marketOf({
    epochSize: 2,
    snapshotWindowBlocks: WINDOW_BLOCKS,
    batchWindowBlocks: BATCH_WINDOW_BLOCKS,
    attestationWindowBlocks: ATTESTATION_WINDOW_BLOCKS,
    epochManager: manager,
    sequencers: [sequencer],
    validators: [validator],
    ...change.market,
  })
  const chain = createFakeChain({ clock, market, signers: change.signers ?? [signer.address, signer.address, manager] })
  const send = async (from: Address, id: string, call: Parameters<ReturnType<FakeChain['sender']>['send']>[1]) => {
    // Each with a journal of its own: what a reorganisation has lost stays lost, instead of being sent again with the next call.
    const outcome = chain.sender({ address: from, journal: createFakeStore() }).send(id, call, new AbortController().signal)
    const mined = await clock.runUntil(Promise.all([outcome, mineSoon()]), { limitMs: 120_000 })
    expect(mined[0].kind).toBe('done')
  }
  async function mineSoon() {
    await clock.sleep(50)
    chain.mine()
  }
  let released = 0
  const collector: Collector = {
    taken: [],
    simulated: [],
    capacity: Number.POSITIVE_INFINITY,
    answer: async (submission) => take(collector, submission),
  }
  const grpc = createFakeGrpc(clock)
  const server = grpc.serveSubmissions({ host: 'localhost', port: 0, handler: (submission) => collector.answer(submission) })
  let life: Life = { isDead: false, failure: undefined }

  function happens(own: Life, moment: Moment): void {
    if (own.isDead) return
    world.moments.push(moment)
    if (world.killAt(moment)) world.kill()
  }
  function told<Args extends unknown[], Value>(own: Life, effect: 'add' | 'submit', work: (...args: Args) => Promise<Value>) {
    return async (...args: Args): Promise<Value> => {
      happens(own, { when: 'before', effect, keys: '' })
      if (own.isDead) return never
      const value = await work(...args)
      happens(own, { when: 'after', effect, keys: '' })
      return own.isDead ? never : value
    }
  }
  function disk(own: Life, store: FakeStore): FakeStore {
    return {
      ...store,
      async commit(writes) {
        const keys = writes
          .filter(({ value }) => value !== undefined)
          .map(({ key }) => key)
          .join('\n')
        happens(own, { when: 'before', effect: 'commit', keys })
        if (own.isDead) return never
        if (world.isDiskFull(keys)) store.breakDisk()
        await store.commit(writes)
        happens(own, { when: 'after', effect: 'commit', keys })
        return own.isDead ? never : undefined
      },
    }
  }

  const world: World = {
    clock,
    chain,
    source: createFakeSourceChain({ blocks: change.sourceBlocks ?? 1_000 }),
    collector,
    summaries: [],
    troubles: [],
    moments: [],
    ipfs: createFakeIpfsNetwork({ clock }).node('own'),
    store: createFakeStore(),
    killAt: () => false,
    isDiskFull: () => false,
    async start(computes = createComputes(), options = OPTIONS, deps = {}) {
      const own: Life = { isDead: false, failure: undefined }
      life = own
      const client = deps.collector ?? grpc.createSubmissionClient({ endpoint: (await server).endpoint })
      const ipfs = deps.ipfs ?? world.ipfs
      const all: SnapshotterDeps = {
        signer,
        random: createSeededRandom(1),
        onEpoch: (summary) => world.summaries.push(summary),
        report(event, facts) {
          if (event !== 'epoch_done') world.troubles.push({ event, ...facts })
        },
        ...deps,
        chain: mortal(deps.chain ?? chain, own),
        source: mortal(deps.source ?? world.source, own),
        store: mortal(disk(own, world.store), own),
        clock: mortal(clock, own),
        terms: deps.terms ?? sameTerms(termsWith(computes)),
        collector: { ...client, submitSnapshot: told(own, 'submit', client.submitSnapshot) },
        ipfs: mortal({ ...ipfs, add: told(own, 'add', ipfs.add) }, own),
      }
      const signing = {
        address: all.signer.address,
        async signHashOf(bytes: Uint8Array) {
          happens(own, { when: 'before', effect: 'sign', keys: '' })
          return all.signer.signHashOf(bytes)
        },
      }
      const role = createSnapshotter(options, { ...all, signer: signing })
      const stopping = new AbortController()
      const ended = role.run(stopping.signal)
      const settled = ended.catch((failure: unknown) => {
        own.failure = failure
      })
      const snapshotter: Running = {
        ...role,
        ended,
        stop() {
          stopping.abort()
          return settled
        },
      }
      running.push({ stop: async () => (own.isDead ? undefined : world.stop(snapshotter)) })
      const isBegun = () => own.failure !== undefined || role.stats().headBlock !== undefined
      // Nothing of what a start waits for takes time while the chain answers, and what comes after it must not have happened yet.
      for (let turn = 0; turn < BEGIN_TURNS && !isBegun(); turn += 1) await Promise.resolve()
      if (!isBegun()) await clock.runUntil(isBegun, { limitMs: 60_000 })
      if (role.stats().headBlock === undefined) throw own.failure
      return snapshotter
    },
    untilKilled: () => world.until(() => life.isDead),
    kill() {
      life.isDead = true
      world.store = world.store.crash()
      world.killAt = () => false
    },
    async release(begin) {
      released += 1
      const first = begin ?? released * 2
      await send(manager, `release ${released}`, { kind: 'releaseEpoch', begin: first as BlockNumber, end: (first + 1) as BlockNumber })
      return (await chain.currentEpoch()).epochId
    },
    async anchor(epochId, snapshots) {
      const batchCid = `batch-${epochId}` as Cid
      await send(sequencer, `batch ${epochId}`, {
        kind: 'submitSubmissionBatch',
        epochId,
        batchCid,
        projectIds: Object.keys(snapshots) as ProjectId[],
        snapshotCids: Object.values(snapshots),
        rootHash,
      })
      await send(sequencer, `end ${epochId}`, { kind: 'endBatchSubmissions', epochId })
    },
    async finalize(epochId, snapshots) {
      await world.anchor(epochId, snapshots)
      await world.attest(epochId)
    },
    async attest(epochId) {
      const batchCid = `batch-${epochId}` as Cid
      await send(validator, `attest ${epochId}`, { kind: 'submitBatchAttestation', epochId, batchCid, rootHash })
    },
    async until(goal) {
      const isReached = () => {
        if (goal()) return true
        if (!life.isDead && life.failure !== undefined) throw life.failure
        return false
      }
      try {
        await clock.runUntil(isReached, { limitMs: 300_000 })
      } catch (cause) {
        throw new Error(`waited in vain for ${goal}`, { cause })
      }
    },
    stop: (snapshotter) => clock.runUntil(snapshotter.stop(), { limitMs: 120_000 }),
  }
  return world
}

export const idsOf = (submissions: readonly Submission[]): ProjectId[] =>
  [...new Set(submissions.map(({ request }) => request.projectId))].sort()

/** Reason by type and data source of each project that an epoch missed. */
export const reasons = (summary: EpochSummary | undefined): Record<string, string | undefined> =>
  Object.fromEntries((summary?.missed ?? []).map((project) => [project.projectId.split(':').slice(0, 2).join(':'), project.reason]))
