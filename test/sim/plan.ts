import type { SlotId } from '#domain/ids.ts'
import type { Random } from '#io/keys/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import type { FakeFaults } from '#io/p2p/fake.ts'

/** What one seed stands for: the shape of a network, and everything that goes wrong in it and when. Pure: the same seed is the same plan. */
export interface Plan {
  readonly seed: number
  /** Of each honest snapshotter, whose key is its own. */
  readonly honestSeats: readonly (readonly SlotId[])[]
  /** All of one snapshotter that falsifies its data. */
  readonly lyingSlots: readonly SlotId[]
  /** How each collector reaches the sequencer. */
  readonly collectors: readonly ('direct' | 'relayed' | 'both')[]
  readonly validators: number
  /** The last validator is given altered bytes instead of every batch. */
  readonly isValidatorFed: boolean
  /** Whether the sequencer is told which projects there are. */
  readonly hasExpectedProjects: boolean
  readonly windows: { readonly snapshot: number; readonly batch: number; readonly attestation: number }
  /** When the source chain grows by one epoch. */
  readonly epochsAtMs: readonly number[]
  /** The epoch of which the sequencer puts something else on chain than it should. */
  readonly lie: Lie | undefined
  /** In order of time. */
  readonly faults: readonly Fault[]
}

export const LIES = ['swap', 'other_root', 'invent', 'omit'] as const
export interface Lie {
  readonly epochId: number
  readonly how: (typeof LIES)[number]
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
  | { readonly kind: 'reorg'; readonly depth: number; readonly isLosingTransactions: boolean }
  /** At the nth such moment from then on. */
  | {
      readonly kind: 'power_cut'
      readonly forMs: number
      readonly machine: string
      readonly count: number
      readonly moment: (typeof MOMENTS)[number]
    }
  | { readonly kind: 'reassigned'; readonly slotId: SlotId }
  | { readonly kind: 'hostile'; readonly deliveries: number }
)
export const FAULT_KINDS = [
  'links',
  'broken_links',
  'ipfs_offline',
  'anchor_unreachable',
  'source_unreachable',
  'reorg',
  'power_cut',
  'reassigned',
  'hostile',
] as const satisfies readonly Fault['kind'][]
type FaultKind = (typeof FAULT_KINDS)[number]

/** Nothing goes wrong after this. */
export const FAULTS_END_MS = 30_000
const FIRST_EPOCH_MS = 1_000
/** Faults of one kind in one run, at most. */
const FAULTS_PER_KIND_MAX = 4
/** Reorganisations that a chain of this kind may see. */
const REORG_DEPTH_MAX = 4

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
  const honest = dice.between(1, 5)
  const slotIds = Array.from({ length: honest + dice.between(0, 3) }, (_, index) => (index + 1) as SlotId)
  const [honestSlots, lyingSlots] = [slotIds.slice(0, honest), slotIds.slice(honest)]
  const cut = honest > 1 && dice.isHit(0.5) ? dice.between(1, honest - 1) : honest
  const honestSeats = [honestSlots.slice(0, cut), honestSlots.slice(cut)].filter((slots) => slots.length > 0)
  const collectors = Array.from({ length: dice.between(1, 3) }, () => dice.pick(['direct', 'relayed', 'both'] as const))
  const validators = dice.between(3, 5)
  const snapshot = dice.between(8, 12)
  const batch = snapshot + dice.between(8, 25)
  const epochsAtMs: number[] = []
  for (let atMs = FIRST_EPOCH_MS; atMs < FAULTS_END_MS; atMs += dice.between(4_000, 12_000)) epochsAtMs.push(atMs)
  const cast: Cast = {
    machines: machinesOf(honestSeats.length, lyingSlots.length, collectors.length, validators),
    // Only a slot that the honest ones can spare, of a seat that keeps another: a snapshotter without any slot does not start.
    mayLose: honest - 1 > lyingSlots.length + 1 ? honestSeats.filter((slots) => slots.length > 1).flat() : [],
  }
  return {
    seed,
    honestSeats,
    lyingSlots,
    collectors,
    validators,
    isValidatorFed: dice.isHit(0.2),
    hasExpectedProjects: dice.isHit(0.5),
    windows: { snapshot, batch, attestation: batch + dice.between(5, 20) },
    epochsAtMs,
    lie: dice.isHit(0.25) ? { epochId: dice.between(1, epochsAtMs.length), how: dice.pick(LIES) } : undefined,
    faults: drawFaults(cast, dice),
  }
}

interface Cast {
  readonly machines: readonly string[]
  readonly mayLose: readonly SlotId[]
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
    if (!dice.isHit(0.45)) continue
    const count = dice.between(1, FAULTS_PER_KIND_MAX)
    for (let drawn = 0; drawn < count; drawn += 1) {
      const fault = drawFault(kind, cast, dice)
      if (fault !== undefined) faults.push(fault)
    }
  }
  return faults.sort((left, right) => left.atMs - right.atMs)
}

function drawFault(kind: FaultKind, { machines, mayLose }: Cast, dice: Dice): Fault | undefined {
  const atMs = dice.between(0, FAULTS_END_MS - 1)
  const forMs = Math.min(dice.between(100, 12_000), FAULTS_END_MS - atMs)
  switch (kind) {
    case 'links': {
      const rate = dice.pick([0.05, 0.2, 0.5])
      return { kind, atMs, forMs, faults: { breakRate: rate, dialFailureRate: rate, delayMsMax: dice.pick([0, 300, 3_000]) } }
    }
    case 'ipfs_offline':
      return { kind, atMs, forMs, node: dice.pick(machines.filter((name) => /^(sequencer|honest|validator)/.test(name))) }
    case 'anchor_unreachable':
    case 'source_unreachable':
      return { kind, atMs, forMs }
    case 'reorg':
      return { kind, atMs, depth: dice.between(1, REORG_DEPTH_MAX), isLosingTransactions: dice.isHit(0.5) }
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
    case 'reassigned':
      return mayLose.length === 0 ? undefined : { kind, atMs, slotId: mayLose[0] as SlotId }
    case 'hostile':
      return { kind, atMs, deliveries: dice.between(5, 40) }
    case 'broken_links':
      return { kind, atMs }
  }
}
