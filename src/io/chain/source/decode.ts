import {
  concat,
  decodeAbiParameters,
  decodeEventLog,
  encodeAbiParameters,
  parseAbiItem,
  toEventSelector,
  toFunctionSelector,
} from 'viem/utils'
import type { AbiEvent, AbiFunction, AbiParameter } from 'viem'
import type { ChainEvent, ChainValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { SourceChain } from '#io/chain/port.ts'
import type { RawLog } from '#io/chain/read/events.ts'

type Hex = `0x${string}`
type ReadCall = Parameters<SourceChain['read']>[0]

/** Signatures parsed and kept: compute modules name a few dozen, again and again. */
const SIGNATURES_MAX = 1_000

/** Texts as their bytes: viem drops the mark that a text may begin with (U+FEFF), and a name with it would be another one than deployed nodes publish. */
function withBytes(parameter: AbiParameter): AbiParameter {
  const type = parameter.type.replace(/^string/, 'bytes')
  if (!('components' in parameter)) return { ...parameter, type }
  return { ...parameter, type, components: parameter.components.map(withBytes) }
}

const textOf = (hex: string): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.fromHex(hex.slice(2)))

/** A value as compute modules see it: every integer bigint, every address and byte string in lower case, every struct a list. `isBytes`: texts came as their bytes. */
function plainValue(value: unknown, parameter: AbiParameter, isBytes = false): ChainValue {
  const element = /^(.*)\[\d*\]$/.exec(parameter.type)?.[1]
  if (element !== undefined) return (value as readonly unknown[]).map((item) => plainValue(item, { ...parameter, type: element }, isBytes))
  if (parameter.type === 'tuple') {
    const components = (parameter as { readonly components: readonly AbiParameter[] }).components
    return components.map((component, index) => plainValue((value as Record<string, unknown>)[component.name || index], component, isBytes))
  }
  if (typeof value === 'number') return BigInt(value)
  if (parameter.type === 'string' && isBytes) return textOf(String(value))
  if (parameter.type === 'address' || parameter.type.startsWith('bytes')) return String(value).toLowerCase()
  return value as ChainValue
}

/** With what it is called by, for that is a hash, and dear. */
type Selected<Item> = Item & { readonly selector: Hex }
type Known = Selected<AbiFunction> | Selected<AbiEvent>

/** Parses human-readable signatures, each once. A malformed one is the compute module's mistake: `CALL_REVERTED`, which says so. */
export function createSignatures() {
  const known = new Map<string, Known>()
  function parse(signature: string): Known {
    try {
      const item = parseAbiItem(signature) as AbiFunction | AbiEvent
      return item.type === 'event' ? { ...item, selector: toEventSelector(item) } : { ...item, selector: toFunctionSelector(item) }
    } catch (cause) {
      throw new WeftError('CALL_REVERTED', { call: signature.slice(0, 200), reason: 'not a signature' }, cause)
    }
  }
  function lookup(signature: string): Known {
    const item = known.get(signature) ?? parse(signature)
    if (!known.has(signature) && known.size >= SIGNATURES_MAX) known.delete(known.keys().next().value as string)
    known.set(signature, item)
    return item
  }
  return {
    function(signature: string): Selected<AbiFunction> {
      const item = lookup(signature)
      if (item.type !== 'function') throw new WeftError('CALL_REVERTED', { call: signature.slice(0, 200), reason: 'not a function' })
      return item
    },
    event(signature: string): Selected<AbiEvent> {
      const item = lookup(signature)
      if (item.type !== 'event') throw new WeftError('CALL_REVERTED', { call: signature.slice(0, 200), reason: 'not an event' })
      return item
    },
  }
}
export type Signatures = ReturnType<typeof createSignatures>

export function encodeCall(item: Selected<AbiFunction>, call: ReadCall): Hex {
  try {
    return concat([item.selector, encodeAbiParameters(item.inputs, call.args)])
  } catch (cause) {
    throw new WeftError('CALL_REVERTED', { call: call.function, reason: 'the arguments do not fit the signature' }, cause)
  }
}

export function decodeOutputs(item: AbiFunction, call: ReadCall, data: Hex): readonly ChainValue[] {
  try {
    const values: readonly unknown[] = decodeAbiParameters(item.outputs.map(withBytes), data)
    return item.outputs.map((output, index) => plainValue(values[index], output, true))
  } catch (cause) {
    // No contract at that address at that block, or one of another kind: the same on every node.
    throw new WeftError('CALL_REVERTED', { call: call.function, reason: `the answer of ${call.address} is not of that form` }, cause)
  }
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
    // As all errors of viem have, whose class only the whole of it gives.
    if (cause instanceof Error && 'shortMessage' in cause) return undefined
    throw cause
  }
  return Object.fromEntries(
    inputs.map((input) => [input.name, plainValue(args[input.name], isHashed(input) ? { type: 'bytes32' } : input)]),
  )
}

export function decodeLog(raw: RawLog, items: readonly AbiEvent[]): ChainEvent | undefined {
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
