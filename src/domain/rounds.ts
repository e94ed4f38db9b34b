import type { BlockNumber, Cid, ContractNumber } from './ids.ts'

/** Rounds that the contract begins anew for an epoch, each within the windows of the one before (spec/contracts.md §4.7). */
export const ROUNDS_MAX = 3

/** What the chain told of a batch of one epoch. */
export interface BatchStep {
  readonly what: 'submitted' | 'refuted' | 'final'
  readonly batchCid: Cid
  readonly blockNumber: BlockNumber
  readonly contractNumber: ContractNumber
}

/** The batches of one epoch as the chain tells them, with the rounds in which what a majority refuted is sent again (docs/CONTRACTS.md). */
export interface Rounds {
  /** How many have begun beside that of the release: 0 while nobody disagreed. */
  readonly count: number
  /** The block from which the windows of what is sent now count: of the release, or of the refutation that began the last round. */
  readonly start: ContractNumber
  /** Of the batch at this place among those of the epoch, from 0: 0 of what the epoch was sealed with. */
  roundOf(index: number): number
  /** The block from which its windows count. */
  startOf(index: number): ContractNumber
  /** Whether a majority asked for another batch in place of the one there, which did not become final after all. */
  isRefuted(index: number): boolean
  /** Whether there is any such batch. */
  readonly hasRefuted: boolean
  /** The block of the last refutation; `undefined` where there was none. */
  readonly refutedAt: ContractNumber | undefined
  /** Whether the epoch has any batch at all. */
  readonly hasBatch: boolean
}

interface Begun {
  /** Place of the first batch that belongs to it. */
  readonly from: number
  readonly start: ContractNumber
}

/** Works out the rounds as the contract does: a batch of round r opens round r + 1, or begins the last one anew if that is there. */
export function roundsOf(steps: readonly BatchStep[], release: ContractNumber): Rounds {
  const begun: Begun[] = [{ from: 0, start: release }]
  const submitted: Cid[] = []
  const refuted = new Set<number>()
  let refutedAt: ContractNumber | undefined
  const roundOf = (index: number): number => begun.findLastIndex(({ from }) => from <= index)
  for (const { what, batchCid, contractNumber } of steps) {
    if (what === 'submitted') {
      submitted.push(batchCid)
      continue
    }
    // One that is sent again under its own name is another batch.
    const index = submitted.lastIndexOf(batchCid)
    // A batch that the chain never told of has no place among them.
    if (index < 0) continue
    if (what === 'final') {
      refuted.delete(index)
      continue
    }
    refuted.add(index)
    refutedAt = contractNumber
    const round = roundOf(index)
    const last = begun.length - 1
    if (round === ROUNDS_MAX) continue
    if (round === last) begun.push({ from: submitted.length, start: contractNumber })
    else begun[last] = { ...(begun[last] as Begun), start: contractNumber }
  }
  return {
    count: begun.length - 1,
    start: (begun.at(-1) as Begun).start,
    roundOf,
    startOf: (index) => (begun[roundOf(index)] as Begun).start,
    isRefuted: (index) => refuted.has(index),
    hasRefuted: refuted.size > 0,
    refutedAt,
    hasBatch: submitted.length > 0,
  }
}
