import type { Address, ContractNumber } from '#domain/ids.ts'
import { isSettled } from '#domain/window.ts'
import type { MarketState } from '#io/chain/port.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { signedRootOf } from '#wire/receipt.ts'
import type { SignedReceipt } from '#wire/receipt-file.ts'
import { type CountRules, type MaybeSlowRecoverer, readWindow } from './count.ts'
import type { FindDeps } from './find-batch.ts'
import { type IncludedSubmission, lookFor, type NotIncluded } from './inclusion.ts'

/**
 * What became of the promise. `included`: kept. `fault`: broken, and the receipt shows it. `undecided`: another batch may still hold the vote.
 * `simulated`: of a vote that counts nowhere nothing is promised. `unjudged`: genuine, and not enough is known to call it broken.
 * `unproved`: no sequencer of the market has signed this.
 */
export type ReceiptVerdict = 'included' | 'fault' | 'undecided' | 'simulated' | 'unjudged' | 'unproved'

export interface JudgedReceipt {
  readonly verdict: ReceiptVerdict
  readonly why: string
  /** The sequencer that signed it. */
  readonly signer?: Address
  readonly inclusion?: IncludedSubmission
}

export interface ReceiptDeps extends FindDeps {
  readonly recoverer: MaybeSlowRecoverer
}

interface JudgeOptions {
  /** Of the epoch's market. Asked for only where they decide. */
  rules(): Promise<Pick<CountRules, 'windowUnit'>>
  readonly signal: AbortSignal
}

/** Holds a receipt against chain and batches. Throws as the chain does. */
export async function judgeReceipt(receipt: SignedReceipt, options: JudgeOptions, deps: ReceiptDeps): Promise<JudgedReceipt> {
  const market = await deps.chain.market()
  const signed = await signedBy(receipt, market, deps)
  if ('verdict' in signed) return signed
  const { request, submissionId } = receipt
  if (request.epochId === 0 || receipt.code === 'simulated')
    return { ...signed, verdict: 'simulated', why: 'it is of a simulation, which counts nowhere' }
  // Before the batches: one that comes meanwhile is among them, or the epoch is not settled as of this block.
  const { contractNumber: head } = await deps.chain.head()
  const found = await lookFor({ submissionId, epochId: request.epochId, voter: request, signal: options.signal }, deps)
  if ('why' in found) return { ...signed, ...(await whenMissing(receipt, found, { rules: options.rules, market, head }, deps)) }
  if (found.snapshotCid === request.snapshotCid)
    return { ...signed, verdict: 'included', why: `batch ${found.batchCid} holds it, ${found.status}`, inclusion: found }
  const why = `batch ${found.batchCid} holds the slot's vote for ${found.snapshotCid}: the slot has signed both`
  return { ...signed, verdict: 'unjudged', why }
}

/** Who signed it, if it was a sequencer of this market. */
async function signedBy(
  receipt: SignedReceipt,
  market: MarketState,
  { chain, recoverer }: ReceiptDeps,
): Promise<JudgedReceipt | { readonly signer: Address }> {
  const unproved = (why: string): JudgedReceipt => ({ verdict: 'unproved', why })
  const { anchorChainId, protocolState, dataMarket, request, proof } = receipt
  if (anchorChainId !== chain.chainId || protocolState !== chain.protocolState || dataMarket !== chain.dataMarket)
    return unproved(`it is of market ${dataMarket} of ${protocolState} on chain ${anchorChainId}`)
  const hasher = createSubmissionHasher(chain)
  const signed = signedRootOf({ ...receipt, digest: hasher.digest(request) }, proof, { hasher, dataMarket })
  if (signed === undefined) return unproved('its way to a root, or its signature, has no form')
  const signer = await recoverer.recover(signed.digest, signed.signature)
  if (signer === undefined) return unproved('its signature is nobody’s')
  return market.sequencers.includes(signer) ? { signer } : unproved(`${signer} signed it, which is no sequencer of the market`)
}

/**
 * A vote in no batch is a broken promise only where nothing else explains it: a reorganisation took the block that it names, its project has no
 * result for anybody, another of the market's sequencers made the batch, the validators may yet have it corrected, or not all can be read.
 */
async function whenMissing(
  { request, header }: SignedReceipt,
  { why, isNowhere, rivals }: NotIncluded,
  { rules, market, head }: Pick<JudgeOptions, 'rules'> & { readonly market: MarketState; readonly head: ContractNumber },
  { chain }: ReceiptDeps,
): Promise<JudgedReceipt> {
  const { epochId, projectId } = request
  const { contractNumber: released } = await chain.epochInfo(epochId)
  const areSettled = isSettled(released, head, market)
  const rival = rivals.find(({ isFinalized }) => isFinalized) ?? (areSettled ? rivals[0] : undefined)
  if (released === 0) return { verdict: 'unjudged', why: `the chain has no release of epoch ${epochId}` }
  if (rival === undefined && !areSettled) return { verdict: 'undecided', why }
  // What is in a file that cannot be read nobody knows: neither the vote nor a result is missing from it.
  if (!isNowhere) return { verdict: 'unjudged', why }
  if (rival === undefined) return { verdict: 'unjudged', why: `${why}, and none has a result for ${projectId}: too few may have voted` }
  if (market.sequencers.length > 1)
    return { verdict: 'unjudged', why: `${why}; the market has ${market.sequencers.length} sequencers, and another one may have sent them` }
  const window = await readWindow([{ header }], { epochId, rules: await rules() }, chain)
  if (typeof window === 'string') return { verdict: 'unjudged', why: `${why}; ${window}` }
  if (!window.headers.has(header))
    return {
      verdict: 'unjudged',
      why: `${why}; block ${header}, which it names, is not in the window any more: a reorganisation voided it`,
    }
  return { verdict: 'fault', why: `${why}, and batch ${rival.batchCid} has a result for ${projectId}` }
}
