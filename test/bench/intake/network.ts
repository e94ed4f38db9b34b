import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { BucketLimits } from '#domain/buckets.ts'
import { type Child, heapOf, startChild } from './child.ts'
import type { Offer, Outcome } from './load.ts'
import type { Opening, Usage } from './sequencing.ts'

/** A sequencer and what loads it, each in a process of its own. */
export interface Network {
  readonly sequencer: Child
  readonly load: Child
  /** Microseconds of a bare recovery, measured in the sequencer's process before anything else. */
  readonly floorUs: number
  /** Where it is reached, directly or through the relay. */
  address(way: 'direct' | 'relayed'): Promise<string>
  usage(): Promise<Usage>
  /** After a collection of all garbage, which nobody asks for while a sequencer works: it stands still for it, and its young have no room for seconds after it. */
  usageCollected(): Promise<Usage>
  /** Signs, releases an epoch, then measures while it is offered, by peers of `from` where they are not those of `load`. */
  measured(offer: Omit<Offer, 'epoch' | 'header'>, from?: Child): Promise<Measured>
  /** Another process with peers, which have the same slots. */
  another(): Promise<Child>
  /** The number of an epoch that was not there yet. */
  nextEpoch(): number
  /** Ends the sequencer as a power cut does, and starts it anew where it was, with nothing that it had but its identity, and with these limits. */
  restart(limits: BucketLimits): Promise<void>
  stop(): Promise<void>
}

export interface Measured extends Outcome {
  readonly accepted: number
  /** What was not accepted. */
  readonly refused: number
  /** CPU of the whole sequencer process, in all, and for each accepted submission. */
  readonly totalUs: number
  readonly cpuUs: number
  readonly perSecond: number
}

export interface NetworkOptions {
  readonly slots: number
  readonly projects: number
  /** So that nothing is sealed beside what is measured, unless it is said otherwise. */
  readonly windowBlocks?: number
  /** Bare recoveries of which one is the floor. */
  readonly recoveries: number
  readonly relays?: readonly string[]
}

const program = (name: string): string => join(import.meta.dirname, name)
export const startRelay = (): Child => startChild(program('relaying.ts'))
export const startCollector = (): Child => startChild(program('collecting.ts'))
export const startEcho = (): Child => startChild(program('echoing.ts'))

const startSequencer = (): Child => startChild(program('sequencing.ts'), heapOf('sequencer'))
/** Thousands of peers in one process, which would spend half its time on their garbage: what they cost is counted nowhere, and taken from the two cores all the same. */
const startLoad = (): Child =>
  startChild(program('load.ts'), [
    '--max-semi-space-size=64',
    '--max-old-space-size=16000',
    '--heap-growing-percent=2000',
    '--external-memory-accounted-in-global-limit',
    '--no-parallel-scavenge',
  ])

const UNLIMITED: BucketLimits = { tokensPerSecond: 1e9, tokensMax: 1e9 }

export async function startNetwork({ recoveries, ...options }: NetworkOptions): Promise<Network> {
  let sequencer = startSequencer()
  const load = startLoad()
  const opening: Opening = {
    windowBlocks: 100,
    relays: [],
    ...options,
    seed: randomBytes(32).toHex(),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    limits: UNLIMITED,
  }
  const { market } = await sequencer.ask<{ market: unknown }>('open', opening)
  const children = [load]
  await load.ask('market', market)
  const { us: floorUs } = await sequencer.ask<{ us: number }>('floor', { count: recoveries })
  // The floor was measured with the signatures of the first.
  let epoch = 1
  const nextEpoch = (): number => {
    epoch += 1
    return epoch
  }
  const usage = (): Promise<Usage> => sequencer.ask<Usage>('usage')
  async function address(way: 'direct' | 'relayed'): Promise<string> {
    const { addresses } = await sequencer.ask<{ addresses: string[] }>('addresses')
    return addresses.find((each) => each.includes('p2p-circuit') === (way === 'relayed')) ?? ''
  }
  return {
    get sequencer() {
      return sequencer
    },
    load,
    floorUs,
    usage,
    usageCollected: () => sequencer.ask<Usage>('usage', { isCollected: true }),
    nextEpoch,
    async another() {
      const other = startLoad()
      children.push(other)
      await other.ask('market', market)
      return other
    },
    address,
    async restart(limits) {
      const [listen = ''] = (await address('direct')).split('/p2p/')
      await sequencer.kill()
      sequencer = startSequencer()
      await sequencer.ask('open', { ...opening, listen: [listen], limits })
      // Its chain is another.
      epoch = 0
    },
    async measured(offer, from = load) {
      const facts = { ...offer, epoch: nextEpoch() }
      await from.ask('sign', facts)
      const header = await sequencer.ask<Offer['header']>('release', facts)
      const before = await usage()
      const outcome = await from.ask<Outcome>('offer', { ...facts, header })
      const after = await usage()
      const accepted = outcome.codes['accepted'] ?? 0
      return {
        ...outcome,
        accepted,
        refused: offer.count - accepted,
        totalUs: after.cpuUs - before.cpuUs,
        cpuUs: (after.cpuUs - before.cpuUs) / accepted,
        perSecond: (accepted / outcome.wallMs) * 1_000,
      }
    },
    async stop() {
      await Promise.all([sequencer, ...children].map((child) => child.kill()))
    },
  }
}
