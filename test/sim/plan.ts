import type { SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { TallyPolicy } from '#domain/tally.ts'
import type { Random } from '#io/keys/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import type { FakeFaults } from '#io/p2p/fake.ts'
import { RULES } from '../journey/cast.ts'

/** What one seed stands for: the shape of a network, and everything that goes wrong in it and when. Pure: the same seed is the same plan. */
export interface Plan {
  readonly seed: number
  /** Of each honest snapshotter, whose key is its own. */
  readonly honestSeats: readonly (readonly SlotId[])[]
  /** All of one snapshotter that falsifies its data. */
  readonly lyingSlots: readonly SlotId[]
  /** Of the hostile peer from the beginning: they vote for whatever it likes, as often as it likes. */
  readonly hostileSlots: readonly SlotId[]
  /** How each collector reaches the sequencer. */
  readonly collectors: readonly ('direct' | 'relayed' | 'both')[]
  readonly validators: number
  /** The last validator is given altered bytes instead of every batch. */
  readonly isValidatorFed: boolean
  /** Whether the sequencer is told which projects there are. */
  readonly hasExpectedProjects: boolean
  /** By their roots alone in a fifth of the markets: there the chain names no project, and no lie is told of one. */
  readonly anchoring: MarketRules['anchoring']
  /** Drawn by no seed: with `required` what nobody has is omitted, and half of what hostile slots do comes to nothing. */
  readonly availability: MarketRules['availability']
  /** Drawn by no seed: with `required` validators listen too. */
  readonly completeness: MarketRules['completeness']
  /** In a quarter of the markets whose honest slots can do it, more than one slot must agree, and more than a third. */
  readonly tally: TallyPolicy
  readonly windows: { readonly snapshot: number; readonly batch: number; readonly attestation: number }
  readonly limits: {
    /** Projects that one slot may vote on in an epoch. */
    readonly projectsPerSlotMax: number
    /** What may wait at a collector, and at the sequencer's door. */
    readonly outboxMax: number
    readonly inboxMax: number
  }
  /** Nothing goes wrong after this. */
  readonly faultsEndMs: number
  /** When the source chain grows by one epoch. */
  readonly epochsAtMs: readonly number[]
  /** The epoch of which the sequencer puts something else on chain than it should. */
  readonly lie: Lie | undefined
  /** In order of time. */
  readonly faults: readonly Fault[]
}

/** What the market of the plan asks for. */
export const rulesOf = ({ anchoring, availability, completeness, tally }: Plan): MarketRules => ({
  ...RULES,
  anchoring,
  availability,
  completeness,
  tally,
})

/** `reuse`: the name of an earlier epoch's batch, for false results; `unreadable`: a name that is none. */
export const LIES = ['swap', 'other_root', 'invent', 'omit', 'reuse', 'unreadable'] as const
export interface Lie {
  readonly epochId: number
  /** `withhold`, which is drawn by no seed: of the epoch's first batch alone, whose file nobody is given. */
  readonly how: (typeof LIES)[number] | 'withhold'
}

/**
 * When power is cut: the machine has called `commit` and nothing is durable yet; its writes have just become durable, before the role hears
 * of it; a receipt has just reached a collector, whoever it is for.
 */
const MOMENTS = ['commit', 'durable', 'receipt'] as const

export type Fault = { readonly atMs: number } & (
  | { readonly kind: 'links'; readonly forMs: number; readonly faults: FakeFaults }
  | { readonly kind: 'broken_links' }
  | { readonly kind: 'ipfs_offline'; readonly forMs: number; readonly node: string }
  | { readonly kind: 'anchor_unreachable' | 'source_unreachable'; readonly forMs: number }
  /** `blocks`: how many take the place of those that go, where they are fewer. */
  | { readonly kind: 'reorg'; readonly depth: number; readonly isLosingTransactions: boolean; readonly blocks?: number | undefined }
  /** At the nth such moment from then on. */
  | {
      readonly kind: 'power_cut'
      readonly forMs: number
      readonly machine: string
      readonly count: number
      readonly moment: (typeof MOMENTS)[number]
    }
  /** Power goes, and stays away longer than windows and than what is read again after a start. */
  | { readonly kind: 'absence'; readonly forMs: number; readonly machine: string }
  /** A machine comes back with an empty disk, or with a copy that was made at the time of the fault and is older than what has happened since. */
  | { readonly kind: 'lost_disk'; readonly forMs: number; readonly machine: string; readonly copyAgeMs: number | undefined }
  /** The market names another epoch manager for a while. */
  | { readonly kind: 'refused_releases'; readonly forMs: number }
  /** For a while, or for ever. */
  | { readonly kind: 'reassigned'; readonly slotId: SlotId; readonly forMs: number | undefined }
  | { readonly kind: 'burned'; readonly slotId: SlotId }
  | { readonly kind: 'hostile'; readonly deliveries: number }
  /** The hostile peer's own slots: a second vote after each first one; votes for projects that nobody else knows. */
  | { readonly kind: 'double_votes' | 'made_up_projects'; readonly votes: number }
  /** The sequencer does not read what arrives. */
  | { readonly kind: 'slow_reader'; readonly forMs: number }
  /** Every so manieth answer of a chain comes from a node that is behind: an older head, older state, and fewer blocks of a range or none. */
  | { readonly kind: 'anchor_lag' | 'source_lag' | 'sender_lag'; readonly forMs: number; readonly blocks: number; readonly every: number }
  /** Every so manieth range of blocks comes with none of its logs, or with some, from a node that has them all. */
  | { readonly kind: 'anchor_omission' | 'source_omission'; readonly forMs: number; readonly every: number; readonly isPartial: boolean }
  /** The power goes, and a machine comes back with a clock that was set. */
  | { readonly kind: 'clock_step'; readonly forMs: number; readonly machine: string; readonly stepMs: number }
  /** The clock of a machine is set while its process runs. */
  | { readonly kind: 'clock_jump'; readonly machine: string; readonly stepMs: number }
)
/** Who sees what is there late, or by another clock. */
export const LATE_FAULTS = [
  'anchor_lag',
  'source_lag',
  'clock_step',
  'sender_lag',
  'anchor_omission',
  'clock_jump',
  'source_omission',
] as const satisfies readonly Fault['kind'][]
export const FAULT_KINDS = [
  'links',
  'broken_links',
  'ipfs_offline',
  'anchor_unreachable',
  'source_unreachable',
  'reorg',
  'power_cut',
  'absence',
  'lost_disk',
  'refused_releases',
  'reassigned',
  'burned',
  'hostile',
  'double_votes',
  'made_up_projects',
  'slow_reader',
  ...LATE_FAULTS,
] as const satisfies readonly Fault['kind'][]
type FaultKind = (typeof FAULT_KINDS)[number]

/** Windows of a few blocks let many epochs come to their end in one run. */
const FAULTS_END_MS = 30_000
/** Windows as markets have them by default, longer than the blocks that roles read again after a start. */
const FAULTS_END_LONG_MS = 100_000
const FIRST_EPOCH_MS = 1_000
/** Faults of one kind in one run, at most. */
const FAULTS_PER_KIND_MAX = 4
/** Reorganisations that a chain of this kind may see. */
const REORG_DEPTH_MAX = 4

/** Blocks that a node may be behind. */
const LAG_BLOCKS_MAX = 4
/** Longer than any pause of a role. */
const CLOCK_STEP_MS = 60_000
/** As a clock that was in another zone, or in summer. */
const CLOCK_JUMP_MS = 3_600_000

/** What our own markets ask for. */
export const AGREED_BY_MORE_THAN_ONE: TallyPolicy = { minVotes: 2, minShareBp: 3_334 }

/** Draws from one seed. */
function createDice(random: Random) {
  const between = (low: number, high: number): number => low + Math.floor(random.fraction() * (high - low + 1))
  return {
    /** Both ends included. */
    between,
    isHit: (chance: number): boolean => random.fraction() < chance,
    pick: <Value>(values: readonly Value[]): Value => values[between(0, values.length - 1)] as Value,
  }
}
type Dice = ReturnType<typeof createDice>

export function drawPlan(seed: number): Plan {
  const dice = createDice(createSeededRandom(seed))
  const isLong = dice.isHit(0.15)
  const faultsEndMs = isLong ? FAULTS_END_LONG_MS : FAULTS_END_MS
  const [honest, lying, hostile] = [dice.between(1, 6), dice.between(0, 2), dice.isHit(0.35) ? 1 : 0]
  const slotIds = Array.from({ length: honest + lying + hostile }, (_, index) => (index + 1) as SlotId)
  const [honestSlots, lyingSlots, hostileSlots] = [
    slotIds.slice(0, honest),
    slotIds.slice(honest, honest + lying),
    slotIds.slice(honest + lying),
  ]
  const cut = honest > 1 && dice.isHit(0.5) ? dice.between(1, honest - 1) : honest
  const honestSeats = [honestSlots.slice(0, cut), honestSlots.slice(cut)].filter((slots) => slots.length > 0)
  const collectors = Array.from({ length: dice.between(1, 3) }, () => dice.pick(['direct', 'relayed', 'both'] as const))
  const validators = dice.between(3, 5)
  const snapshot = isLong ? dice.between(34, 44) : dice.between(8, 12)
  const batch = isLong ? dice.between(60, 70) : snapshot + dice.between(8, 25)
  const epochsAtMs: number[] = []
  for (let atMs = FIRST_EPOCH_MS; atMs < faultsEndMs; atMs += isLong ? dice.between(10_000, 25_000) : dice.between(4_000, 12_000))
    epochsAtMs.push(atMs)
  const anchoring = dice.isHit(0.2) ? 'roots' : 'projects'
  const cast: Cast = {
    machines: machinesOf(honestSeats.length, lying, collectors.length, validators),
    ...drawLosable(honestSeats, honest - lying - hostile),
    hasHostileSlots: hostile > 0,
    isLong,
    faultsEndMs,
  }
  return {
    seed,
    honestSeats,
    lyingSlots,
    hostileSlots,
    collectors,
    validators,
    isValidatorFed: dice.isHit(0.2),
    hasExpectedProjects: dice.isHit(0.5),
    anchoring,
    availability: 'none',
    completeness: 'none',
    windows: { snapshot, batch, attestation: batch + dice.between(5, 20) },
    limits: {
      projectsPerSlotMax: dice.pick([7, 9, 100]),
      outboxMax: dice.isHit(0.25) ? 10 : 1_000,
      inboxMax: dice.isHit(0.25) ? 5 : 10_000,
    },
    faultsEndMs,
    epochsAtMs,
    lie: dice.isHit(0.25) && anchoring === 'projects' ? { epochId: dice.between(1, epochsAtMs.length), how: dice.pick(LIES) } : undefined,
    faults: drawFaults(cast, dice),
    tally: honest > 1 && dice.isHit(0.25) ? AGREED_BY_MORE_THAN_ONE : RULES.tally,
  }
}

interface Cast {
  readonly machines: readonly string[]
  readonly mayLose: readonly SlotId[]
  readonly mayBurn: readonly SlotId[]
  readonly hasHostileSlots: boolean
  readonly isLong: boolean
  readonly faultsEndMs: number
}

/** Only slots that the honest ones can spare, of seats that keep another: a snapshotter without any slot does not start. */
function drawLosable(honestSeats: Plan['honestSeats'], lead: number): Pick<Cast, 'mayLose' | 'mayBurn'> {
  const [wide] = honestSeats.toSorted((left, right) => right.length - left.length)
  const [first, second, ...others] = wide ?? []
  const mayLose = lead > 2 && first !== undefined && second !== undefined ? [first] : []
  return { mayLose, mayBurn: lead > 4 && others.length > 0 && second !== undefined ? [second] : [] }
}

function machinesOf(honestSeats: number, lyingSlots: number, collectors: number, validators: number): string[] {
  const numbered = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name} ${index + 1}`)
  return [
    'sequencer',
    'epochs',
    'relay',
    ...numbered('honest', honestSeats),
    ...(lyingSlots > 0 ? ['liar'] : []),
    ...numbered('collector', collectors),
    ...numbered('validator', validators),
  ]
}

/** Each run has some kinds of faults only: with all of them at once the rare combinations of two would never be seen alone. */
function drawFaults(cast: Cast, dice: Dice): Fault[] {
  const faults: Fault[] = []
  for (const kind of FAULT_KINDS) {
    if (!dice.isHit(0.35)) continue
    const count = ONCE.includes(kind) ? 1 : dice.between(1, FAULTS_PER_KIND_MAX)
    for (let drawn = 0; drawn < count; drawn += 1) {
      const fault = drawFault(kind, cast, dice)
      if (fault !== undefined) faults.push(fault)
    }
  }
  return faults.sort((left, right) => left.atMs - right.atMs)
}

/** What takes so much of a run, or changes so much in it, that it happens once. */
const ONCE: readonly FaultKind[] = ['absence', 'lost_disk', 'refused_releases', 'reassigned', 'burned', 'clock_step', 'clock_jump']

function drawFault(kind: FaultKind, cast: Cast, dice: Dice): Fault | undefined {
  const { machines, mayLose, mayBurn, faultsEndMs } = cast
  const atMs = dice.between(0, faultsEndMs - 1)
  const forMs = Math.min(dice.between(100, 12_000), faultsEndMs - atMs)
  switch (kind) {
    case 'links': {
      const rate = dice.pick([0.05, 0.2, 0.5])
      return { kind, atMs, forMs, faults: { breakRate: rate, dialFailureRate: rate, delayMsMax: dice.pick([0, 300, 3_000]) } }
    }
    case 'ipfs_offline':
      return { kind, atMs, forMs, node: dice.pick(machines.filter((name) => /^(sequencer|honest|validator)/.test(name))) }
    case 'anchor_unreachable':
    case 'source_unreachable':
    case 'refused_releases':
    case 'slow_reader':
      return { kind, atMs, forMs }
    case 'reorg':
      return drawReorg(atMs, dice)
    case 'power_cut':
      // The sequencer half of the time: it has the most to lose.
      return {
        kind,
        atMs,
        forMs,
        machine: dice.isHit(0.4) ? 'sequencer' : dice.pick(machines),
        count: dice.between(1, 6),
        moment: dice.pick(MOMENTS),
      }
    case 'absence':
      return { kind, machine: dice.isHit(0.4) ? 'sequencer' : dice.pick(machines), ...drawAbsence(cast, dice) }
    case 'lost_disk':
      return drawLostDisk(cast, dice)
    case 'reassigned':
      return mayLose.length === 0 ? undefined : { kind, atMs, slotId: mayLose[0] as SlotId, forMs: dice.isHit(0.5) ? forMs : undefined }
    case 'burned':
      return mayBurn.length === 0 ? undefined : { kind, atMs, slotId: mayBurn[0] as SlotId }
    case 'hostile':
      return { kind, atMs, deliveries: dice.between(5, 40) }
    case 'double_votes':
    case 'made_up_projects':
      return cast.hasHostileSlots ? { kind, atMs, votes: dice.between(3, 12) } : undefined
    case 'broken_links':
      return { kind, atMs }
    case 'anchor_lag':
    case 'source_lag':
    case 'sender_lag':
      return { kind, atMs, forMs, blocks: dice.between(1, LAG_BLOCKS_MAX), every: dice.between(1, 4) }
    case 'clock_step':
      return { kind, atMs, forMs: Math.min(forMs, 3_000), machine: dice.pick(machines), stepMs: dice.pick([-CLOCK_STEP_MS, CLOCK_STEP_MS]) }
    case 'clock_jump':
      return { kind, atMs, machine: dice.pick(machines), stepMs: dice.pick([-CLOCK_JUMP_MS, CLOCK_JUMP_MS]) }
    case 'anchor_omission':
    case 'source_omission':
      return { kind, atMs, forMs, every: dice.between(1, 4), isPartial: dice.isHit(0.5) }
  }
}

/** A third of the chains that take the place of another are shorter at first: then windows that were over are open again. */
function drawReorg(atMs: number, dice: Dice): Fault {
  const depth = dice.between(1, REORG_DEPTH_MAX)
  const isLosingTransactions = dice.isHit(0.5)
  const blocks = dice.isHit(0.35) ? dice.between(1, depth) : undefined
  return { kind: 'reorg', atMs, depth, isLosingTransactions, blocks }
}

/** Longer than the batch window, or in long runs at least than the blocks read again. */
function drawAbsence({ isLong, faultsEndMs }: Cast, dice: Dice): { readonly atMs: number; readonly forMs: number } {
  const atMs = dice.between(0, isLong ? 20_000 : 4_000)
  return { atMs, forMs: Math.min(isLong ? dice.between(35_000, 80_000) : dice.between(20_000, 26_000), faultsEndMs - atMs) }
}

/** Nothing promises that an acknowledged submission outlives the disk it lies on; a validator's word does, and so does the contract's order of releases. */
function drawLostDisk({ machines, faultsEndMs }: Cast, dice: Dice): Fault {
  const machine = dice.isHit(0.25) ? 'epochs' : dice.pick(machines.filter((name) => name.startsWith('validator')))
  const atMs = dice.between(0, faultsEndMs - 10_000)
  return {
    kind: 'lost_disk',
    atMs,
    machine,
    copyAgeMs: dice.isHit(0.5) ? dice.between(1_000, 6_000) : undefined,
    forMs: dice.between(500, 4_000),
  }
}
