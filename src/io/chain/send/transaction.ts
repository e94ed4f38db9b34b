import { encodeFunctionData, parseTransaction, serializeTransaction } from 'viem/utils'
import type { TransactionSerializable } from 'viem'
import { FINAL_PROJECT_GAS } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import { parseAddress, parseHash } from '#domain/ids.ts'
import type { Address, Hash } from '#domain/ids.ts'
import type { ProtocolCall, RootOnlyBatch } from '#io/chain/port.ts'
import type { Signer } from '#io/keys/port.ts'
import type { RpcRefusal } from '#io/chain/rpc/answer.ts'
import { quantity } from '#io/chain/rpc/block.ts'
import { needsPerson, whyNotTaken } from '#io/chain/rpc/not-taken.ts'
import type { NotTaken } from '#io/chain/rpc/not-taken.ts'
import { isRevert, revertReason } from '#io/chain/rpc/revert.ts'
import { parseAnswer, parseQuantity } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { keccak256 } from '#wire/keccak.ts'
import { greatest, least, parseWei } from './fees.ts'
import type { Fees } from './fees.ts'
import type { GasLimit } from './gas-limit.ts'

type Hex = `0x${string}`

/** State may change between estimate and block; what is not used is not paid. */
const gasWithMargin = (estimate: bigint): bigint => (estimate * 5n) / 4n
/**
 * A vote that turns out to be the deciding one also finalizes every project of the batch (spec/contracts.md §5), whatever it was estimated at
 * before the others had voted: so much and more than any contract takes for each, so that votes on many batches fit into a block.
 */
const VOTE_GAS = 500_000n

/** A signed transaction: `raw` is what is broadcast, `hash` names it for ever. */
export interface Signed {
  readonly raw: Hex
  readonly hash: Hash
}

/** What is signed, apart from nonce and fees. */
export interface Draft {
  /** Absent when it creates a contract. */
  readonly to?: Address | undefined
  readonly data: Hex
  readonly value: bigint
  readonly gas: bigint
}

export function encodeCall(call: ProtocolCall, dataMarket: Address): Hex {
  const market = dataMarket as Hex
  const abi = protocolStateAbi
  switch (call.kind) {
    case 'releaseEpoch':
    case 'forceSkipEpoch':
      return encodeFunctionData({ abi, functionName: call.kind, args: [market, BigInt(call.begin), BigInt(call.end)] })
    case 'submitSubmissionBatch':
      return encodeFunctionData({
        abi,
        functionName: call.kind,
        args: [market, call.batchCid, BigInt(call.epochId), call.projectIds, call.snapshotCids, call.rootHash as Hex],
      })
    case 'submitRootOnlyBatches':
      return encodeFunctionData({ abi, functionName: call.kind, args: [market, BigInt(call.epochId), call.batches.map(rootBatchOf)] })
    case 'endBatchSubmissions':
      return encodeFunctionData({ abi, functionName: call.kind, args: [market, BigInt(call.epochId)] })
    case 'updateRewards':
      return encodeFunctionData({
        abi,
        functionName: call.kind,
        args: [market, call.slotIds.map(BigInt), call.submissions.map(BigInt), BigInt(call.day), BigInt(call.eligibleNodes)],
      })
    case 'submitBatchAttestation':
      return encodeVote(call, market)
  }
}

const rootBatchOf = ({ batchCid, rootHash, projectsRootHash }: RootOnlyBatch) => ({
  batchCid,
  finalizedCidsRootHash: rootHash as Hex,
  projectIdsRootHash: projectsRootHash as Hex,
})

/** The deployed contracts know the first of the two functions only. */
function encodeVote(call: Extract<ProtocolCall, { readonly kind: 'submitBatchAttestation' }>, market: Hex): Hex {
  const abi = protocolStateAbi
  const args = [market, call.batchCid, BigInt(call.epochId), call.rootHash as Hex] as const
  return call.contentHash === undefined
    ? encodeFunctionData({ abi, functionName: 'submitBatchAttestation', args })
    : encodeFunctionData({ abi, functionName: 'submitContentAttestation', args: [...args, call.contentHash as Hex] })
}

/** What a vote must be able to take, whatever it would take now: all there is, where nobody knows how many projects there are. */
function voteGas(projectCount: number | undefined, gasMax: bigint): bigint {
  return projectCount === undefined ? gasMax : VOTE_GAS + BigInt(projectCount * FINAL_PROJECT_GAS)
}

