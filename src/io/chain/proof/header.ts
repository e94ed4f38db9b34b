import { toRlp } from 'viem/utils'
import { keccak256 } from '#wire/keccak.ts'

type Hex = `0x${string}`

/** A header as a node writes it, as far as it is looked at. */
export interface ProofHeader {
  readonly number: number
  readonly hash: string
  readonly logsBloom: string
  readonly receiptsRoot: string
  /** Hashes, in order. */
  readonly transactions: readonly string[]
}

/** The fields that make the hash, in their order; those from `baseFeePerGas` on came one after the other, and a chain may have the first of them only. */
const FIELDS = [
  'parentHash',
  'sha3Uncles',
  'miner',
  'stateRoot',
  'transactionsRoot',
  'receiptsRoot',
  'logsBloom',
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'extraData',
  'mixHash',
  'nonce',
] as const
const LATER_FIELDS = [
  'baseFeePerGas', // London
  'withdrawalsRoot', // Shanghai
  'blobGasUsed', // Cancun
  'excessBlobGas',
  'parentBeaconBlockRoot',
  'requestsHash', // Prague
] as const
const NUMBERS: ReadonlySet<string> = new Set([
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'baseFeePerGas',
  'blobGasUsed',
  'excessBlobGas',
])

/** A number as RLP has it: no leading zeros, nothing for 0. */
export function bare(text: unknown): Hex {
  const digits = String(text).slice(2).replace(/^0+/, '')
  return digits.length % 2 === 0 ? `0x${digits}` : `0x0${digits}`
}

/** What is hashed of a header. Throws whatever comes for fields that are none. */
export function headerBytes(raw: Readonly<Record<string, unknown>>): Uint8Array {
  const later = LATER_FIELDS.filter((field) => raw[field] != null)
  const values = [...FIELDS, ...later].map((field) => (NUMBERS.has(field) ? bare(raw[field]) : (raw[field] as Hex)))
  return toRlp(values, 'bytes')
}

/** The hash of a header, from its fields. Throws as `headerBytes`. */
export const headerHash = (raw: Readonly<Record<string, unknown>>): Hex => `0x${keccak256(headerBytes(raw)).toHex()}`

const BLOOM = /^0x[0-9a-f]{512}$/i
const HASH = /^0x[0-9a-f]{64}$/i

/** `undefined` for a header without what a proof needs. */
export function proofHeaderOf(raw: Readonly<Record<string, unknown>>): ProofHeader | undefined {
  const { number, hash, logsBloom, receiptsRoot, transactions } = raw as Record<string, string>
  if (!BLOOM.test(String(logsBloom)) || !HASH.test(String(receiptsRoot)) || !Array.isArray(transactions)) return undefined
  return {
    number: Number(number),
    hash: String(hash).toLowerCase(),
    logsBloom: logsBloom as string,
    receiptsRoot: String(receiptsRoot).toLowerCase(),
    transactions: transactions.map((each: unknown) => String((each as { hash?: unknown } | null)?.hash ?? each)),
  }
}
