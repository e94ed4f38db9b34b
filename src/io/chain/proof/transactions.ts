import { recoverAddress, toRlp } from 'viem/utils'
import { keccak256 } from '#wire/keccak.ts'
import { bare } from './header.ts'
import { orderedRoot } from './trie.ts'

type Hex = `0x${string}`
type Item = Hex | readonly Item[]
type Raw = Readonly<Record<string, unknown>>

const accessList = ({ accessList: list }: Raw): Item =>
  ((list ?? []) as readonly { readonly address: Hex; readonly storageKeys: readonly Hex[] }[]).map((each) => [
    each.address,
    each.storageKeys,
  ])
const authorizations = ({ authorizationList: list }: Raw): Item =>
  ((list ?? []) as readonly Raw[]).map((each) => [
    bare(each['chainId']),
    each['address'] as Hex,
    bare(each['nonce']),
    bare(each['yParity']),
    bare(each['r']),
    bare(each['s']),
  ])

const numbers = (raw: Raw, names: readonly string[]): Item[] => names.map((name) => bare(raw[name]))
const sent = (raw: Raw): Item[] => [(raw['to'] ?? '0x') as Hex, bare(raw['value']), raw['input'] as Hex]

const FEES = ['chainId', 'nonce', 'maxPriorityFeePerGas', 'maxFeePerGas', 'gas'] as const
/** What is signed of a transaction of each type, but for the chain of a legacy one. */
const SIGNED: Readonly<Record<number, (raw: Raw) => Item[]>> = {
  0: (raw) => [...numbers(raw, ['nonce', 'gasPrice', 'gas']), ...sent(raw)],
  1: (raw) => [...numbers(raw, ['chainId', 'nonce', 'gasPrice', 'gas']), ...sent(raw), accessList(raw)],
  2: (raw) => [...numbers(raw, FEES), ...sent(raw), accessList(raw)],
  3: (raw) => [
    ...numbers(raw, FEES),
    ...sent(raw),
    accessList(raw),
    bare(raw['maxFeePerBlobGas']),
    raw['blobVersionedHashes'] as readonly Hex[],
  ],
  4: (raw) => [...numbers(raw, FEES), ...sent(raw), accessList(raw), authorizations(raw)],
}
/** A deposit of a rollup of the OP stack, which nobody signs: its sender is part of it. */
const DEPOSIT = 0x7e

const typeOf = (raw: Raw): number => Number(raw['type'] ?? 0)
const typed = (type: number, body: Uint8Array): Uint8Array => (type === 0 ? body : Uint8Array.of(type, ...body))

/** Whether it is of a type whose form is known here: rollups have others. */
export const isKnownType = (raw: Raw): boolean => SIGNED[typeOf(raw)] !== undefined || typeOf(raw) === DEPOSIT

/** A transaction as its block's root covers it. */
function encoded(raw: Raw): Uint8Array {
  const type = typeOf(raw)
  if (type === DEPOSIT) {
    const { sourceHash, from, to, mint, value, gas, isSystemTx, input } = raw as Record<string, Hex>
    const fields = [sourceHash, from, to ?? '0x', bare(mint ?? '0x0'), bare(value), bare(gas), isSystemTx ? '0x01' : '0x', input]
    return typed(type, toRlp(fields as Hex[], 'bytes'))
  }
  const parity = type === 0 ? raw['v'] : (raw['yParity'] ?? raw['v'])
  const fields = [...(SIGNED[type] as (raw: Raw) => Item[])(raw), bare(parity), bare(raw['r']), bare(raw['s'])]
  return typed(type, toRlp(fields as Hex[], 'bytes'))
}

/** Who signed it. Throws whatever comes for what nobody did. */
async function signerOf(raw: Raw): Promise<string> {
  const type = typeOf(raw)
  const v = BigInt((type === 0 ? raw['v'] : (raw['yParity'] ?? raw['v'])) as string)
  const fields = (SIGNED[type] as (raw: Raw) => Item[])(raw)
  // EIP-155: the chain is signed too, and hidden in `v`.
  if (type === 0 && v >= 35n) fields.push(bare(`0x${((v - 35n) / 2n).toString(16)}`), '0x', '0x')
  const hash = `0x${keccak256(typed(type, toRlp(fields as Hex[], 'bytes'))).toHex()}` as const
  const yParity = type !== 0 ? v : v >= 35n ? (v - 35n) % 2n : v - 27n
  const wide = (value: unknown): Hex => `0x${String(value).slice(2).padStart(64, '0')}`
  return (await recoverAddress({ hash, signature: { r: wide(raw['r']), s: wide(raw['s']), yParity: Number(yParity) } })).toLowerCase()
}

/** The `transactionsRoot` of a block with these. Throws whatever comes for what are none, or of no known type. */
export const transactionsRoot = (transactions: readonly Raw[]): Hex => orderedRoot(transactions.map(encoded))

/**
 * What a root does not cover, held against what it does: the hash of each, and its sender, who is found from the signature. Those that are told
 * otherwise.
 */
export async function misnamed(transactions: readonly Raw[]): Promise<number> {
  let count = 0
  for (const [index, raw] of transactions.entries()) {
    const isHash = `0x${keccak256(encoded(raw)).toHex()}` === String(raw['hash']).toLowerCase()
    const isSender = typeOf(raw) === DEPOSIT || (await signerOf(raw)) === String(raw['from']).toLowerCase()
    if (!isHash || !isSender || Number(raw['transactionIndex']) !== index) count += 1
  }
  return count
}
