import { decodeErrorResult, parseAbi } from 'viem/utils'
import { dataMarketAbi } from '#wire/abi/data-market.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import type { RpcRefusal } from './answer.ts'

/** JSON-RPC error codes of a revert: execution-apis, and what Parity began and Nethermind kept. */
const REVERT_CODES = [3, -32_015]
/** JSON-RPC's own: the call was not understood, not allowed, or asked too often. Whatever else is said, it was not run. */
const NOT_RUN_CODES = [-32_700, -32_600, -32_601, -32_602, -32_005, -32_004, 429]
const SELECTOR_LENGTH = '0x12345678'.length
/**
 * The words of those that say it under a code of any meaning: geth and Erigon of before, Besu, Nethermind, Ganache, Hardhat, Frontier, Hedera,
 * Filecoin. At the beginning only: whatever a contract wrote itself comes behind them.
 */
const OF_A_REVERT =
  /^(?:error: )?(?:vm exception while processing transaction:? ?|vm execution error[.:]? ?|(?:contract |transaction |message )?execution (?:was |failed: exit 33, )?|transaction )?revert(?:ed)?\b|^(?:\[Request ID: [\w-]+\] )?CONTRACT_REVERT_EXECUTED|^(?:error: )?reverted with /i

/** Whether the node ran the call and the contract refused it, rather than the node refusing to run it. */
export function isRevert({ code, message, data }: RpcRefusal): boolean {
  if (code === REVERT_CODES[0]) return true
  if (data !== undefined && data.length >= SELECTOR_LENGTH) return true
  if (NOT_RUN_CODES.includes(code)) return false
  return (data !== undefined && REVERT_CODES.includes(code)) || OF_A_REVERT.test(message)
}

/** What some nodes answer to a call that reverts without data; with the same code they say that they lack a block, or are too busy. */
const SERVER_ERROR_CODE = -32_000
const OF_A_BARE_REVERT = /revert|invalid opcode/i

/** As `isRevert`, also in the words of nodes that tell it of a call without data, as every contract refuses that lacks the function. */
export const isRefusedByContract = (refusal: RpcRefusal): boolean =>
  isRevert(refusal) || (refusal.code === SERVER_ERROR_CODE && OF_A_BARE_REVERT.test(refusal.message))

/**
 * What nodes say of code that cannot be run to its end. JSON-RPC has no code of its own for it, so the text must do. Out of gas is among
 * them: that is the same on every node only for a call that names its gas.
 */
const FAULTS = [
  // geth, Erigon
  'invalid opcode',
  'invalid jump destination',
  'stack underflow',
  'stack limit reached',
  'return data out of bounds',
  'gas uint64 overflow',
  'out of gas',
  // reth, anvil
  'InvalidFEOpcode',
  'OpcodeNotFound',
  'NotActivated',
  'InvalidJump',
  'StackUnderflow',
  'StackOverflow',
  'OutOfOffset',
  '(?:Memory|MemoryLimit|Precompile|InvalidOperand)OOG',
  'OutOfGas',
  // Nethermind, beside those that others have too
  'BadInstruction',
  'BadJumpDestination',
  'AccessViolation',
]
const OF_A_FAULT = new RegExp(`^(?:EVM error:? ?)?(?:${FAULTS.join('|')})\\b`, 'i')

/** Whether the node ran the call and the contract's code is at fault, as that of tokens older than `revert`. On every node the same, given the same gas. */
export function isCodeFault(refusal: RpcRefusal): boolean {
  return OF_A_FAULT.test(refusal.message)
}

/** All that a contract may answer. A market's errors come through the protocol state as they are. */
const ERRORS = [
  ...parseAbi(['error Error(string reason)', 'error Panic(uint256 code)']),
  ...[...protocolStateAbi, ...dataMarketAbi, ...nodesAbi].filter((entry) => entry.type === 'error'),
]

/** The contract's own words: the reason string (`E25`), a custom error or a panic with its arguments by name, or the selector of an unknown one. */
export function revertReason(refusal: RpcRefusal): string {
  if (refusal.data === undefined || refusal.data === '0x') return 'reverted without a reason'
  try {
    const { errorName, args = [], abiItem } = decodeErrorResult({ abi: ERRORS, data: refusal.data as `0x${string}` })
    if (errorName === 'Error') return String(args[0])
    return [errorName, ...abiItem.inputs.map(({ name }, index) => `${name}=${args[index]}`)].join(' ')
  } catch (cause) {
    // Not one of ours; the selector says which one it is.
    return `${refusal.data.slice(0, 10)} (${(cause as Error).name})`
  }
}
