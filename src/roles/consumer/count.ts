import type { Header } from '#domain/anchor-view.ts'
import type { Batch } from '#domain/batch.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import type { Submission } from '#domain/submission.ts'
import type { Vote } from '#domain/tally.ts'
import { type VoteRules, votableOf } from '#domain/votable.ts'
import { isPastWindow, type SubmissionWindow, windowOf } from '#domain/window.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Recoverer } from '#io/keys/port.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'

type SlotRecord = Awaited<ReturnType<AnchorChain['slot']>>

/** What a market's sequencers and validators count by; a consumer must use the same, or it proves something else. */
export type CountRules = Pick<MarketRules, 'windowUnit' | 'namespace' | 'voting' | 'deadlineBufferMaxBlocks' | 'tally' | 'batchTree'>

/** Finds signers; a browser's may take its time over each. */
export interface MaybeSlowRecoverer {
  recover(...about: Parameters<Recoverer['recover']>): Address | undefined | Promise<Address | undefined>
}

export interface CountDeps {
  readonly chain: AnchorChain
  readonly recoverer: MaybeSlowRecoverer
}

/** The submissions of one project, each judged. */
export interface Counted {
  /** Each slot's first that is valid. */
  readonly votes: readonly Vote[]
  /** What is wrong with those that count for nothing. */
  readonly invalid: readonly string[]
  /** Slots that had no signer in the block named, or of which the node has forgotten who it was. Their submissions count for nothing. */
  readonly untold: readonly SlotId[]
  /** Slots that voted, as far as the batch shows: these, and those with a valid vote for another of its projects. */
  readonly slotsInBatch: number
}

/** Twice the slots of the largest market (DESIGN §6): each has one vote. Checking so many takes about a second. */
const SUBMISSIONS_MAX = 10_000
/** Blocks read of a window: an hour and more of a chain that makes one a second. */
const WINDOW_BLOCKS_MAX = 5_000
/** Blocks, and slots, asked for together. */
const READS_MAX = 100

/** Judges the submissions of a batch file for one project; text that says why that cannot be done. Throws as the chain does. */
export async function countVotes(
  batch: Batch,
  about: { readonly projectId: ProjectId; readonly epochId: EpochId; readonly rules: CountRules },
  deps: CountDeps,
): Promise<Counted | string> {
  const submissions = batch.submissions.map(({ submission }) => submission).filter(({ request }) => request.projectId === about.projectId)
  const others = about.rules.tally.minShareBp === 0 ? [] : votesElsewhere(batch, submissions)
  if (submissions.length > SUBMISSIONS_MAX)
    return `the batch has ${submissions.length} submissions for the project, no more than ${SUBMISSIONS_MAX} are checked`
  if (others.length > SUBMISSIONS_MAX)
    return `the batch has submissions of ${others.length} other slots, no more than ${SUBMISSIONS_MAX} are checked`
  const all = [...submissions, ...others]
  const window = await readWindow(all, about, deps.chain)
  if (typeof window === 'string') return window
  const signerAt = await readSigners(all, window.headers, deps.chain)
  const view = { header: (hash: string) => window.headers.get(hash), signerAt }
  const rules = { ...about.rules, epochId: about.epochId, window: window.window, view }
  const judged = await judge(submissions, rules, deps)
  const elsewhere = await judge(others, rules, deps)
  return { ...judged, slotsInBatch: judged.votes.length + elsewhere.votes.length }
}

/**
 * Of each slot without a submission for the project, the first that it has for another of the batch's. Enough to know whether it voted, and
 * one signature per slot: a sequencer that puts an invalid one first hides the slot, which it could as well have left out.
 */
function votesElsewhere({ submissions, projectIds }: Batch, ofProject: readonly Submission[]): readonly Submission[] {
  const projects = new Set(projectIds)
  const seen = new Set(ofProject.map(({ request }) => request.slotId))
  return submissions.flatMap(({ submission }) => {
    const { slotId, projectId } = submission.request
    if (seen.has(slotId) || !projects.has(projectId)) return []
    seen.add(slotId)
    return [submission]
  })
}

async function judge(
  submissions: readonly Submission[],
  rules: VoteRules,
  { chain, recoverer }: CountDeps,
): Promise<Omit<Counted, 'slotsInBatch'>> {
  const hasher = createSubmissionHasher(chain)
  const votes = new Map<SlotId, Vote>()
  const invalid: string[] = []
  const untold = new Set<SlotId>()
  for (const submission of submissions) {
    const { request } = submission
    const votable = votableOf(submission, rules)
    if (!votable.ok) {
      if (votable.check === 'submission_slot') untold.add(request.slotId)
      else invalid.push(`slot ${request.slotId}: ${votable.check}, expected ${votable.expected}, got ${votable.got}`)
      continue
    }
    const signature = parseSignature(submission.signature)
    const signer = signature && (await recoverer.recover(hasher.digest(request), signature))
    if (signer !== votable.signer)
      invalid.push(`slot ${request.slotId}: submission_signature, expected ${votable.signer}, got ${signer ?? 'no signer'}`)
    else if (votes.has(request.slotId)) invalid.push(`slot ${request.slotId}: submission_once, a slot has one vote`)
    else votes.set(request.slotId, { slotId: request.slotId, signer, snapshotCid: request.snapshotCid })
  }
  return { votes: [...votes.values()], invalid, untold: [...untold] }
}

