import type { BlockNumber, ContractNumber } from './ids.ts'
import { ROUNDS_MAX } from './rounds.ts'

/**
 * The submission window of an epoch, from chain data alone, so that a restart or another node finds the same (DESIGN §4 "Time is chain time").
 * `blocks`: on time while `block.number ≤ release block + length`, as the contract counts (spec/contracts.md §4.4).
 * `seconds`: on time while `block.timestamp ≤ release timestamp + length`, what deployed sequencers approximate with a timer (spec/06 §3).
 */
export interface WindowRule {
  readonly unit: 'blocks' | 'seconds'
  readonly length: number
}

/** The part of a block that windows look at: `number` for its place, `contractNumber` for what contracts count; `timestamp` in seconds. */
export interface BlockTime {
  readonly number: BlockNumber
  readonly contractNumber: ContractNumber
  readonly timestamp: number
}

export interface SubmissionWindow {
  readonly release: BlockTime
  readonly rule: WindowRule
}

export function windowOf(options: {
  readonly release: BlockTime
  readonly unit: WindowRule['unit']
  readonly length: number
}): SubmissionWindow {
  const { number, contractNumber, timestamp } = options.release
  return { release: { number, contractNumber, timestamp }, rule: { unit: options.unit, length: options.length } }
}

/** Whether `block` lies within the window, both ends included: the rule for the header of a submission. */
export function isInWindow(window: SubmissionWindow, block: BlockTime): boolean {
  // Contracts may see one number in several blocks, of which some lie before the release.
  return block.number >= window.release.number && !isPastWindow(window, block)
}

/** Whether a submission may still be taken while `head` is the newest block known. */
export function isWindowOpen(window: SubmissionWindow, head: BlockTime): boolean {
  return isInWindow(window, head)
}

/** Whether `head` proves that the window is over. Blocks come in order, so once true it stays true on that chain. */
export function isPastWindow(window: SubmissionWindow, head: BlockTime): boolean {
  const { release, rule } = window
  return rule.unit === 'blocks'
    ? head.contractNumber > release.contractNumber + rule.length
    : head.timestamp > release.timestamp + rule.length
}

/** How much of the window has passed at `head`: 1 at its end, more after it. */
export function shareUsed({ release, rule }: SubmissionWindow, head: BlockTime): number {
  const passed = rule.unit === 'blocks' ? head.contractNumber - release.contractNumber : head.timestamp - release.timestamp
  return passed / Math.max(1, rule.length)
}

/** The market's windows after that of the submissions, in blocks as contracts count them (`ContractNumber`) from the release, the last one included (spec/contracts.md §4.6, §4.7). */
export interface LaterWindows {
  readonly batchWindowBlocks: number
  readonly attestationWindowBlocks: number
}

/** The last block in which the contract takes a batch of an epoch whose windows count from `start`: its release, or where its last round began (`Rounds`). */
export const lastBatchBlock = (start: ContractNumber, market: LaterWindows): ContractNumber =>
  (start + market.batchWindowBlocks) as ContractNumber

/** Whether `head` proves that the contract takes no batch any more; not before the first block is known. */
export const isBatchWindowOver = (start: ContractNumber, head: ContractNumber | undefined, market: LaterWindows): boolean =>
  head !== undefined && head > lastBatchBlock(start, market)

/** The last block in which the contract counts an attestation for a batch whose windows count from `start`. */
export const lastAttestationBlock = (start: ContractNumber, market: LaterWindows): ContractNumber =>
  (start + market.attestationWindowBlocks) as ContractNumber

/** The last block in which the contract may count one for any batch of an epoch, in whatever round: each begins while the one before it lasts. */
export const lastAttestationBlockOfAll = (release: ContractNumber, market: LaterWindows): ContractNumber =>
  (release + (1 + ROUNDS_MAX) * market.attestationWindowBlocks) as ContractNumber

/** Whether `head` proves that the contract counts no further attestation: what is not decided by then stays undecided. */
export const isAttestationWindowOver = (start: ContractNumber, head: ContractNumber, market: LaterWindows): boolean =>
  head > lastAttestationBlock(start, market)

/** Whether what the contract says of the epoch's projects as of `block` is what it will always say. */
export const isSettled = (release: ContractNumber, block: ContractNumber, market: LaterWindows): boolean =>
  block > lastBlockOfRounds(release, market)

/** The last block in which anything may still change of the epoch's projects, whatever rounds it has. */
export const lastBlockOfRounds = (release: ContractNumber, market: LaterWindows): ContractNumber =>
  (release + roundsBlocks(market)) as ContractNumber

/** The windows of the release and those of all rounds, one after another. */
const roundsBlocks = ({ batchWindowBlocks, attestationWindowBlocks }: LaterWindows): number =>
  (1 + ROUNDS_MAX) * Math.max(batchWindowBlocks, attestationWindowBlocks)

/** The oldest release of which a corrected batch may be mined in `block` or later, whatever round that belongs to. */
export const oldestReleaseCorrectedIn = (block: ContractNumber, market: LaterWindows): ContractNumber =>
  Math.max(0, block - roundsBlocks(market)) as ContractNumber

/** The oldest release whose batches may be mined in `block` or later, those apart that correct others in a later round. */
export const oldestReleaseBatchedIn = (block: ContractNumber, market: LaterWindows): ContractNumber =>
  Math.max(0, block - market.batchWindowBlocks) as ContractNumber

/** The oldest release whose batches may be attested in `block` or later. */
export const oldestReleaseAttestedIn = (block: ContractNumber, market: LaterWindows): ContractNumber =>
  Math.max(0, block - market.attestationWindowBlocks) as ContractNumber

/**
 * A block as a store has it. Those of earlier versions lack the number that contracts see: they knew only chains on which it is the block's own.
 */
export const withContractNumber = <Block extends { readonly number: BlockNumber; readonly contractNumber: ContractNumber }>(
  block: Block,
): Block => (block.contractNumber === undefined ? { ...block, contractNumber: block.number as number as ContractNumber } : block)

/** Blocks before the cursor that are read again on start: as far as a reorganisation that is followed may have moved a release down while nobody looked. */
export const REPLAY_MARGIN_BLOCKS = 127

/** The market may make its windows longer: twice the time is left. */
const WINDOWS_MARGIN = 2
/** Far deeper than any reorganisation that is followed, and than any of the chain whose number contracts see. */
const SETTLED_BLOCKS = 1_000

/**
 * Whether the contract can count no vote for the epoch any more, on this chain or on any that a reorganisation may put in its place: only
 * then may anything go that could be asked of the epoch, or keep somebody from voting twice.
 */
export const isLongOver = (release: ContractNumber, head: ContractNumber, market: Pick<LaterWindows, 'attestationWindowBlocks'>): boolean =>
  head > release + WINDOWS_MARGIN * (ROUNDS_MAX + 1) * market.attestationWindowBlocks + SETTLED_BLOCKS
