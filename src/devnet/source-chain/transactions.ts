import type { Abi } from 'viem'
import { encodeFunctionData, parseAbi } from 'viem/utils'
import { WeftError } from '#domain/errors.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'

export type Hex = `0x${string}`

/** Accounts of nobody, impersonated on the development chain; fixed, so that the same seed trades on the same addresses. */
export const PROVIDER: Hex = '0x1000000000000000000000000000000000000001'
export const TRADERS: readonly Hex[] = [
  '0x2000000000000000000000000000000000000001',
  '0x2000000000000000000000000000000000000002',
  '0x2000000000000000000000000000000000000003',
]

/** Ether for WETH and for gas at any price. */
const BALANCE_WEI = 10n ** 27n

/** Lets us send for accounts of nobody, and makes them rich. */
export async function equip(rpc: Rpc, accounts: readonly Hex[]): Promise<void> {
  await rpc.all(accounts.map((account) => ({ method: 'anvil_impersonateAccount', params: [account] })))
  await rpc.all(accounts.map((account) => ({ method: 'anvil_setBalance', params: [account, `0x${BALANCE_WEI.toString(16)}`] })))
}

/** The dearest are the router's creation, 4.5 million, and a pair's, 3 million. */
export const GAS_CREATE = 6_000_000
const GAS_CALL = 400_000
const FEE_PER_GAS_WEI = 10n ** 12n
/** Each transaction of a group offers a little less than the one before, so that they are mined in their order whoever sent them. */
const TIP_FIRST_WEI = 10n ** 9n
const TIP_STEP_WEI = 10n ** 5n

export const ROUTER_ABI = parseAbi([
  'function addLiquidity(address tokenA, address tokenB, uint256 amountADesired, uint256 amountBDesired, uint256 amountAMin, uint256 amountBMin, address to, uint256 deadline)',
  'function removeLiquidity(address tokenA, address tokenB, uint256 liquidity, uint256 amountAMin, uint256 amountBMin, address to, uint256 deadline)',
  'function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline)',
])
/** The router's deadlines are in chain time, which nobody here needs. */
export const NO_DEADLINE = 2n ** 256n - 1n

export interface Transaction {
  readonly from: Hex
  /** Absent when it creates a contract. */
  readonly to?: Hex
  readonly data: Hex
  readonly value?: bigint
  readonly gas: number
}

/** A call of a contract by one of the accounts. */
export function call(
  from: Hex,
  to: Hex,
  fn: { readonly abi: Abi; readonly functionName: string; readonly args: readonly unknown[]; readonly gas?: number },
): Transaction {
  return { from, to, gas: fn.gas ?? GAS_CALL, data: encodeFunctionData(fn) }
}

export type Sent =
  | { readonly transaction: Transaction; readonly hash: string }
  | { readonly transaction: Transaction; readonly refusal: string }

/** Hands transactions to the chain in their order, nonces counted on from what waits there, in two requests. Nothing is mined. */
export async function send(rpc: Rpc, transactions: readonly Transaction[]): Promise<readonly Sent[]> {
  const senders = [...new Set(transactions.map(({ from }) => from))]
  const counts = await rpc.all(senders.map((sender) => ({ method: 'eth_getTransactionCount', params: [sender, 'pending'] })))
  const nonces = new Map(senders.map((sender, index) => [sender, Number(counts[index])]))
  return Promise.all(
    transactions.map(async (transaction, index) => {
      const nonce = nonces.get(transaction.from) as number
      nonces.set(transaction.from, nonce + 1)
      const answer = await rpc.ask('eth_sendTransaction', [fieldsOf(transaction, { nonce, index })])
      return answer.isOk ? { transaction, hash: String(answer.result) } : { transaction, refusal: answer.refusal.message }
    }),
  )
}

function fieldsOf(
  { from, to, data, value = 0n, gas }: Transaction,
  { nonce, index }: { nonce: number; index: number },
): Record<string, string> {
  const hex = (number: bigint | number): string => `0x${number.toString(16)}`
  const fees = { maxFeePerGas: hex(FEE_PER_GAS_WEI), maxPriorityFeePerGas: hex(TIP_FIRST_WEI - BigInt(index) * TIP_STEP_WEI) }
  return { from, ...(to === undefined ? {} : { to }), data, value: hex(value), gas: hex(gas), nonce: hex(nonce), ...fees }
}

/** The statuses of sent transactions; `undefined` while one is not mined. */
export async function outcomes(rpc: Rpc, hashes: readonly string[]): Promise<readonly ('done' | 'reverted' | undefined)[]> {
  const receipts = await rpc.all(hashes.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] })))
  return (receipts as ({ readonly status: string } | null)[]).map((receipt) =>
    receipt === null ? undefined : BigInt(receipt.status) === 1n ? 'done' : 'reverted',
  )
}

/** Blocks mined at most until a group is in: it takes the group's gas limits over the block's, four. */
const BLOCKS_MAX = 50

/** Sends and mines until all are in. Throws `CALL_REVERTED` when one is refused or reverts, `CALL_NOT_SETTLED` when they stay out. */
export async function execute(rpc: Rpc, transactions: readonly Transaction[]): Promise<void> {
  const reverted = (index: number, reason: string) =>
    new WeftError('CALL_REVERTED', { call: `step ${index + 1} of ${transactions.length} of the source market`, reason })
  const hashes = (await send(rpc, transactions)).map((sent, index) => {
    if ('refusal' in sent) throw reverted(index, sent.refusal)
    return sent.hash
  })
  for (let mined = 0; mined < BLOCKS_MAX; mined++) {
    await rpc.call('evm_mine', [])
    const found = await outcomes(rpc, hashes)
    if (found.includes('reverted')) throw reverted(found.indexOf('reverted'), 'reverted')
    if (!found.includes(undefined)) return
  }
  throw new WeftError('CALL_NOT_SETTLED', { call: 'source market', waitedMs: 0 })
}
