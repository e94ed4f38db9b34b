import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ComputeEpoch, JsonValue, SourceReader } from '#domain/compute.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { decode, encode } from '#io/isolate/text.ts'
import { systemRandom } from '#io/keys/random.ts'
import { openFork } from '#roles/snapshotter/fork.ts'
import { awaitSource, createSourceReader } from '#roles/snapshotter/source-reader.ts'
import { openComputeFolder } from './compute-folder.ts'
import { computeEpoch, type ComputedProject } from './compute-epoch.ts'
import { openComputes } from './computes.ts'

/**
 * `weft/compute/testing`: what the tests of a compute set need. A set is run as a snapshotter runs it, twice: here and in a process of its own,
 * with another time zone, another locale and its projects in another order. What differs between the two would be different votes.
 */

export type { ComputedProject } from './compute-epoch.ts'

/** Answers to what a compute asks of the source chain, by what it asks: made up, or recorded from a real one. */
export interface Fixture {
  readonly answers: readonly (readonly [question: string, answer: string])[]
}

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

/** Passes on what `source` answers, and keeps it: `JSON.stringify(recorder.fixture())` is a file that `replayed` reads. */
export function recorded(source: SourceReader): { readonly source: SourceReader; fixture(): Fixture } {
  const answers = new Map<string, string>()
  const methods = Object.entries(source).filter(([, method]) => typeof method === 'function')
  const keeping = methods.map(([name, method]) => [
    name,
    async (...args: readonly unknown[]) => {
      const answer: unknown = await method(...args)
      answers.set(encode([name, ...args]), encode(answer))
      return answer
    },
  ])
  // In the order of the questions: the same record however the answers came.
  const fixture = () => ({ answers: [...answers].sort(([left], [right]) => (left < right ? -1 : 1)) })
  return { source: Object.fromEntries(keeping), fixture }
}

/** A source chain that knows what was recorded of one, and nothing else. */
export function replayed({ answers }: Fixture): SourceReader {
  const known = new Map(answers)
  const answering = (name: string) => [
    name,
    async (...args: readonly unknown[]) => {
      const question = encode([name, ...args])
      const answer = known.get(question)
      if (answer === undefined) throw new Error(`the record has no answer to ${question}`)
      return decode(answer)
    },
  ]
  const names = new Set([
    'timestamp',
    'read',
    'events',
    'transactions',
    ...[...known.keys()].map((question) => (decode(question) as [string])[0]),
  ])
  return Object.fromEntries([...names].map(answering))
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
  const recorder = recorded(source)
  const given = { config, epoch, namespace, history, epochSeconds }
  const here = await computeHere(folder, { ...given, source: recorder.source, isReversed: false })
  const there = await computeThere(folder, { ...given, fixture: recorder.fixture() })
  for (const [projectId, project] of here) {
    const difference = firstDifference(project.json, there.get(projectId) ?? '')
    if (difference !== undefined) throw new Error(`${projectId} is another one each time: ${difference}`)
  }
  return here
}

/** Throws unless the project's bytes have that CID, and shows them: they are what is to be looked at before another CID is written down. */
export function expectCid(project: ComputedProject | undefined, cid: string): void {
  if (project === undefined) throw new Error(`there is no such project; ${cid} was expected`)
  if (project.cid !== cid) throw new Error(`${project.cid}, where ${cid} was expected, is the CID of ${project.json}`)
}

/** `byte 12: …"price":1.5… here, …"price":1.6… there`; nothing when they are the same. */
export function firstDifference(left: string, right: string): string | undefined {
  if (left === right) return undefined
  let at = 0
  while (left[at] === right[at]) at += 1
  const around = (text: string): string => `…${text.slice(Math.max(0, at - 20), at + 20)}…`
  return `byte ${at}: ${around(left)} here, ${around(right)} there`
}

type Described = Required<Omit<Conditions, 'source'>>

/** Throws with what went wrong, in words. */
export async function computeHere(
  folder: string,
  { config, source, isReversed, ...given }: Described & { readonly source: SourceReader; readonly isReversed: boolean },
): Promise<ReadonlyMap<string, ComputedProject>> {
  const set = openComputeFolder(folder)
  try {
    const { computes } = openComputes([{ name: set.name, version: set.version, config }], [set])
    return await computeEpoch(computes, { ...given, source, isReversed })
  } finally {
    await set.stop()
  }
}

const OTHER_PLACE = { TZ: 'Pacific/Chatham', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' }
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024

async function computeThere(folder: string, given: Described & { readonly fixture: Fixture }): Promise<ReadonlyMap<string, string>> {
  const built = join(import.meta.dirname, 'compute-elsewhere.js')
  const script = existsSync(built) ? built : join(import.meta.dirname, 'compute-elsewhere.ts')
  const running = promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
    env: { ...OTHER_PLACE },
    maxBuffer: OUTPUT_BYTES_MAX,
  })
  running.child.stdin?.end(encode({ folder, given }))
  const said = decode((await running).stdout) as { readonly bytes: ReadonlyMap<string, string> } | { readonly failure: string }
  if ('failure' in said) throw new Error(`the second run fails: ${said.failure}`)
  return said.bytes
}
