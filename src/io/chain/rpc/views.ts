import { decodeFunctionResult, encodeFunctionData } from 'viem/utils'
import type { Abi, ContractFunctionArgs, ContractFunctionName, ContractFunctionReturnType } from 'viem'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import type { RpcAnswer } from './answer.ts'
import { quantity } from './block.ts'
import { isRefusedByContract } from './revert.ts'
import type { Rpc } from './rpc.ts'

/** Reads the view functions of one contract, at the latest block or as of the end of `at`. */
export type View<ContractAbi extends Abi> = <Name extends ContractFunctionName<ContractAbi, 'view' | 'pure'>>(
  functionName: Name,
  args: ContractFunctionArgs<ContractAbi, 'view' | 'pure', Name>,
  at?: BlockNumber,
) => Promise<ContractFunctionReturnType<ContractAbi, 'view' | 'pure', Name>>

/** The same for functions that a contract may lack: `undefined`. */
export interface OptionalView<ContractAbi extends Abi> {
  // biome-ignore lint/style/useShorthandFunctionType: an alias is compared anew wherever it is passed on, too deep for the compiler.
  <Name extends ContractFunctionName<ContractAbi, 'view' | 'pure'>>(
    functionName: Name,
    args: ContractFunctionArgs<ContractAbi, 'view' | 'pure', Name>,
  ): Promise<ContractFunctionReturnType<ContractAbi, 'view' | 'pure', Name> | undefined>
}

/** Of a contract that takes calls of whatever function, and does nothing. */
const NOTHING = '0x'

function paramsOf(
  abi: Abi,
  address: Address,
  call: { readonly functionName: string; readonly args: unknown },
  at?: BlockNumber,
): unknown[] {
  const data = encodeFunctionData({ abi, ...call } as Parameters<typeof encodeFunctionData>[0])
  return [{ to: address, data }, at === undefined ? 'latest' : quantity(at)]
}

function resultOf(rpc: Rpc, abi: Abi, address: Address, answer: { readonly functionName: string; readonly data: unknown }): never {
  try {
    return decodeFunctionResult({ abi, ...answer } as unknown as Parameters<typeof decodeFunctionResult>[0]) as never
  } catch (cause) {
    const detail = `not an answer of that function by ${address}`
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: answer.functionName, detail }, cause)
  }
}

/** Whether that is what a contract without the function answers. */
const isMissing = (answer: RpcAnswer): boolean => (answer.isOk ? answer.result === NOTHING : isRefusedByContract(answer.refusal))

/** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. Views called in one turn travel as one request. */
export function createView<const ContractAbi extends Abi>(rpc: Rpc, abi: ContractAbi, address: Address): View<ContractAbi> {
  return async (functionName, args, at) => {
    const data = await rpc.call('eth_call', paramsOf(abi, address, { functionName, args }, at))
    return resultOf(rpc, abi, address, { functionName, data })
  }
}

/**
 * As `createView`, for what Weft's contracts have beyond the deployed ones. Contracts are upgraded, never taken back: once it has seen a
 * function, an endpoint that lacks it is one that fails, and no contract of before (`CHAIN_ANSWER_INVALID`).
 */
export function createOptionalView<const ContractAbi extends Abi>(rpc: Rpc, abi: ContractAbi, address: Address): OptionalView<ContractAbi> {
  const seen = new Set<string>()
  return async (functionName, args) => {
    const invalid = (detail: string) => new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: functionName, detail })
    const answer = await rpc.ask('eth_call', paramsOf(abi, address, { functionName, args }))
    if (!isMissing(answer)) {
      if (!answer.isOk) throw invalid(`${answer.refusal.message} (${answer.refusal.code})`)
      const result = resultOf(rpc, abi, address, { functionName, data: answer.result })
      seen.add(functionName)
      return result
    }
    if (seen.has(functionName)) throw invalid(`${address} had that function before`)
    return undefined
  }
}
