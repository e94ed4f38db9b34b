import { parseTransaction } from 'viem/utils'
import { readHeader } from '#io/chain/rpc/block.ts'
import { parseAnswer } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'

/** What a transaction offers per gas: with base fee (EIP-1559) or without. */
export type Fees = { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint } | { readonly gasPrice: bigint }

/** What to offer now, and above what nothing is offered, a replacement neither. */
export interface Suggestion {
  readonly fees: Fees
  readonly capWei: bigint
}

/** Blocks whose fees are looked at: a spell of full blocks has shown by then, and every node has as many at hand. */
const HISTORY_BLOCKS = 20
/** The tip that half of a block's gas paid at most. */
const TIP_PERCENTILE = 50
/** Where nobody has set a cap it is so many times what the chain has taken lately: base fee and tip have doubled three times by then. */
const CAP_TIMES = 10n
/** Less than this nobody minds, and on a chain that is nearly free ten times nothing is nothing. */
const CAP_MIN_WEI = 10_000_000_000n

export const least = (left: bigint, right: bigint): bigint => (left < right ? left : right)
export const greatest = (left: bigint, right: bigint): bigint => (left > right ? left : right)
/** Any amount; throws `CHAIN_ANSWER_INVALID`. */
export const parseWei = (rpc: Rpc, method: string, answer: unknown): bigint => parseAnswer(rpc, method, () => BigInt(String(answer)))

interface History {
  /** Highest base fee, that of the next block among them. */
  readonly baseFeeMax: bigint
  /** Of the next block. */
  readonly baseFeeNext: bigint
  /** The tip in the middle of those that blocks with transactions took; `undefined` when there were none. */
  readonly tip: bigint | undefined
}

/** `undefined` for what is no history: many nodes have a few `null` in it, or none at all. */
function parseHistory(result: unknown): History | undefined {
  const { baseFeePerGas, reward, gasUsedRatio } = (result ?? {}) as Readonly<Record<string, unknown>>
  if (!Array.isArray(baseFeePerGas) || !isWeiList(baseFeePerGas)) return undefined
  const baseFees = baseFeePerGas.map(BigInt)
  const rewards = (Array.isArray(reward) ? reward : []).map((row: unknown) => (Array.isArray(row) ? row[0] : undefined))
  const isUsed = (index: number): boolean => Array.isArray(gasUsedRatio) && Number(gasUsedRatio[index]) > 0
  const taken = rewards.filter((tip, index) => isUsed(index) && isWeiList([tip])).map((tip) => BigInt(String(tip)))
  const tips = taken.sort((left, right) => (left < right ? -1 : 1))
  const [baseFeeMax, baseFeeNext] = [baseFees.reduce(greatest), baseFees.at(-1) as bigint]
  return { baseFeeMax, baseFeeNext, tip: tips[Math.floor(tips.length / 2)] }
}

const isWeiList = (list: readonly unknown[]): list is string[] =>
  list.length > 0 && list.every((item) => typeof item === 'string' && /^0x[0-9a-f]+$/i.test(item))

/**
 * From what blocks have lately taken: twice the base fee of the next one, so that the transaction stays good while blocks are full six times in
 * a row, and the tip in the middle; from what the node suggests where it knows no history; `eth_gasPrice` on chains without base fee.
 * `feePerGasMaxWei`: never more, if given. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`.
 */
export async function suggestFees(rpc: Rpc, feePerGasMaxWei?: bigint): Promise<Suggestion> {
  const [header, history, suggested] = await Promise.all([
    readHeader(rpc, 'latest'),
    rpc.ask('eth_feeHistory', [`0x${HISTORY_BLOCKS.toString(16)}`, 'latest', [TIP_PERCENTILE]]),
    rpc.ask('eth_maxPriorityFeePerGas', []),
  ])
  const capOf = (usual: bigint): bigint => feePerGasMaxWei ?? greatest(CAP_TIMES * usual, CAP_MIN_WEI)
  const baseFee = header?.baseFeePerGas
  if (baseFee === undefined) {
    const gasPrice = parseWei(rpc, 'eth_gasPrice', await rpc.call('eth_gasPrice', []))
    const capWei = capOf(gasPrice)
    return { fees: { gasPrice: least(gasPrice, capWei) }, capWei }
  }
  const past = history.isOk ? parseHistory(history.result) : undefined
  const tip = past?.tip ?? (suggested.isOk ? parseWei(rpc, 'eth_maxPriorityFeePerGas', suggested.result) : await tipInPrice(rpc, baseFee))
  const next = greatest(past?.baseFeeNext ?? baseFee, baseFee)
  // What only the node says of tips is not what the chain has taken.
  const capWei = capOf(greatest(past?.baseFeeMax ?? 0n, next) + (past?.tip ?? (past === undefined ? tip : 0n)))
  const maxFeePerGas = least(greatest(2n * next + tip, 1n), capWei)
  return { fees: { maxFeePerGas, maxPriorityFeePerGas: least(tip, maxFeePerGas) }, capWei }
}

/** What a node that knows of no tips adds to the base fee: nothing, on a chain without them. */
async function tipInPrice(rpc: Rpc, baseFee: bigint): Promise<bigint> {
  const answer = await rpc.ask('eth_gasPrice', [])
  return answer.isOk ? greatest(parseWei(rpc, 'eth_gasPrice', answer.result) - baseFee, 0n) : 0n
}

/** A quarter more than before, as nodes ask of a replacement (they ask for a tenth), or the suggestion if that is more. */
function raised(before: bigint, suggested: bigint): bigint {
  return greatest((before * 5n) / 4n + 1n, suggested)
}

/** Fees for a replacement of `raw`; `undefined` when they would be above the cap. */
export function raiseFees(raw: `0x${string}`, { fees: suggested, capWei }: Suggestion): Fees | undefined {
  const before = parseTransaction(raw)
  if ('gasPrice' in suggested) {
    const gasPrice = raised(before.gasPrice ?? 0n, suggested.gasPrice)
    return gasPrice > capWei ? undefined : { gasPrice }
  }
  const maxPriorityFeePerGas = raised(before.maxPriorityFeePerGas ?? 0n, suggested.maxPriorityFeePerGas)
  const maxFeePerGas = greatest(raised(before.maxFeePerGas ?? 0n, suggested.maxFeePerGas), maxPriorityFeePerGas)
  return maxFeePerGas > capWei ? undefined : { maxFeePerGas, maxPriorityFeePerGas }
}
