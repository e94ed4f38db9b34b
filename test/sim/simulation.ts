import { isWeftError } from '#domain/errors.ts'
import type { Address, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import type { SeenTransaction } from '#io/chain/fake.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import type { Relay } from '#io/p2p/port.ts'
import type { Collector } from '#roles/collector/collector.ts'
import type { Epochs } from '#roles/epochs/epochs.ts'
import type { Sequencer } from '#roles/sequencer/sequencer.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import type { Snapshotter } from '#roles/snapshotter/snapshotter.ts'
import type { Validator } from '#roles/validator/validator.ts'
import { keccak256 } from '#wire/keccak.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { decodeSubmission } from '#wire/submission-proto.ts'
import { falsify } from '../../src/devnet/lie.ts'
import {
  createWorld,
  EPOCH_SIZE,
  type Machine,
  NAMESPACE,
  type Postbox,
  quiet,
  startCollector,
  startEpochs,
  startRelay,
  startSeat,
  startSequencer,
  startValidator,
  unchanged,
  type World,
} from '../journey/cast.ts'
import { prices } from '../journey/prices.ts'
import { check, told, type Violation } from './checkers.ts'
import { type Armed, heal, inflict } from './faults.ts'
import { createHostile } from './hostile.ts'
import { drawPlan, FAULTS_END_MS, type Lie, type Plan } from './plan.ts'

/**
 * One seed, one network, one run: roles on fakes and a virtual clock, faults on a schedule, then calm, then the promises of the design
 * (G1 to G9) are checked. In the spirit of TigerBeetle's VOPR: a failing seed is the whole bug report.
 */

/** Between looks at the network while it runs. */
const STEP_MS = 500
/** How long a role stays down that ended because something outside did not answer: what a supervisor would wait. */
const SUPERVISOR_PAUSE_MS = 1_000
/** After the faults: longer than any pause between two attempts (of the epochs role 16 s after outages as long as here), so that a calm epoch meets a network at peace. */
const CALM_MS = 20_000
const CALM_EPOCHS = 2
/** The second calm epoch comes while the first is still open, as in life. */
const CALM_GAP_MS = 7_000
const QUIET_LIMIT_MS = 180_000
/** Longer than any window here, so that every entry ends while the run lasts. */
const OUTBOX_AGE_MAX_MS = 45_000

/** Roles that have just been set up must have seen more blocks than a reorganisation here takes back. */
const WARM_UP_MS = 6_000

const key = (digits: string) => createSigner(parsePrivateKey(digits.repeat(32)))
const HONEST = [key('11'), key('22')]
const LIAR = key('66')
const HOSTILE = key('99')

export interface Cast {
  readonly sequencer: Machine<Sequencer>
  readonly epochs: Machine<Epochs>
  readonly relay: Machine<Relay>
  readonly collectors: readonly Machine<Collector>[]
  readonly endpoints: readonly string[]
  readonly honest: readonly Machine<Snapshotter>[]
  readonly snapshotters: readonly Machine<Snapshotter>[]
  readonly validators: readonly Machine<Validator>[]
  /** By name. */
  readonly machines: ReadonlyMap<string, Machine<unknown>>
}

/** What somebody who sees everything has seen. */
export interface Run {
  readonly plan: Plan
  readonly world: World
  readonly cast: Cast
  readonly projects: readonly ProjectId[]
  /** What collectors were answered, and about what. */
  readonly receipts: readonly { readonly receipt: Receipt; readonly submission: Submission }[]
  /** What collectors answered with Success. */
  readonly successes: readonly { readonly endpoint: string; readonly submission: Submission }[]
  /** Every transaction that was ever broadcast, as it was last seen. */
  readonly broadcast: ReadonlyMap<string, SeenTransaction>
  /** Batches that were on their way to the chain before the sequencer's own node had them. */
  readonly unpinned: readonly Cid[]
  /** Failures with which a role ended that nobody outside is to blame for. */
  readonly failures: readonly { readonly machine: string; readonly failure: unknown }[]
  /** Slots whose votes are not an honest snapshotter's, at least for a part of the run. */
  readonly dishonestSlots: ReadonlySet<SlotId>
  /** Epochs released when nothing went wrong any more. */
  readonly calmEpochs: readonly EpochId[]
  /** What had not come to its end when patience did; `undefined` when all had. */
  readonly unquiet: string | undefined
}

export interface Outcome {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** Of everything that happened, in order: two runs of one seed have the same. */
  readonly digest: string
  /** Everything that happened, one line each. */
  readonly events: readonly string[]
  readonly epochs: number
  readonly restarts: number
  readonly receipts: number
}

/** Everything that happened, one line each. */
function createTrace() {
  const lines: string[] = []
  let nowMs = () => 0
  return {
    lines,
    startClock(clock: () => number): void {
      const startMs = clock()
      nowMs = () => clock() - startMs
    },
    note(who: string, event: string, facts: object = {}): void {
      lines.push(`${nowMs().toFixed(0).padStart(6)} ${who}: ${event} ${JSON.stringify(facts)}`)
    },
  }
}
type Trace = ReturnType<typeof createTrace>

export async function simulate(seed: number): Promise<Outcome> {
  const plan = drawPlan(seed)
  const trace = createTrace()
  const stage = await createStage(plan, trace)
  // What nobody handles ends a real process.
  const onUnhandled = (failure: unknown) => stage.failures.push({ machine: 'a process', failure })
  process.on('unhandledRejection', onUnhandled)
  try {
    const violations = await play(stage).then(
      () => check(stage.run),
      (failure: unknown): Violation[] => [{ promise: 'G9', found: `the run came to no end: ${told(failure)}` }],
    )
    const epochs = (await stage.world.chain.currentEpoch()).epochId
    await stage.stop()
    const digest = keccak256(new TextEncoder().encode(trace.lines.join('\n'))).toHex()
    return { seed, violations, digest, events: trace.lines, epochs, restarts: stage.restarts(), receipts: stage.run.receipts.length }
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
}

/** The story of every run: peace, faults, peace, two epochs that must go well, and patience until all has come to its end. */
async function play(stage: Stage): Promise<void> {
  const { run, world, at } = stage
  await stage.pass(WARM_UP_MS)
  for (const fault of run.plan.faults) at(fault.atMs, () => inflict(fault, stage))
  for (const atMs of run.plan.epochsAtMs) at(atMs, () => world.source.mine(EPOCH_SIZE))
  await stage.pass(FAULTS_END_MS)
  heal(stage)
  await stage.pass(CALM_MS)
  for (let released = 0; released < CALM_EPOCHS; released += 1) {
    const { epochId } = await world.chain.currentEpoch()
    world.source.mine(EPOCH_SIZE)
    await world.clock.runUntil(async () => (await world.chain.currentEpoch()).epochId > epochId, { limitMs: QUIET_LIMIT_MS })
    stage.calmEpochs.push((epochId + 1) as EpochId)
    await stage.pass(CALM_GAP_MS)
  }
  await stage.becomeQuiet()
}

export type Stage = Awaited<ReturnType<typeof createStage>>

/** The network of the plan at work, and the hands that move it. */
async function createStage(plan: Plan, trace: Trace) {
  const failures: Run['failures'][number][] = []
  const calmEpochs: EpochId[] = []
  const unpinned: Cid[] = []
  /** By machine: what waits for its next commit, or for the next receipt of anybody. */
  const armed = new Map<string, Armed>()
  const broadcast = new Map<string, SeenTransaction>()
  const successes: Run['successes'][number][] = []
  const receipts: Run['receipts'][number][] = []
  const slotIds = [...plan.honestSeats.flat(), ...plan.lyingSlots]
  let restarts = 0
  let machines: ReadonlyMap<string, Machine<unknown>> = new Map()

  const bare = createWorld({
    seed: plan.seed,
    signers: slotIds.map((slotId) => signerOf(slotId, plan)),
    validators: plan.validators,
    market: {
      snapshotWindowBlocks: plan.windows.snapshot,
      batchWindowBlocks: plan.windows.batch,
      attestationWindowBlocks: plan.windows.attestation,
    },
    report: trace.note,
    onCommit: (name, durable) => armed.get(name)?.onCommit(durable),
    onFailure(name, failure) {
      trace.note(name, 'ended', { failure: String(failure) })
      machines.get(name)?.cutPower()
      if (!isWeftError(failure) || failure.kind !== 'transient') failures.push({ machine: name, failure })
      else at(SUPERVISOR_PAUSE_MS, () => boot(name))
    },
  })
  trace.startClock(bare.clock.nowMs)
  const world: World = { ...bare, grpc: notingSuccesses(bare.grpc, successes) }

  function at(delayMs: number, act: () => unknown): void {
    void world.clock.sleep(delayMs).then(act)
  }

  /** What a supervisor does: a role that cannot start because something does not answer is started again a little later. */
  async function boot(name: string): Promise<void> {
    const machine = machines.get(name) as Machine<unknown>
    if (machine.isOn()) return
    try {
      await machine.restart()
      restarts += 1
      trace.note(name, 'started again')
    } catch (failure) {
      if (!isWeftError(failure) || failure.kind !== 'transient') failures.push({ machine: name, failure })
      else at(SUPERVISOR_PAUSE_MS, () => boot(name))
    }
  }

  /** Returns the batches that were not there at the last look. */
  function observe(): Cid[] {
    const batches: Cid[] = []
    for (const transaction of world.chain.transactions()) {
      if (!broadcast.has(transaction.hash) && transaction.call.kind === 'submitSubmissionBatch') batches.push(transaction.call.batchCid)
      broadcast.set(transaction.hash, transaction)
    }
    return batches
  }

  /** Time goes by, in steps small enough that a batch is looked for before anybody but the sequencer can have stored it. */
  async function step(): Promise<void> {
    await world.clock.advance(STEP_MS)
    for (const cid of observe()) if (!(await world.ipfs.node('sequencer').has(cid))) unpinned.push(cid)
  }

  const projects = planProjects(prices, NAMESPACE).map(({ projectId }) => projectId)
  const reassigned = new Set<SlotId>()
  const postbox: Postbox = { receipts: [], onReceipt: quiet }
  const cast = await startCast(plan, { projects, postbox, world })
  machines = cast.machines
  const hostile = createHostile(
    {
      address: cast.address,
      endpoints: cast.endpoints,
      projects,
      signer: HOSTILE,
      ownSlots: () => [...reassigned],
    },
    world,
  )
  postbox.onReceipt = (receipt, payload) => {
    const submission = decodeSubmission(payload) as Submission
    const { epochId, slotId, projectId } = submission.request
    trace.note('receipt', receipt.code, { epochId, slotId, projectId, id: receipt.submissionId })
    receipts.push({ receipt, submission })
    for (const one of [...armed.values()]) one.onReceipt()
    hostile.hear({ submissionId: receipt.submissionId, payload })
  }
  const run: Run & { unquiet: Run['unquiet'] } = {
    plan,
    world,
    cast,
    projects,
    receipts,
    successes,
    broadcast,
    failures,
    get dishonestSlots() {
      return new Set([...plan.lyingSlots, ...reassigned])
    },
    calmEpochs,
    unpinned,
    unquiet: undefined,
  }
  await world.clock.runUntil(() => cast.sequencer.current().stats().isReady, { limitMs: QUIET_LIMIT_MS })

  return {
    run,
    world,
    cast,
    trace,
    failures,
    calmEpochs,
    armed,
    hostile,
    reassigned,
    at,
    boot,
    observe,
    restarts: () => restarts,
    async pass(durationMs: number): Promise<void> {
      for (let passed = 0; passed < durationMs; passed += STEP_MS) await step()
    },
    async becomeQuiet(): Promise<void> {
      let left: string | undefined = 'everything'
      for (let passed = 0; left !== undefined && passed < QUIET_LIMIT_MS; passed += STEP_MS) {
        await step()
        left = await unfinished(run)
      }
      run.unquiet = left
    },
    async stop(): Promise<void> {
      await world.processes.stop()
      world.chain.stop()
    },
  }
}

function signerOf(slotId: SlotId, { honestSeats }: Plan): Address {
  const seat = honestSeats.findIndex((slots) => slots.includes(slotId))
  return (seat < 0 ? LIAR : (HONEST[seat] as typeof LIAR)).address
}

function notingSuccesses(grpc: World['grpc'], successes: Run['successes'][number][]): World['grpc'] {
  return {
    ...grpc,
    createSubmissionClient({ endpoint }) {
      const client = grpc.createSubmissionClient({ endpoint })
      return {
        ...client,
        async submitSnapshot(submission, limits) {
          const answer = await client.submitSnapshot(submission, limits)
          if (answer === 'Success') successes.push({ endpoint, submission })
          return answer
        },
      }
    },
  }
}

/** Starts the roles in the order in which they need each other. */
async function startCast(
  plan: Plan,
  { projects, postbox, world }: { readonly projects: readonly ProjectId[]; readonly postbox: Postbox; readonly world: World },
) {
  const relay = await startRelay(world)
  const { machine: sequencer, addresses } = await startSequencer(
    {
      relays: relay.current().addresses(),
      anchoring: plan.lie && lying(plan.lie),
      expectedProjects: plan.hasExpectedProjects ? projects : undefined,
    },
    world,
  )
  const [direct, relayed] = addresses as [string, string]
  const ways = { direct: [direct], relayed: [relayed], both: [direct, relayed] }
  const collectors: Awaited<ReturnType<typeof startCollector>>[] = []
  for (const [index, way] of plan.collectors.entries())
    collectors.push(
      await startCollector({ index: index + 1, addresses: ways[way], limits: { ageMaxMs: OUTBOX_AGE_MAX_MS } }, postbox, world),
    )
  const endpointOf = (seat: number) => (collectors[seat % collectors.length] as (typeof collectors)[number]).endpoint
  const honest: Machine<Snapshotter>[] = []
  for (const [index, slots] of plan.honestSeats.entries()) {
    const signer = HONEST[index] as (typeof HONEST)[number]
    honest.push(
      await startSeat({ name: `honest ${index + 1}`, signer, slotIds: slots, endpoint: endpointOf(index), computes: prices }, world),
    )
  }
  const liars: Machine<Snapshotter>[] = []
  if (plan.lyingSlots.length > 0) {
    const endpoint = endpointOf(honest.length)
    liars.push(await startSeat({ name: 'liar', signer: LIAR, slotIds: plan.lyingSlots, endpoint, computes: falsify(prices) }, world))
  }
  const validators: Machine<Validator>[] = []
  for (let index = 0; index < plan.validators; index += 1) {
    const isFed = plan.isValidatorFed && index === plan.validators - 1
    validators.push(await startValidator(index, isFed ? altered : unchanged, world))
  }
  const epochs = await startEpochs(world)
  const all: Machine<unknown>[] = [
    sequencer,
    relay,
    epochs,
    ...collectors.map(({ machine }) => machine),
    ...honest,
    ...liars,
    ...validators,
  ]
  return {
    sequencer,
    address: direct,
    epochs,
    relay,
    collectors: collectors.map(({ machine }) => machine),
    endpoints: collectors.map(({ endpoint }) => endpoint),
    honest,
    snapshotters: [...honest, ...liars],
    validators,
    machines: new Map(all.map((machine) => [machine.name, machine])),
  }
}

const altered = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === bytes.length >> 1 ? byte ^ 1 : byte))
const NO_SUCH_DATA = `bafkrei${'a'.repeat(52)}` as Cid

