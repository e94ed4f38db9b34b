import { join } from 'node:path'
import { type Child, startChild } from './child.ts'
import type { Offer, Outcome } from './load.ts'
import type { Usage } from './sequencing.ts'

/** A sequencer and what loads it, each in a process of its own. */
export interface Network {
  readonly sequencer: Child
  readonly load: Child
  /** Microseconds of a bare recovery, measured in the sequencer's process before anything else. */
  readonly floorUs: number
  /** Where it is reached, directly or through the relay. */
  address(way: 'direct' | 'relayed'): Promise<string>
  usage(): Promise<Usage>
  /** Signs, releases an epoch, then measures while it is offered, by peers of `from` where they are not those of `load`. */
  measured(offer: Omit<Offer, 'epoch' | 'header'>, from?: Child): Promise<Measured>
  /** Another process with peers, which have the same slots. */
  another(): Promise<Child>
  /** The number of an epoch that was not there yet. */
  nextEpoch(): number
  stop(): Promise<void>
}

export interface Measured extends Outcome {
  readonly accepted: number
  /** What was not accepted. */
  readonly refused: number
  /** CPU of the whole sequencer process, for each accepted submission. */
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

export async function startNetwork({ recoveries, ...options }: NetworkOptions): Promise<Network> {
  const sequencer = startChild(program('sequencing.ts'))
  const load = startChild(program('load.ts'))
  const { market } = await sequencer.ask<{ market: unknown }>('open', { windowBlocks: 100, relays: [], ...options })
  const children = [sequencer, load]
  await load.ask('market', market)
  const { us: floorUs } = await sequencer.ask<{ us: number }>('floor', { count: recoveries })
  // The floor was measured with the signatures of the first.
  let epoch = 1
  const nextEpoch = (): number => {
    epoch += 1
    return epoch
  }
  const usage = (): Promise<Usage> => sequencer.ask<Usage>('usage', { isCollected: true })
  return {
    sequencer,
    load,
    floorUs,
    usage,
    nextEpoch,
    async another() {
      const other = startChild(program('load.ts'))
      children.push(other)
      await other.ask('market', market)
      return other
    },
    async address(way) {
      const { addresses } = await sequencer.ask<{ addresses: string[] }>('addresses')
      return addresses.find((address) => address.includes('p2p-circuit') === (way === 'relayed')) ?? ''
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
        cpuUs: (after.cpuUs - before.cpuUs) / accepted,
        perSecond: (accepted / outcome.wallMs) * 1_000,
      }
    },
    async stop() {
      await Promise.all(children.map((child) => child.kill()))
    },
  }
}
