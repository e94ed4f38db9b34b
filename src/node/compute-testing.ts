import type { ComputeEpoch, JsonValue, SourceReader } from '#domain/compute.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { openFork } from '#roles/snapshotter/fork.ts'
import { awaitSource, createSourceReader } from '#roles/snapshotter/source-reader.ts'
import type { ComputedProject, EarlierEpochs } from './compute-epoch.ts'
import { openNamed, runTwice, type Twice } from './compute-twice.ts'

/**
 * `weft/compute/testing`: what the tests of a compute set need. A set is run as a snapshotter runs it, twice: here and in a process of its own,
 * with another time zone, another locale and its projects in another order. What differs between the two would be different votes.
 */

export type { ComputedProject } from './compute-epoch.ts'
export { firstDifference } from './compute-twice.ts'
export { type Fixture, recorded, replayed } from './source-record.ts'

type Read = Parameters<SourceReader['read']>[0]

/** A made-up source chain: a block has a timestamp, each of `reads` answers the function that it is named for, `logs` are its events. */
export function scriptedSource(script: {
  readonly timestamp?: (blockNumber: number) => number
  /** By the name of the function: `totalSupply: () => [5n]`. What answers one value may leave the list out. */
  readonly reads?: Readonly<Record<string, (call: Read) => unknown>>
  readonly events?: Awaited<ReturnType<SourceReader['events']>>
  /** Of all blocks, in order. */
  readonly transactions?: Awaited<ReturnType<SourceReader['transactions']>>
}): SourceReader {
  const { timestamp = (blockNumber) => 1_700_000_000 + 12 * blockNumber, reads = {}, events = [], transactions = [] } = script
  return {
    timestamp: async (blockNumber) => timestamp(blockNumber),
    async read(call) {
      const name = /^\s*function\s+(\w+)/.exec(call.function)?.[1] ?? call.function
      const answer = Object.hasOwn(reads, name) ? reads[name]?.(call) : undefined
      if (answer === undefined) throw new Error(`nothing is scripted for ${name} of ${call.address} at block ${call.blockNumber}`)
      return (Array.isArray(answer) ? answer : [answer]) as never
    },
    events: async ({ address, fromBlock, toBlock }) =>
      events.filter(
        (event) => event.address.toLowerCase() === address.toLowerCase() && event.blockNumber >= fromBlock && event.blockNumber <= toBlock,
      ),
    transactions: async (blockNumber) => transactions.filter((transaction) => transaction.blockNumber === blockNumber),
  } as SourceReader
}

/** The source chain as a snapshotter reads it for that epoch. What it answers is kept by `recorded`. Throws as the chain's adapter does. */
export async function rpcSource(from: {
  readonly rpcUrl: string
  readonly chainId: number
  readonly epoch: ComputeEpoch
}): Promise<SourceReader> {
  const { epoch, ...endpoint } = from
  const deps = { clock: systemClock, random: systemRandom, report: () => undefined }
  const chain = await connectSourceChain({ ...endpoint, clock: systemClock })
  const { signal } = new AbortController()
  const above = await awaitSource({ epoch, chain, signal }, deps)
  return createSourceReader({ epoch, chain: openFork({ chain, above, signal }, deps), signal }, deps)
}

export interface Conditions {
  /** As `config.json` has it. */
  readonly config: unknown
  readonly epoch: ComputeEpoch
  readonly source: SourceReader
  readonly namespace?: string
  /** Snapshots of earlier epochs, for aggregates, by project id and epoch. */
  readonly history?: Readonly<Record<string, Readonly<Record<number, JsonValue>>>>
  /** How long one epoch takes: for aggregates over a time. */
  readonly epochSeconds?: number
}

/**
 * All projects of a set for one epoch, by project id. Throws when the set cannot be opened, when a project fails, and when two runs under
 * different conditions do not give the same bytes, showing the first that differs.
 */
export async function computeTwice(folder: string, conditions: Conditions): Promise<ReadonlyMap<string, ComputedProject>> {
  const { config, epoch, source, namespace = 'TEST', history = {}, epochSeconds = 12 } = conditions
  const named = { folders: [folder], sets: [], own: { config } }
  const opened = openNamed(named)
  try {
    const projects = await runTwice(named, opened, { epoch, source, namespace, history: historyOf(history), epochSeconds })
    return new Map([...projects].map(([projectId, project]) => [projectId, whole(projectId, project)]))
  } finally {
    await opened.stop()
  }
}

function whole(projectId: string, { difference, ...project }: Twice): ComputedProject {
  if (!('json' in project)) throw new Error(`${projectId}: ${project.reason}: ${project.detail}`)
  if (difference === undefined) return project
  throw new Error(`${projectId} is another one each time: ${difference}`)
}

const historyOf = (given: NonNullable<Conditions['history']>): EarlierEpochs => ({
  firstEpochId: async (projectId) => {
    const epochIds = Object.keys(given[projectId] ?? {}).map(Number)
    return epochIds.length === 0 ? undefined : Math.min(...epochIds)
  },
  snapshot: async (projectId, epochId) => given[projectId]?.[epochId],
})

/** Throws unless the project's bytes have that CID, and shows them: they are what is to be looked at before another CID is written down. */
export function expectCid(project: ComputedProject | undefined, cid: string): void {
  if (project === undefined) throw new Error(`there is no such project; ${cid} was expected`)
  if (project.cid !== cid) throw new Error(`${project.cid}, where ${cid} was expected, is the CID of ${project.json}`)
}
