import { decodeFunctionResult, encodeFunctionData } from 'viem'
import type { Abi, ContractFunctionArgs, ContractFunctionName, ContractFunctionReturnType } from 'viem'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import type { Rpc } from './rpc.ts'

/** Reads the view functions of one contract at the latest block. */
export type View<ContractAbi extends Abi> = <Name extends ContractFunctionName<ContractAbi, 'view' | 'pure'>>(
  functionName: Name,
  args: ContractFunctionArgs<ContractAbi, 'view' | 'pure', Name>,
) => Promise<ContractFunctionReturnType<ContractAbi, 'view' | 'pure', Name>>

/** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. Views called in one turn travel as one request. */
export function createView<const ContractAbi extends Abi>(rpc: Rpc, abi: ContractAbi, address: Address): View<ContractAbi> {
  return async (functionName, args) => {
    const call = { abi, functionName, args } as Parameters<typeof encodeFunctionData>[0]
    const data = await rpc.call('eth_call', [{ to: address, data: encodeFunctionData(call) }, 'latest'])
    try {
      return decodeFunctionResult({ abi, functionName, data } as unknown as Parameters<typeof decodeFunctionResult>[0]) as never
    } catch (cause) {
      throw new WeftError(
        'CHAIN_ANSWER_INVALID',
        { endpoint: rpc.endpoint, method: functionName, detail: `not an answer of that function by ${address}` },
        cause,
      )
    }
  }
}
