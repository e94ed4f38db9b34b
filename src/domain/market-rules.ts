import type { JsonValue } from './compute.ts'
import { type ProjectId, namespaceOf } from './ids.ts'
import type { TallyPolicy } from './tally.ts'
import { dayOf, turnOf, type Turns, type Voter } from './turns.ts'
import type { WindowRule } from './window.ts'

/** What a market asks of everybody in an epoch: who follows others counts other votes. From its manifest, or from flags where it has none. */
export interface MarketRules {
  /** The part of a project id after its last colon. */
  readonly namespace: string
  /** In what the market's snapshot window is counted; its length is the contract's. */
  readonly windowUnit: WindowRule['unit']
  /** How far above its header a submission's deadline may lie. */
  readonly deadlineBufferMaxBlocks: number
  readonly tally: TallyPolicy
  readonly voting: Voting
  /** What the chain is told of a batch: each project with its CID, or no more than the roots over both. */
  readonly anchoring: 'projects' | 'roots'
  /** Projects that one batch may hold; bounded by the gas of one block. */
  readonly projectsPerBatch: number
  /** Projects that one slot may vote on in an epoch. */
  readonly projectsPerSlotMax: number
  /** Whether a CID becomes final only when the sequencer, and each validator that speaks for it, has its bytes. */
  readonly availability: 'required' | 'none'
  /** Whether a validator speaks against a result that valid votes change which it heard itself and the batch does not hold. */
  readonly completeness: 'required' | 'none'
  readonly batchForm: BatchForm
  readonly batchTree: BatchTree
}

/** How a batch file is written: the JSON of deployed sequencers, or the compact dag-cbor. Whoever reads takes either. */
export type BatchForm = 'json' | 'dag-cbor'

/**
 * What the tree of a batch's submission ids goes on from: the epoch's earlier batches, or nothing. `either` where no manifest says it:
 * deployed sequencers begin anew with each batch, by the written rule the tree goes on (spec/06 §7), and either root is right.
 */
export type BatchTree = 'cumulative' | 'fresh' | 'either'

/** On what may be voted: on everything of the namespace, or on these project types and, where they are listed, data sources. */
export type Voting =
  | 'open'
  | {
      readonly projectTypes: readonly string[]
      readonly dataSources?: readonly string[] | undefined
      /** Which slot may vote on which of the data sources, in their order; on what has none every slot may. */
      readonly turns?: Turns | undefined
    }

/** A set of computes by name and version, and what it is configured with, if anything: which projects a market has follows from them. */
export interface ComputeSetChoice {
  readonly name: string
  readonly version: string
  readonly config?: JsonValue | undefined
}

/** Whether votes on the project may count. */
export function isInMarket(projectId: ProjectId, rules: Pick<MarketRules, 'namespace' | 'voting'>): boolean {
  return isListed(projectId, rules, undefined)
}

/** Whether that slot's vote on the project may count: sequencer, validators, consumers and snapshotters all ask this, so they cannot differ. */
export function mayVoteOn(projectId: ProjectId, voter: Voter, rules: Pick<MarketRules, 'namespace' | 'voting'>): boolean {
  const { voting } = rules
  if (voting === 'open' || voting.turns === undefined || voting.dataSources === undefined) return isListed(projectId, rules, undefined)
  const place = turnOf(voter, { day: dayOf(voter.epochId, voting.turns), count: voting.dataSources.length })
  return isListed(projectId, rules, voting.dataSources[place])
}

/** `turn`: the only data source; `undefined` for all. */
function isListed(
  projectId: ProjectId,
  { namespace, voting }: Pick<MarketRules, 'namespace' | 'voting'>,
  turn: string | undefined,
): boolean {
  if (namespaceOf(projectId) !== namespace) return false
  if (voting === 'open') return true
  // Types may hold colons: what follows a listed one is its data source.
  const named = projectId.slice(0, -namespace.length - 1)
  return voting.projectTypes.some((type) => {
    if (named === type) return true
    if (!named.startsWith(`${type}:`)) return false
    const dataSource = named.slice(type.length + 1)
    if (dataSource.includes(':')) return false
    return turn === undefined ? (voting.dataSources?.includes(dataSource) ?? true) : dataSource === turn
  })
}