function lying({ epochId, how }: Lie): (call: ProtocolCall) => ProtocolCall {
  return (call) => {
    if (call.kind !== 'submitSubmissionBatch' || call.epochId !== epochId) return call
    const [first, second, ...others] = call.snapshotCids
    const sworn = (cids: readonly (Cid | undefined)[], projectIds = call.projectIds): ProtocolCall => {
      const snapshotCids = cids.filter((cid) => cid !== undefined)
      return { ...call, projectIds, snapshotCids, rootHash: publishedRoot(snapshotCids) }
    }
    switch (how) {
      case 'swap':
        return second === undefined ? sworn([NO_SUCH_DATA]) : sworn([second, first, ...others])
      case 'invent':
        return sworn([NO_SUCH_DATA, second, ...others])
      case 'omit':
        return sworn(call.snapshotCids.slice(0, -1), call.projectIds.slice(0, -1))
      case 'other_root':
        return { ...call, rootHash: publishedRoot(['nothing']) }
    }
  }
}

/** What still has to come to an end, if anything. */
async function unfinished({ world: { chain }, cast }: Run): Promise<string | undefined> {
  const off = [...cast.machines.values()].find((machine) => !machine.isOn())
  if (off !== undefined) return `${off.name} is off`
  const open = cast.collectors.find((collector) => collector.current().stats().open > 0)
  if (open !== undefined) return `${open.name} has deliveries`
  if (cast.sequencer.current().stats().unfinishedEpochs > 0) return 'the sequencer has epochs'
  const busy = cast.snapshotters.find((machine) =>
    machine
      .current()
      .epochs()
      .some(({ state }) => state === 'open'),
  )
  if (busy !== undefined) return `${busy.name} has epochs`
  const { epochId: last } = await chain.currentEpoch()
  for (let epochId = 1 as EpochId; epochId <= last; epochId = (epochId + 1) as EpochId) {
    if (cast.sequencer.current().epoch(epochId) === undefined) return `the sequencer does not know epoch ${epochId}`
    for (const batchCid of await chain.batchCids(epochId)) {
      const slow = cast.validators.find(
        (validator) =>
          !validator
            .current()
            .batches(epochId)
            .some((batch) => batch.batchCid === batchCid),
      )
      if (slow !== undefined) return `${slow.name} has batch ${batchCid} of epoch ${epochId}`
    }
  }
  return undefined
}
