import { BaseError, decodeEventLog, decodeFunctionResult, encodeFunctionData, parseAbiItem, toEventSelector } from 'viem'
import type { AbiEvent, AbiFunction, AbiParameter } from 'viem'
import type { ChainEvent, ChainValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { SourceChain } from '#io/chain/port.ts'
import { createProofs, type ProofOptions } from '#io/chain/proof/proofs.ts'
import type { RawLog } from '#io/chain/read/events.ts'
import { readLinkedLogs, readLogs } from '#io/chain/read/logs.ts'
import { quantity, readBlock, readHead } from '#io/chain/rpc/block.ts'
import type { OnEndpointTrouble } from '#io/chain/rpc/health.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { handedOut } from '#io/chain/rpc/reach.ts'
import { isCodeFault, isRevert, revertReason } from '#io/chain/rpc/revert.ts'
import { assertChainId, createRpc } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createStateReader, type StateReader } from './state.ts'

type Hex = `0x${string}`
type ReadCall = Parameters<SourceChain['read']>[0]
type EventFilter = Parameters<SourceChain['events']>[0]

/** Signatures parsed and kept: compute modules name a few dozen, again and again. */
const SIGNATURES_MAX = 1_000

/**
 * Gas of every read, so that running out of it is the contract's answer and no node's: what a transaction may take at most (EIP-7825),
 * which is less than any node allows a call (geth 50 million, anvil 30).
 */
const GAS = quantity(16_777_216)

/** A value as compute modules see it: every integer bigint, every address and byte string in lower case, every struct a list. */
function plainValue(value: unknown, parameter: AbiParameter): ChainValue {
  const element = /^(.*)\[\d*\]$/.exec(parameter.type)?.[1]
  if (element !== undefined) return (value as readonly unknown[]).map((item) => plainValue(item, { ...parameter, type: element }))
  if (parameter.type === 'tuple') {
    const components = (parameter as { readonly components: readonly AbiParameter[] }).components
    return components.map((component, index) => plainValue((value as Record<string, unknown>)[component.name || index], component))
  }
  if (typeof value === 'number') return BigInt(value)
  if (parameter.type === 'address' || parameter.type.startsWith('bytes')) return String(value).toLowerCase()
  return value as ChainValue
}

/** Parses human-readable signatures, each once. A malformed one is the compute module's mistake: `CALL_REVERTED`, which says so. */
export function createSignatures() {
  const known = new Map<string, AbiFunction | AbiEvent>()
  function parse(signature: string): AbiFunction | AbiEvent {
    try {
      return parseAbiItem(signature) as AbiFunction | AbiEvent
    } catch (cause) {
      throw new WeftError('CALL_REVERTED', { call: signature.slice(0, 200), reason: 'not a signature' }, cause)
    }
  }
  function lookup(signature: string): AbiFunction | AbiEvent {
    const item = known.get(signature) ?? parse(signature)
    if (!known.has(signature) && known.size >= SIGNATURES_MAX) known.delete(known.keys().next().value as string)
    known.set(signature, item)
    return item
  }
  return {
    function(signature: string): AbiFunction {
      const item = lookup(signature)
      if (item.type !== 'function') throw new WeftError('CALL_REVERTED', { call: signature.slice(0, 200), reason: 'not a function' })
      return item
    },
    event(signature: string): AbiEvent {
      const item = lookup(signature)
      if (item.type !== 'event') throw new WeftError('CALL_REVERTED', { call: signature.slice(0, 200), reason: 'not an event' })
      return item
    },
  }
}
type Signatures = ReturnType<typeof createSignatures>

interface Reading {
  readonly rpc: Rpc
  readonly signatures: Signatures
  readonly reader: StateReader
}

function encodeCall(item: AbiFunction, call: ReadCall): Hex {
  try {
    return encodeFunctionData({ abi: [item], functionName: item.name, args: call.args })
  } catch (cause) {
    throw new WeftError('CALL_REVERTED', { call: call.function, reason: 'the arguments do not fit the signature' }, cause)
  }
}