interface Window {
  readonly window: SubmissionWindow
  /** Those that the submissions name, and others. */
  readonly headers: ReadonlyMap<string, Header>
}

/** The blocks of the epoch's window, in order, until all that the submissions name are found; text that says why they cannot be read. */
export async function readWindow(
  submissions: readonly Pick<Submission, 'header'>[],
  { epochId, rules }: { readonly epochId: EpochId; readonly rules: Pick<CountRules, 'windowUnit'> },
  chain: AnchorChain,
): Promise<Window | string> {
  const [release, { snapshotWindowBlocks }] = await Promise.all([chain.release(epochId), chain.market()])
  if (release === undefined) return `the chain has no release of epoch ${epochId}`
  const window = windowOf({ release, unit: rules.windowUnit, length: snapshotWindowBlocks })
  const wanted = new Set(submissions.map(({ header }) => header.toLowerCase()))
  const headers = new Map<string, Header>()
  let parent: Hash | undefined
  for (let from: number = release.number; wanted.size > 0; from += READS_MAX) {
    if (from >= release.number + WINDOW_BLOCKS_MAX)
      return `the epoch's submission window has more than the ${WINDOW_BLOCKS_MAX} blocks that are read`
    const numbers = Array.from({ length: READS_MAX }, (_, index) => (from + index) as BlockNumber)
    for (const block of await Promise.all(numbers.map((number) => chain.block(number)))) {
      if (block === undefined || isPastWindow(window, block)) return { window, headers }
      if (parent !== undefined && block.parentHash !== parent) throw rewritten(block.number)
      parent = block.hash
      headers.set(block.hash, block)
      wanted.delete(block.hash)
    }
  }
  return { window, headers }
}

/** The proof may be tried again: what was read so far is of two chains. */
function rewritten(number: BlockNumber): WeftError {
  const detail = `block ${number} is not the child of the one before`
  return new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'chain', method: 'block', detail })
}

/**
 * Who signs for a slot is judged as of the header's block, as validators judge it: what changed later takes nothing back. The head tells it of
 * a slot that has not changed since; of others the chain is asked as of that block. `undefined`: nobody, or the node keeps no state of so long ago.
 */
async function readSigners(submissions: readonly Submission[], headers: Window['headers'], chain: AnchorChain) {
  const named = submissions.flatMap(({ request, header }) => {
    const block = headers.get(header.toLowerCase())
    return block === undefined ? [] : [{ slotId: request.slotId, block }]
  })
  const now = await readEach(new Set(named.map(({ slotId }) => slotId)), (slotId) => chain.slot(slotId))
  const isSame = ({ isActive, changedAt }: SlotRecord, { timestamp }: Header): boolean =>
    isActive && (changedAt === 0 || changedAt < timestamp)
  const changed = new Map<string, (typeof named)[number]>()
  for (const one of named) if (!isSame(now.get(one.slotId) as SlotRecord, one.block)) changed.set(keyOf(one.slotId, one.block.number), one)
  const then = await readEach(new Set(changed.keys()), (key) => {
    const { slotId, block } = changed.get(key) as (typeof named)[number]
    return chain.slot(slotId, block.number).catch(unlessForgotten)
  })
  return (slotId: SlotId, block: BlockNumber): Address | undefined => {
    const key = keyOf(slotId, block)
    const slot = changed.has(key) ? then.get(key) : now.get(slotId)
    return slot?.isActive === true ? slot.signer : undefined
  }
}

const keyOf = (slotId: SlotId, block: BlockNumber): string => `${slotId} ${block}`

function unlessForgotten(failure: unknown): undefined {
  if (!isWeftError(failure, 'CHAIN_ANSWER_INVALID')) throw failure
}

/** A few at a time. */
async function readEach<Key, Value>(keys: ReadonlySet<Key>, read: (key: Key) => Promise<Value>): Promise<ReadonlyMap<Key, Value>> {
  const all = [...keys]
  const values = new Map<Key, Value>()
  for (let from = 0; from < all.length; from += READS_MAX)
    for (const [key, value] of await Promise.all(all.slice(from, from + READS_MAX).map(async (key) => [key, await read(key)] as const)))
      values.set(key, value)
  return values
}
