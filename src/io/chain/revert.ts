import { decodeErrorResult, parseAbi } from 'viem'
import type { RpcRefusal } from './rpc.ts'

/** JSON-RPC error code of a revert (execution-apis). */
const REVERT_CODE = 3

/** Whether the node ran the call and the contract refused it, rather than the node refusing to run it. */
export function isRevert(refusal: RpcRefusal): boolean {
  return refusal.code === REVERT_CODE || refusal.data !== undefined
}

/** The custom errors that the contracts raise on purpose; `Error` and `Panic` are known to every decoder. */
const CUSTOM_ERRORS = parseAbi([
  'error OwnableUnauthorizedAccount(address account)',
  'error OwnableInvalidOwner(address owner)',
  'error EnforcedPause()',
  'error ExpectedPause()',
  'error InvalidInitialization()',
  'error Error(string)',
  'error Panic(uint256)',
])

/** The contract's own words: the reason string (`E25`), a panic's code, a custom error with its arguments, or the selector of an unknown one. */
export function revertReason(refusal: RpcRefusal): string {
  if (refusal.data === undefined || refusal.data === '0x') return 'reverted without a reason'
  try {
    const { errorName, args } = decodeErrorResult({ abi: CUSTOM_ERRORS, data: refusal.data as `0x${string}` })
    return errorName === 'Error' ? String(args?.[0]) : [errorName, ...(args ?? [])].join(' ')
  } catch (cause) {
    // Not one of ours; the selector says which one it is.
    return `${refusal.data.slice(0, 10)} (${(cause as Error).name})`
  }
}