function decodeOutputs(item: AbiFunction, call: ReadCall, data: Hex): readonly ChainValue[] {
  try {
    const decoded: unknown = decodeFunctionResult({ abi: [item], functionName: item.name, data })
    const values = item.outputs.length === 1 ? [decoded] : ((decoded ?? []) as readonly unknown[])
    return item.outputs.map((output, index) => plainValue(values[index], output))
  } catch (cause) {
    // No contract at that address at that block, or one of another kind: the same on every node.
    throw new WeftError('CALL_REVERTED', { call: call.function, reason: `the answer of ${call.address} is not of that form` }, cause)
  }
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

/** An event's inputs, those without a name called by their position. */
function namedInputs(item: AbiEvent) {
  return item.inputs.map((input, index) => ({ ...input, name: input.name || String(index) }))
}

/** `undefined` for a log that has the topic of the event but not its form, as when an `indexed` differs: it is another event. */
function argumentsOf(raw: RawLog, item: AbiEvent): Record<string, ChainValue> | undefined {
  const inputs = namedInputs(item)
  let args: Record<string, unknown>
  try {
    args = decodeEventLog({ abi: [{ ...item, inputs }], data: raw.data as Hex, topics: raw.topics as [Hex, ...Hex[]] }).args as never
  } catch (cause) {
    if (cause instanceof BaseError) return undefined
    throw cause
  }
  return Object.fromEntries(
    inputs.map((input) => [input.name, plainValue(args[input.name], isHashed(input) ? { type: 'bytes32' } : input)]),
  )
}

function decodeLog(raw: RawLog, items: readonly AbiEvent[]): ChainEvent | undefined {
  const { address, blockNumber, logIndex, transactionHash } = raw
  for (const item of items) {
    const args = argumentsOf(raw, item)
    if (args !== undefined) return { name: item.name, args, address, blockNumber, logIndex, transactionHash }
  }
  return undefined
}

/** Indexed strings, bytes, arrays and structs are in the log as their hash only. */
function isHashed(input: { readonly type: string; readonly indexed?: boolean | undefined }): boolean {
  return input.indexed === true && (input.type === 'string' || input.type === 'bytes' || input.type.endsWith(']') || input.type === 'tuple')
}

async function readEvents(rpc: Rpc, signatures: Signatures, filter: EventFilter): Promise<readonly ChainEvent[]> {
  const items = filter.events.map((signature) => signatures.event(signature))
  const topics = [items.map((item) => toEventSelector(item))]
  const { toBlockHash } = filter
  const filters = [{ address: filter.address, topics }]
  const logs = toBlockHash === undefined ? readLogs(rpc, filters, filter) : readLinkedLogs(rpc, filters, { ...filter, toBlockHash })
  const events = (await logs).map((raw) => decodeLog(raw, items)).filter((event) => event !== undefined)
  return events.sort((left, right) => left.blockNumber - right.blockNumber || left.logIndex - right.logIndex)
}

/** Reads the source chain through any standard JSON-RPC node. Throws `CHAIN_WRONG`, `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export async function connectSourceChain(options: {
  readonly rpcUrl: string
  readonly chainId: number
  readonly clock: Pace
  /** Told which of several endpoints does what it should not. */
  readonly onEndpointTrouble?: OnEndpointTrouble
  /** Without it what endpoints say is believed. */
  readonly proofs?: ProofOptions
}): Promise<SourceChain> {
  const { rpcUrl, chainId, clock, onEndpointTrouble } = options
  const proofs = options.proofs && createProofs(options.proofs)
  const rpc = createRpc({ rpcUrl, chainId, pause: clock, onEndpointTrouble, judge: proofs?.judge })
  await assertChainId(rpc, chainId)
  await proofs?.survey(rpc)
  const signatures = createSignatures()
  const reading = { rpc, signatures, reader: createStateReader(rpc) }
  return {
    head: (tag) => handedOut(readHead(rpc, tag), rpc.reach),
    block: (number) => handedOut(readBlock(rpc, number), rpc.reach),
    read: (call) => readAt(reading, call),
    events: (filter) => readEvents(rpc, signatures, filter),
  }
}
