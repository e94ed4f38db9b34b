import type { ComputeLimits } from './compute-limits.ts'
import { isWeftError } from './errors.ts'
import type { Series, SeriesRange } from './series.ts'
import type { SnapshotSchema } from './snapshot-schema.ts'

export * from './by-block.ts'
export * from './checksum.ts'
export type { ComputeLimits } from './compute-limits.ts'
export * from './config-form.ts'
export * from './series.ts'
export * from './snapshot-fields.ts'
export * from './snapshot-schema.ts'

/**
 * The compute interface: what a data-market builder writes. A compute is a plain async function of its declared inputs.
 * It has no clock, no randomness, no network and no disk of its own, so the same epoch gives the same bytes on every node.
 */

/**
 * A value that becomes canonical JSON, byte for byte what Python's `json.dumps(…, sort_keys=True, separators=(",",":"))` writes
 * (spec/03 §9). **A `bigint` is an integer (`5`), a `number` is a float (`5.0`)**: the two are different bytes and so different CIDs.
 */
export type JsonValue = null | boolean | string | bigint | number | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** An epoch as a compute sees it: the source blocks `begin` to `end`, both included. */
export interface ComputeEpoch {
  readonly epochId: number
  readonly begin: number
  readonly end: number
}

/** A decoded contract value: integers are bigint, addresses and bytes lower-case hex. */
export type ChainValue = string | bigint | boolean | readonly ChainValue[]

export interface ChainEvent {
  readonly name: string
  readonly args: Readonly<Record<string, ChainValue>>
  readonly address: string
  readonly blockNumber: number
  readonly logIndex: number
  readonly transactionHash: string
}

/** What a contract logged, as the chain has it. */
export interface ChainLog {
  readonly address: string
  /** 32 bytes each, the first of most is the hash of the event's signature. */
  readonly topics: readonly string[]
  readonly data: string
  /** Within its block. */
  readonly logIndex: number
}

/** A transaction of a block, and what came of it. Addresses and bytes are lower-case hex. */
export interface ChainTransaction {
  readonly hash: string
  readonly blockNumber: number
  /** Within its block. */
  readonly index: number
  readonly from: string
  /** `undefined` where it makes a contract. */
  readonly to: string | undefined
  /** In wei. */
  readonly value: bigint
  readonly input: string
  /** Whether it did what it was to do: one that reverted is in its block, too. */
  readonly isSuccess: boolean
  readonly logs: readonly ChainLog[]
}

/**
 * The source chain, at blocks of the epoch or earlier. Reads of one epoch are cached: two computes asking the same cost one request. What
 * fails is either the contract's answer, which `isContractRefusal` tells and every node gets alike, or the endpoint's trouble.
 */
export interface SourceReader {
  /** Seconds since the Unix epoch. */
  timestamp(blockNumber: number): Promise<number>
  /** All outputs of a view function given in human-readable form, as of `blockNumber`. */
  read(call: {
    readonly address: string
    readonly function: string
    readonly args: readonly ChainValue[]
    readonly blockNumber: number
  }): Promise<readonly ChainValue[]>
  /** Events of one contract within the range, in chain order. */
  events(filter: {
    readonly address: string
    readonly events: readonly string[]
    readonly fromBlock: number
    readonly toBlock: number
  }): Promise<readonly ChainEvent[]>
  /** All of a block with their receipts, in order. */
  transactions(blockNumber: number): Promise<readonly ChainTransaction[]>
}

/** Work done once per epoch and shared by every compute that names it (spec/03 §6). When it fails, so does each of them, with its reason. */
export interface Preload {
  readonly taskType: string
  preload(input: { readonly epoch: ComputeEpoch; readonly source: SourceReader }): Promise<unknown>
}

