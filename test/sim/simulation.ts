import { isWeftError } from '#domain/errors.ts'
import type { Address, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import type { Relay } from '#io/p2p/port.ts'
import type { FakeStore } from '#io/store/fake.ts'
import { sameRules } from '#life/rules.ts'
import type { Collector } from '#roles/collector/collector.ts'
import type { Epochs } from '#roles/epochs/epochs.ts'
import type { Sequencer } from '#roles/sequencer/sequencer.ts'
import type { verify } from '#roles/consumer/verify.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import type { Snapshotter } from '#roles/snapshotter/snapshotter.ts'
import type { Validator } from '#roles/validator/validator.ts'
import { keccak256 } from '#wire/keccak.ts'
import { decodeSubmission } from '#wire/submission-proto.ts'
import { falsify } from '../../src/devnet/lie.ts'
import {
  earOf,
  BLOCK_TIME_MS,
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
import { check, told } from './checkers.ts'
import { type Armed, heal, inflict } from './faults.ts'
import { createHostile } from './hostile.ts'
import { type Accomplice, lyingOnce, NO_SUCH_DATA } from './lie.ts'
import { drawPlan, type Plan, rulesOf } from './plan.ts'
import type { Violation } from './promises.ts'
import { createSafety, type Safety } from './safety.ts'
import { createTrace, lineOf, type SimEvent, type Trace } from './trace.ts'
import { createWitness, type Witness } from './witness.ts'

/**
 * One seed, one network, one run: roles on fakes and a virtual clock, faults on a schedule, then calm, then the promises of the design
 * (G1 to G9) are checked. In the spirit of TigerBeetle's VOPR: a failing seed is the whole bug report.
 */

/** Between looks at the network while it runs. */
const STEP_MS = 500
/** How long a role stays down that ended because something outside did not answer: what a supervisor would wait. */
const SUPERVISOR_PAUSE_MS = 1_000
/** Roles that have just been set up must have seen more blocks than a reorganisation here takes back. */
const WARM_UP_MS = 6_000
/** After the faults: longer than any pause between two attempts (of the epochs role 16 s after outages as long as here), so that a calm epoch meets a network at peace. */
const CALM_MS = 20_000
const CALM_EPOCHS = 2
/** The second calm epoch comes while the first is still open, as in life. */
const CALM_GAP_MS = 7_000
const QUIET_LIMIT_MS = 180_000
/** By this much an entry's age may exceed the window, so that every entry ends while the run lasts. */
const OUTBOX_AGE_BEYOND_WINDOW_MS = 33_000

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
  readonly address: string
  nameOf(account: string): string
}

/** What somebody who sees everything has seen. */
export interface Run {
  readonly plan: Plan
  readonly world: World
  readonly cast: Cast
  readonly trace: Trace
  readonly witness: Witness
  readonly projects: readonly ProjectId[]
  /** What collectors were answered, and about what. */
  readonly receipts: readonly { readonly receipt: Receipt; readonly submission: Submission }[]
  /** What collectors answered with Success. */
  readonly successes: readonly { readonly endpoint: string; readonly submission: Submission; readonly isHostile: boolean }[]
  /** Failures with which a role ended that nobody outside is to blame for. */
  readonly failures: readonly { readonly machine: string; readonly failure: unknown }[]
  /** Slots whose votes are not an honest snapshotter's, at least for a part of the run. */
  readonly dishonestSlots: ReadonlySet<SlotId>
  /** CIDs of data that nobody has, as liars and hostile peers speak of. */
  readonly invented: ReadonlySet<string>
  /** Batches whose sequencer gives them nobody. */
  readonly withheld: ReadonlySet<string>
  /** Batches on chain under a name that is not theirs, as `<epoch> <name>`. */
  readonly misnamed: ReadonlySet<string>
  /** Machines that came back with another disk, and the head at which they did. */
  readonly lostDisks: ReadonlyMap<string, number>
  /** Epochs released when nothing went wrong any more. */
  readonly calmEpochs: readonly EpochId[]
  /** What had not come to its end when patience did; `undefined` when all had. */
  readonly unquiet: string | undefined
}

export interface Outcome {
  readonly seed: number
  readonly plan: Plan
  readonly violations: readonly Violation[]
  /** Of everything that happened, in order: two runs of one seed have the same. */
  readonly digest: string
  /** Everything that happened. */
  readonly events: readonly SimEvent[]
  readonly epochs: number
  readonly restarts: number
  readonly receipts: number
}

/** Ports that do not do what they promise, for the tests of the checkers. */
export interface Spoil {
  readonly plan?: (plan: Plan) => Plan
  readonly world?: (world: World) => World
  /** Who proves, in the place of the consumer. */
  readonly verify?: typeof verify
  readonly disk?: (machine: string, disk: FakeStore) => FakeStore
}

/** Days of which a run has several, and a quota that some slots reach. */
const REWARDS = { epochsInADay: 3, dailySnapshotQuota: 12, areRewardsEnabled: true }

export async function simulate(seed: number, spoil: Spoil = {}): Promise<Outcome> {
  const plan = (spoil.plan ?? unchanged)(drawPlan(seed))
  const trace = createTrace()
  const arena = await createArena(plan, trace, spoil)
  // What nobody handles ends a real process.
  const onUnhandled = (failure: unknown) => arena.failures.push({ machine: 'a process', failure })
  process.on('unhandledRejection', onUnhandled)
  try {
    const late = await play(arena).then(
      () => check(arena.run, spoil.verify),
      (failure: unknown): Violation[] => [{ promise: 'G9', found: `the run came to no end: ${told(failure)}` }],
    )
    const epochs = (await arena.world.chain.currentEpoch()).epochId
    await arena.stop()
    const { events } = trace
    return {
      seed,
      plan,
      violations: [...arena.safety.violations, ...late],
      digest: keccak256(new TextEncoder().encode(events.map(lineOf).join('\n'))).toHex(),
      events,
      epochs,
      restarts: arena.restarts(),
      receipts: arena.run.receipts.length,
    }
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
}

/** The story of every run: peace, faults, peace, two epochs that must go well, and patience until all has come to its end. */
async function play(arena: Arena): Promise<void> {
  const { run, world, at } = arena
  await arena.pass(WARM_UP_MS)
  for (const fault of run.plan.faults) at(fault.atMs, () => inflict(fault, arena))
  for (const atMs of run.plan.epochsAtMs) at(atMs, () => world.source.mine(EPOCH_SIZE))
  await arena.pass(run.plan.faultsEndMs)
  heal(arena)
  await arena.pass(CALM_MS)
  for (let released = 0; released < CALM_EPOCHS; released += 1) {
    const { epochId } = await world.chain.currentEpoch()
    world.source.mine(EPOCH_SIZE)
    await world.clock.runUntil(async () => (await world.chain.currentEpoch()).epochId > epochId, { limitMs: QUIET_LIMIT_MS })
    arena.calmEpochs.push((epochId + 1) as EpochId)
    await arena.pass(CALM_GAP_MS)
  }
  await arena.becomeQuiet()
}

export type Arena = Awaited<ReturnType<typeof createArena>>

/** The network of the plan at work, and the hands that move it. */
async function createArena(plan: Plan, trace: Trace, spoil: Spoil) {
  const failures: Run['failures'][number][] = []
  const calmEpochs: EpochId[] = []
  /** By machine: what waits for its next commit, or for the next receipt of anybody. */
  const armed = new Map<string, Armed>()
  const successes: Run['successes'][number][] = []
  const receipts: Run['receipts'][number][] = []
  const lostDisks = new Map<string, number>()
  const dishonest = new Set<SlotId>([...plan.lyingSlots, ...plan.hostileSlots])
  const ownedByHostile = new Set<SlotId>(plan.hostileSlots)
  const signers = [...plan.honestSeats.flat(), ...plan.lyingSlots, ...plan.hostileSlots].map((slotId) => signerOf(slotId, plan))
  let restarts = 0
  let doors: Doors | undefined
  let cast: Cast | undefined

  const bare = createWorld({
    seed: plan.seed,
    signers,
    validators: plan.validators,
    rules: () => sameRules(rulesOf(plan)),
    rewards: REWARDS,
    market: {
      snapshotWindowBlocks: plan.windows.snapshot,
      batchWindowBlocks: plan.windows.batch,
      attestationWindowBlocks: plan.windows.attestation,
    },
    report: trace.note,
    disk: spoil.disk ?? ((_, disk) => disk),
    onCommit(name, { writes, disk }) {
      safety.atCommit(name, writes, disk)
      return (durable) => armed.get(name)?.onCommit(durable)
    },
    onCalls: (name, intents, disk) => safety.atCalls(name, intents, disk),
    onFailure(name, failure) {
      trace.note(name, 'ended', { failure: String(failure) })
      cast?.machines.get(name)?.cutPower()
      if (!isWeftError(failure) || failure.kind !== 'transient') failures.push({ machine: name, failure })
      else at(SUPERVISOR_PAUSE_MS, () => boot(name))
    },
  })
  trace.startClock(bare.clock)
  const world: World = (spoil.world ?? unchanged)(bare)
  const witness = createWitness(bare, signers, trace)

  function at(delayMs: number, act: () => unknown): void {
    void world.clock.sleep(delayMs).then(act)
  }

  /** What a supervisor does: a role that cannot start because something does not answer is started again a little later. */
  async function boot(name: string): Promise<void> {
    const machine = cast?.machines.get(name) as Machine<unknown>
    if (machine.isOn()) return
    try {
      await machine.restart()
      restarts += 1
      if (lostDisks.has(name)) lostDisks.set(name, witness.highest())
      trace.note(name, 'started again')
    } catch (failure) {
      if (!isWeftError(failure) || failure.kind !== 'transient') failures.push({ machine: name, failure })
      else at(SUPERVISOR_PAUSE_MS, () => boot(name))
    }
  }

  const projects = planProjects(prices, NAMESPACE).map(({ projectId }) => projectId)
  const postbox: Postbox = { receipts: [], onReceipt: quiet }
  const invented = new Set<string>([NO_SUCH_DATA])
  const withheld = new Set<string>()
  const misnamed = new Set<string>()
  const run: Run & { unquiet: Run['unquiet'] } = {
    plan,
    world: bare,
    get cast() {
      return (cast ?? doors) as Cast
    },
    trace,
    witness,
    projects,
    receipts,
    successes,
    failures,
    dishonestSlots: dishonest,
    invented,
    withheld,
    misnamed,
    lostDisks,
    calmEpochs,
    unquiet: undefined,
  }
  const safety: Safety = createSafety(run)
  const telling = (isHostile: boolean): World => ({
    ...world,
    grpc: tellingSuccesses(world.grpc, (endpoint, submission) => {
      successes.push({ endpoint, submission, isHostile })
      safety.atSuccess(endpoint, submission)
    }),
  })
  postbox.onReceipt = (receipt, payload) => {
    const submission = decodeSubmission(payload) as Submission
    const { epochId, slotId, projectId } = submission.request
    trace.note('receipt', receipt.code, { epochId, slotId, projectId, id: receipt.submissionId, header: submission.header })
    receipts.push({ receipt, submission })
    safety.atReceipt(receipt, submission)
    for (const one of [...armed.values()]) one.onReceipt()
    hostile?.hear({ submissionId: receipt.submissionId, payload })
  }
  let hostile: ReturnType<typeof createHostile> | undefined
  // Mined while everybody warms up: no reorganisation takes it back.
  if (plan.anchoring === 'roots') bare.chain.setRootOnlyAllowed(true)
  const started = await startCast(plan, {
    projects,
    postbox,
    world: telling(false),
    onDoors(some) {
      doors = some
    },
    accomplice: {
      hide(batchCid) {
        withheld.add(batchCid)
        bare.ipfs.node('sequencer').withhold(batchCid)
      },
      misname: (epochId, name) => void misnamed.add(`${epochId} ${name}`),
    },
  })
  cast = started
  hostile = createHostile(
    {
      address: cast.address,
      endpoints: cast.endpoints,
      projects,
      signer: HOSTILE,
      ownSlots: () => [...ownedByHostile],
      onMadeUp: (cid) => invented.add(cid),
      onAnswer(receipt, submission) {
        const { epochId, slotId, projectId } = submission?.request ?? {}
        trace.note('hostile', receipt.code, { epochId, slotId, projectId, id: receipt.submissionId })
        safety.atHostileAnswer(receipt, submission)
      },
    },
    telling(true),
  )

  async function step(): Promise<void> {
    await world.clock.advance(STEP_MS)
    witness.look()
    await safety.atStep(witness.news())
  }

  await world.clock.runUntil(() => started.sequencer.current().stats().isReady, { limitMs: QUIET_LIMIT_MS })

  return {
    run,
    world,
    cast: started,
    trace,
    failures,
    calmEpochs,
    armed,
    hostile,
    safety,
    dishonest,
    ownedByHostile,
    signerOf: (slotId: SlotId) => signers[slotId - 1] as Address,
    at,
    boot,
    look: witness.look,
    onLostDisk(name: string): void {
      lostDisks.set(name, witness.highest())
      safety.atLostDisk(name)
    },
    restarts: () => restarts,
    async pass(durationMs: number): Promise<void> {
      for (let passed = 0; passed < durationMs; passed += STEP_MS) await step()
    },
    async becomeQuiet(): Promise<void> {
      let left: string | undefined = 'everything'
      for (let passed = 0; left !== undefined && passed < QUIET_LIMIT_MS; passed += STEP_MS) {
        await step()
        left = await unfinished(run, safety)
      }
      run.unquiet = left
    },
    async stop(): Promise<void> {
      await world.processes.stop()
      world.chain.stop()
    },
  }
}

function signerOf(slotId: SlotId, { honestSeats, hostileSlots }: Plan): Address {
  if (hostileSlots.includes(slotId)) return HOSTILE.address
  const seat = honestSeats.findIndex((slots) => slots.includes(slotId))
  return (seat < 0 ? LIAR : (HONEST[seat] as typeof LIAR)).address
}

function tellingSuccesses(grpc: World['grpc'], onSuccess: (endpoint: string, submission: Submission) => void): World['grpc'] {
  return {
    ...grpc,
    createSubmissionClient({ endpoint }) {
      const client = grpc.createSubmissionClient({ endpoint })
      return {
        ...client,
        async submitSnapshot(submission, limits) {
          const answer = await client.submitSnapshot(submission, limits)
          if (answer === 'Success') onSuccess(endpoint, submission)
          return answer
        },
      }
    },
  }
}

type Doors = Pick<Cast, 'sequencer' | 'collectors' | 'endpoints'>

interface CastNeeds {
  readonly projects: readonly ProjectId[]
  readonly postbox: Postbox
  readonly world: World
  /** Answers come from these before everybody else is there. */
  readonly onDoors: (doors: Doors) => void
  readonly accomplice: Accomplice
}

/** Starts the roles in the order in which they need each other. */
async function startCast(plan: Plan, { projects, postbox, world, onDoors, accomplice }: CastNeeds): Promise<Cast> {
  const relay = await startRelay(world)
  const { machine: sequencer, addresses } = await startSequencer(
    {
      relays: relay.current().addresses(),
      anchoring: plan.lie && lyingOnce(plan.lie, accomplice),
      expectedProjects: plan.hasExpectedProjects ? projects : undefined,
      projectsPerSlotMax: plan.limits.projectsPerSlotMax,
      inbox: { lengthMax: plan.limits.inboxMax },
    },
    world,
  )
  const [direct, relayed] = addresses as [string, string]
  const ways = { direct: [direct], relayed: [relayed], both: [direct, relayed] }
  const ageMaxMs = plan.windows.snapshot * BLOCK_TIME_MS + OUTBOX_AGE_BEYOND_WINDOW_MS
  const isListening = plan.completeness === 'required'
  const alsoTo: string[] = []
  for (let index = 0; isListening && index < plan.validators; index += 1) alsoTo.push(...(await earOf(index, world)))
  const collectors: Awaited<ReturnType<typeof startCollector>>[] = []
  for (const [index, way] of plan.collectors.entries())
    collectors.push(
      await startCollector(
        { index: index + 1, addresses: ways[way], alsoTo, limits: { ageMaxMs, openMax: plan.limits.outboxMax } },
        postbox,
        world,
      ),
    )
  const doors = { sequencer, collectors: collectors.map(({ machine }) => machine), endpoints: collectors.map(({ endpoint }) => endpoint) }
  onDoors(doors)
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
    validators.push(await startValidator(index, isFed ? altered : unchanged, world, isListening))
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
    ...doors,
    address: direct,
    epochs,
    relay,
    honest,
    snapshotters: [...honest, ...liars],
    validators,
    nameOf: accountNames(world),
    machines: new Map(all.map((machine) => [machine.name, machine])),
  }
}

const altered = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === bytes.length >> 1 ? byte ^ 1 : byte))
/** Which machine sends from an account. */
function accountNames({ market }: World): (account: string) => string {
  const names = new Map<string, string>([
    [market.epochManager, 'epochs'],
    ...market.sequencers.map((account) => [account, 'sequencer'] as const),
    ...market.validators.map((account, index) => [account, `validator ${index + 1}`] as const),
  ])
  return (account) => names.get(account) ?? account
}

/** What still has to come to an end, if anything. */
async function unfinished({ world: { chain }, cast, plan, lostDisks }: Run, safety: Safety): Promise<string | undefined> {
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
  for (let epochId = 1 as EpochId; epochId <= last; epochId = (epochId + 1) as EpochId)
    if (cast.sequencer.current().epoch(epochId) === undefined) return `the sequencer does not know epoch ${epochId}`
  for (const { block, events } of chain.blocks()) {
    for (const event of events) {
      if (event.kind !== 'SnapshotBatchSubmitted') continue
      const key = `${String(event.epochId).padStart(16, '0')} ${event.batchCid}`
      const slow = cast.validators.find((validator) => {
        // Who has lost its disk begins one attestation window below the head, and had written down what went with it.
        const backAt = lostDisks.get(validator.name)
        const isOfBefore =
          backAt !== undefined && (block.number < backAt - plan.windows.attestation || safety.recordsOf(validator.name).has(key))
        return !isOfBefore && validator.disk().get(`batch/${key}`) === undefined
      })
      if (slow !== undefined) return `${slow.name} has batch ${event.batchCid} of epoch ${event.epochId}`
    }
  }
  return undefined
}