/** A node that would not take the call, whatever gas it had. */
async function notEstimated(
  rpc: Rpc,
  { why, call, account }: { readonly why: NotTaken; readonly call: string; readonly account: Address },
  { message }: RpcRefusal,
): Promise<WeftError> {
  if (why !== 'CALL_UNFUNDED') return new WeftError(why, { call, detail: message })
  const haveWei = String(parseWei(rpc, 'eth_getBalance', await rpc.call('eth_getBalance', [account, 'latest'])))
  return new WeftError(why, { call, account, haveWei, neededWei: 'more' }, new Error(message))
}

/** The gas to offer, at most `gasMax`, or the contract's reason to refuse. Throws `CALL_GAS_HIGH` for what does not fit into it, `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`, and what the node says that a person must mend. */
export async function estimateGas(
  rpc: Rpc,
  call: Omit<Draft, 'gas'> & { readonly kind: string; readonly from: Address; readonly projectCount?: number | undefined },
  limit: Pick<GasLimit, 'now'>,
): Promise<bigint | string> {
  const { kind, value, projectCount, ...rest } = call
  const transaction = { ...rest, value: `0x${value.toString(16)}` }
  // At the latest block by name: left out, nodes differ in whether they count what waits in their own pool.
  const [answer, gasMax] = await Promise.all([rpc.ask('eth_estimateGas', [transaction, 'latest']), limit.now()])
  if (answer.isOk) {
    const estimate = BigInt(parseAnswer(rpc, 'eth_estimateGas', () => parseQuantity(answer.result)))
    if (estimate > gasMax)
      throw new WeftError('CALL_GAS_HIGH', { call: kind, detail: `it takes ${estimate} gas of the ${gasMax} that a transaction may have` })
    const gas = gasWithMargin(estimate)
    return least(gasMax, kind === 'submitBatchAttestation' ? greatest(gas, voteGas(projectCount, gasMax)) : gas)
  }
  if (isRevert(answer.refusal)) return revertReason(answer.refusal)
  const why = whyNotTaken(answer.refusal)
  if (why !== undefined && needsPerson(why)) throw await notEstimated(rpc, { why, call: kind, account: call.from }, answer.refusal)
  throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'eth_estimateGas', detail: answer.refusal.message })
}

/** What a signed transaction would do, to sign it anew. */
export function draftOf(raw: Hex): Draft {
  const { to, data, value, gas } = parseTransaction(raw)
  const draft = { data: data ?? '0x', value: value ?? 0n, gas: gas ?? 0n } as const
  return typeof to === 'string' ? { ...draft, to: to.toLowerCase() as Address } : draft
}

/** The most that a signed transaction may take from its account. */
export function costOf(raw: Hex): bigint {
  const { gas = 0n, value = 0n, gasPrice, maxFeePerGas } = parseTransaction(raw)
  return gas * (maxFeePerGas ?? gasPrice ?? 0n) + value
}

const bytesOf = (hex: Hex): Uint8Array => Uint8Array.fromHex(hex.slice(2))

/** Throws as the signer does. */
export async function sign(
  signer: Pick<Signer, 'signHashOf'>,
  transaction: { readonly chainId: number; readonly nonce: number; readonly draft: Draft; readonly fees: Fees },
): Promise<Signed> {
  const { chainId, nonce, draft, fees } = transaction
  const unsigned = {
    chainId,
    nonce,
    ...draft,
    ...fees,
    type: 'gasPrice' in fees ? 'legacy' : 'eip1559',
  } as TransactionSerializable
  const signature = await signer.signHashOf(bytesOf(serializeTransaction(unsigned)))
  const [r, s, v]: readonly Hex[] = [`0x${signature.slice(0, 64)}`, `0x${signature.slice(64, 128)}`, `0x${signature.slice(128)}`]
  const raw = serializeTransaction(unsigned, { r: r as Hex, s: s as Hex, v: BigInt(v as Hex) })
  return { raw, hash: parseHash(`0x${keccak256(bytesOf(raw)).toHex()}`) }
}

/** Who has sent a transaction; `undefined` of one that the endpoint does not have. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function senderOfTransaction(rpc: Rpc, transactionHash: Hash): Promise<Address | undefined> {
  const answer = await rpc.call('eth_getTransactionByHash', [transactionHash])
  return parseAnswer(rpc, 'eth_getTransactionByHash', () => {
    const from = (answer as { readonly from?: unknown } | null)?.from
    return answer === null ? undefined : parseAddress(String(from))
  })
}

/** Transactions of the account in the chain up to `block`: all nonces below are used up. */
export async function countTransactions(rpc: Rpc, address: Address, block: number | 'latest' | 'pending'): Promise<number> {
  const answer = await rpc.call('eth_getTransactionCount', [address, typeof block === 'string' ? block : quantity(block)])
  return parseAnswer(rpc, 'eth_getTransactionCount', () => parseQuantity(answer))
}