/** A base project type: one snapshot per data source and epoch, from the source chain. */
export interface SnapshotCompute {
  readonly projectType: string
  /** What its snapshots look like. One of another form is `compute_failed`; without a schema any JSON goes. */
  readonly schema?: SnapshotSchema
  /** A sentence for readers. */
  readonly description?: string
  /** Contracts, wallets …; an empty list means one project without data source. */
  readonly dataSources: readonly string[]
  /**
   * Data sources that join by themselves, beside those: asked once per epoch, and a project each in this one. From the source chain or from what
   * earlier epochs said, so that every node finds the same; at most `JOINED_MAX`.
   */
  readonly joining?: (input: {
    readonly epoch: ComputeEpoch
    readonly source: SourceReader
    readonly history: SnapshotHistory
  }) => Promise<readonly string[]>
  readonly preloads: readonly string[]
  compute(input: {
    readonly epoch: ComputeEpoch
    readonly dataSource: string | undefined
    readonly source: SourceReader
    /** Results of the named preloads by task type. */
    readonly preloaded: ReadonlyMap<string, unknown>
  }): Promise<JsonValue>
  /** As the set says. */
  readonly limits?: ComputeLimits | undefined
  /** Bulk mode (`bulk`): all of them in one go, once per epoch. */
  readonly all?: BulkCompute['all']
}

/** A base project type whose snapshots come all at once (bulk mode): one pass over the epoch, whatever the number of data sources. */
export interface BulkCompute
  extends Pick<SnapshotCompute, 'projectType' | 'schema' | 'description' | 'dataSources' | 'joining' | 'preloads'> {
  /** Snapshots by data source in lower case. One that is not among them has none in this epoch, which is no failure; others than `dataSources` and those that joined are passed over. */
  all(input: {
    readonly epoch: ComputeEpoch
    readonly source: SourceReader
    readonly preloaded: ReadonlyMap<string, unknown>
  }): Promise<ReadonlyMap<string, JsonValue>>
}

/** A snapshot that an aggregate builds upon. */
export interface BaseSnapshot {
  readonly projectId: string
  readonly epochId: number
  readonly snapshot: JsonValue
}

/**
 * Reads snapshots of earlier epochs, as of the release of the present one: those that were finalized, and the node's own where nothing was
 * decided yet or nobody serves what was. Never the present epoch's.
 */
export interface SnapshotHistory {
  /** First epoch for which the project may have a snapshot; `undefined` when it has none. */
  firstEpochId(projectId: string): Promise<number | undefined>
  /** `undefined` when that epoch has no data for the project. */
  snapshot(projectId: string, epochId: number): Promise<JsonValue | undefined>
  /**
   * Fields of many epochs, exactly as `snapshot` has them: for windows, because what is decided is read once and not again in each epoch.
   * Rejects where a snapshot lacks a field.
   */
  series(range: SeriesRange): Promise<Series>
}

/**
 * An aggregate (spec/03 §7). `SingleProject`: one per base project of `baseProjectType`. `MultiProject`: one over all projects of
 * `baseProjectTypes`, given sorted by project id.
 */
export interface AggregateCompute {
  readonly projectType: string
  readonly schema?: SnapshotSchema
  readonly description?: string
  readonly aggregateOn: 'SingleProject' | 'MultiProject'
  readonly baseProjectTypes: readonly string[]
  /** As the set says. */
  readonly limits?: ComputeLimits | undefined
  /** Only over base projects of these data sources; without it over all. */
  readonly dataSources?: readonly string[]
  aggregate(input: {
    readonly epoch: ComputeEpoch
    /** Its own: by this it finds what it said earlier. */
    readonly projectId: string
    /** The present epoch's base snapshots, sorted by project id; exactly one for `SingleProject`. */
    readonly base: readonly BaseSnapshot[]
    readonly history: SnapshotHistory
    readonly source: SourceReader
    /** Epochs that make up `seconds` of source-chain time, rounded down. */
    epochsIn(seconds: number): number
  }): Promise<JsonValue>
}

/** All computes of one data market. */
export interface ComputeSet {
  readonly preloads: readonly Preload[]
  readonly snapshots: readonly SnapshotCompute[]
  readonly aggregates: readonly AggregateCompute[]
  /** Of each of its projects; they may come from the configuration, and so from the market. */
  readonly limits?: ComputeLimits | undefined
}

