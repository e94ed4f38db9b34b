import { decodeErrorResult } from 'viem'
import type { RpcRefusal } from './rpc.ts'

/** JSON-RPC error code of a revert (execution-apis). */
const REVERT_CODE = 3

/** Whether the node ran the call and the contract refused it, rather than the node refusing to run it. */
export function isRevert(refusal: RpcRefusal): boolean {
  return refusal.code === REVERT_CODE || refusal.data !== undefined
}

/** The contract's own words: the reason string (`E25`), a panic's code, a custom error's selector. */
export function revertReason(refusal: RpcRefusal): string {
  if (refusal.data === undefined || refusal.data === '0x') return 'reverted without a reason'
  try {
    const { errorName, args } = decodeErrorResult({ data: refusal.data as `0x${string}` })
    return errorName === 'Error' ? String(args?.[0]) : `${errorName} ${String(args?.[0])}`
  } catch (cause) {
    // viem knows no other error here; the selector says which one it is.
    return `${refusal.data.slice(0, 10)} (${(cause as Error).name})`
  }
}
