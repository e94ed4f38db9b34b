import type { ChainValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { SourceChain } from '#io/chain/port.ts'
import { createProofs, type ProofOptions } from '#io/chain/proof/proofs.ts'
import { quantity, readBlock, readHead } from '#io/chain/rpc/block.ts'
import type { OnEndpointTrouble, OnEndpointUse } from '#io/chain/rpc/health.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { handedOut } from '#io/chain/rpc/reach.ts'
import { isCodeFault, isRevert, revertReason } from '#io/chain/rpc/revert.ts'
import { assertChainId, createRpc } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createSignatures, decodeOutputs, encodeCall, type Signatures } from './decode.ts'
import { createEventReader } from './events.ts'
import { createStateReader, type StateReader } from './state.ts'
import { createTogether } from './together.ts'
import { readTransactions } from './transactions.ts'

type Hex = `0x${string}`
type ReadCall = Parameters<SourceChain['read']>[0]

/**
 * Gas of every read, so that running out of it is the contract's answer and no node's: what a transaction may take at most (EIP-7825),
 * which is less than any node allows a call (geth 50 million, anvil 30).
 */
const GAS = quantity(16_777_216)

interface Reading {
  readonly rpc: Rpc
  readonly signatures: Signatures
  readonly reader: StateReader
}

async function readAt({ rpc, signatures, reader }: Reading, call: ReadCall): Promise<readonly ChainValue[]> {
  const item = signatures.function(call.function)
  const data = encodeCall(item, call)
  const answer = await reader(call, { to: call.address, data, gas: GAS })
  if (answer.isOk) return decodeOutputs(item, call, answer.result as Hex)
  const { refusal } = answer
  if (isRevert(refusal)) throw new WeftError('CALL_REVERTED', { call: call.function, reason: revertReason(refusal) })
  if (isCodeFault(refusal)) throw new WeftError('CALL_REVERTED', { call: call.function, reason: refusal.message.slice(0, 200) })
  throw new WeftError('CHAIN_ANSWER_INVALID', {
    endpoint: rpc.endpoint,
    method: 'eth_call',
    detail: `${refusal.message} (${refusal.code})`,
  })
}

/** Reads the source chain through any standard JSON-RPC node. Throws `CHAIN_WRONG`, `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function connectSourceChain(options: {
  readonly rpcUrl: string
  readonly chainId: number
  readonly clock: Pace
  /** Told which of several endpoints does what it should not. */
  readonly onEndpointTrouble?: OnEndpointTrouble
  readonly onEndpointUse?: OnEndpointUse
  /** Without it what endpoints say is believed. */
  readonly proofs?: ProofOptions
}): Promise<SourceChain> {
  const { rpcUrl, chainId, clock, onEndpointTrouble, onEndpointUse } = options
  const proofs = options.proofs && createProofs(options.proofs)
  const rpc = createRpc({ rpcUrl, chainId, pause: clock, onEndpointTrouble, onEndpointUse, judge: proofs?.judge })
  await assertChainId(rpc, chainId)
  await proofs?.survey(rpc)
  const signatures = createSignatures()
  const reading = { rpc, signatures, reader: createTogether(rpc, createStateReader(rpc)) }
  return {
    head: (tag) => handedOut(readHead(rpc, tag), rpc.reach),
    block: (number) => handedOut(readBlock(rpc, number), rpc.reach),
    read: (call) => readAt(reading, call),
    events: createEventReader(rpc, signatures),
    transactions: (block) => readTransactions(rpc, block),
  }
}