/**
 * A form that a value may have, as zod and its likes write it down: the part of Standard Schema (https://standardschema.dev) that
 * we ask for. A form that answers with a promise is refused: a configuration is checked on the spot.
 */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
  }
}
export type SchemaResult<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] }
export interface SchemaIssue {
  /** What is wrong, to be read after the name of the field: `is not an address`. */
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** A set of computes as it is shipped: a market names it, with a version and a configuration. */
export interface ComputeSetModule<Config = unknown> {
  readonly name: string
  /** Another one whenever the same configuration gives other projects or other bytes: nodes of one market must have the same. */
  readonly version: string
  /**
   * Configurations come from JSON. Where that is canonical JSON, integers are `bigint`: a form should take both. What it makes of one is JSON
   * too, and the same however it was written: nodes compare it.
   */
  readonly config: Schema<Config>
  create(config: Config): ComputeSet
}

// --- what every module needs ------------------------------------------------------------------------------------------

/**
 * Whether a read failed because of the contract: it reverted, there is none, or it answered in another form than the one asked for. Only
 * this may be computed with: anything else is a failure of one node alone, and what that computes nobody else would.
 */
export function isContractRefusal(failure: unknown): boolean {
  return isWeftError(failure, 'CALL_REVERTED')
}

/** A compute in bulk mode. By itself, as in a test, it answers for one data source, and throws when that has no snapshot. */
export function bulk(compute: BulkCompute): SnapshotCompute {
  return {
    ...compute,
    async compute({ dataSource = '', ...input }) {
      const snapshot = (await compute.all(input)).get(dataSource.toLowerCase())
      if (snapshot === undefined) throw new Error(`${dataSource} has no snapshot in epoch ${input.epoch.epochId}`)
      return snapshot
    },
  }
}

/** Data sources of one type that join in one epoch: each is a project of every epoch from then on. */
export const JOINED_MAX = 20_000

/** The largest epoch in use has 10 blocks. A compute makes a handful of requests per block, so an absurd range must not start at all. */
export const EPOCH_BLOCKS_MAX = 1_000

/** The blocks of an epoch, ascending. Throws when the range is empty or longer than `EPOCH_BLOCKS_MAX`. */
export function blocksOf(epoch: ComputeEpoch): readonly number[] {
  const length = epoch.end - epoch.begin + 1
  if (!(length >= 1 && length <= EPOCH_BLOCKS_MAX))
    throw new RangeError(`epoch ${epoch.epochId} spans ${length} blocks; 1 to ${EPOCH_BLOCKS_MAX} are possible`)
  return Array.from({ length }, (_, index) => epoch.begin + index)
}

/** `raw / 10**decimals` as Python divides ints: the double nearest to the exact quotient. `Number(raw) / 10 ** decimals` rounds twice. */
export function scaled(raw: bigint, decimals: number): number {
  return Number(`${raw}e-${decimals}`)
}

/** `numerator / denominator` as Python divides ints: the double nearest to the exact quotient. Throws `RangeError` when the denominator is 0. */
export function quotient(numerator: bigint, denominator: bigint): number {
  if (denominator === 0n) throw new RangeError(`${numerator} cannot be divided by 0`)
  const [above, below] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator]
  const bits = (value: bigint): number => value.toString(2).length
  // Eleven bits more than a double has; what is left over beyond them makes the last one odd, so that nothing looks like a half that is none.
  const shift = Math.max(0, bits(below) - bits(above) + 64)
  const shifted = above << BigInt(shift)
  const magnitude = Number(shifted % below === 0n ? shifted / below : (shifted / below) | 1n) / 2 ** shift
  return numerator < 0n !== denominator < 0n ? -magnitude : magnitude
}

/** Python's `round(value, digits)`: the nearest decimal to the exact double, halves to the even digit, for up to 100 digits. */
export function roundHalfEven(value: number, digits: number): number {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value
  const nearest = value.toFixed(digits)
  // A double lies exactly between two decimals only as an odd multiple of 2 ** -(digits + 1); there `toFixed` goes away from zero.
  const isHalf = Math.abs(value * 2 ** (digits + 1)) % 2 === 1
  if (!isHalf) return Number(nearest)
  // The sign apart: -0 is a double and no integer.
  const even = (BigInt(nearest.replace(/[-.]/g, '')) / 2n) * 2n
  return Math.sign(value) * Number(`${even}e-${digits}`)
}

/** `math.trunc(value * 10**digits) / 10**digits` in doubles, step by step as the deployed aggregates do it. Throws where Python does: not finite. */
export function truncateTo(value: number, digits: number): number {
  const factor = Number(`1e${digits}`)
  const shifted = value * factor
  if (!Number.isFinite(shifted)) throw new RangeError(`${value} cannot be truncated`)
  // Python truncates to an int, which has no negative zero.
  return (Math.trunc(shifted) + 0) / factor
}
