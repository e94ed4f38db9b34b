import { WeftError } from '#domain/errors.ts'
import { parseHash } from '#domain/ids.ts'
import type { BlockNumber, ContractNumber } from '#domain/ids.ts'
import type { BlockRef, HeadTag } from '#io/chain/port.ts'
import { parentNumberIn } from './contract-number.ts'
import { parseAnswer, parseQuantity } from './rpc.ts'
import type { Rpc } from './rpc.ts'

/** Base fee and gas limit included: senders need them. `undefined` on chains without. */
export interface Header extends BlockRef {
  /** Contracts see another chain's number. */
  readonly seesParent: boolean
  readonly baseFeePerGas: bigint | undefined
  /** Of all transactions of the block together. */
  readonly gasLimit: bigint | undefined
}

export const quantity = (value: number | bigint): `0x${string}` => `0x${value.toString(16)}`

/** A header as a node writes it; `undefined` for `null`. Throws `CHAIN_ANSWER_INVALID`. */
export function parseHeader(rpc: Rpc, raw: unknown): Header | undefined {
  if (raw === null) return undefined
  const fields = raw as Record<string, string | null | undefined>
  return parseAnswer(rpc, 'eth_getBlockByNumber', () => {
    const number = parseQuantity(fields['number'])
    const parentNumber = parentNumberIn(fields)
    return {
      number: number as BlockNumber,
      contractNumber: parentNumber ?? (number as ContractNumber),
      seesParent: parentNumber !== undefined,
      hash: parseHash(String(fields['hash'])),
      parentHash: parseHash(String(fields['parentHash'])),
      timestamp: parseQuantity(fields['timestamp']),
      // Chains without a base fee leave it out, or say `null`.
      baseFeePerGas: fields['baseFeePerGas'] == null ? undefined : BigInt(fields['baseFeePerGas']),
      gasLimit: fields['gasLimit'] == null ? undefined : BigInt(fields['gasLimit']),
    }
  })
}

const refOf = ({ number, contractNumber, hash, parentHash, timestamp }: Header): BlockRef => ({
  number,
  contractNumber,
  hash,
  parentHash,
  timestamp,
})

/** `undefined` above the head. Throws `CHAIN_ANSWER_INVALID` for another block than the one asked for, too. */
export async function readHeader(rpc: Rpc, block: BlockNumber | HeadTag): Promise<Header | undefined> {
  const method = 'eth_getBlockByNumber'
  const header = parseHeader(rpc, await rpc.call(method, [typeof block === 'string' ? block : quantity(block), false]))
  if (header !== undefined && typeof block !== 'string' && header.number !== block)
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method, detail: `block ${header.number} for block ${block}` })
  return header
}

/** `undefined` above the head. */
export async function readBlock(rpc: Rpc, number: BlockNumber): Promise<BlockRef | undefined> {
  const header = await readHeader(rpc, number)
  return header && refOf(header)
}

export async function readHead(rpc: Rpc, tag: HeadTag = 'latest'): Promise<BlockRef> {
  return refOf(await readHeadHeader(rpc, tag))
}

export async function readHeadHeader(rpc: Rpc, tag: HeadTag = 'latest'): Promise<Header> {
  const header = await readHeader(rpc, tag)
  if (header === undefined)
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'eth_getBlockByNumber', detail: `no ${tag} block` })
  return header
}

/**
 * The headers of a range, each the child of the one before, up to the first that is not there or that is another chain's: none, if that is the
 * first. An endpoint may be many nodes, one of which lags. Throws `CHAIN_ANSWER_INVALID` for what is no header, or of another number.
 */
export async function readBlocks(rpc: Rpc, from: BlockNumber, to: BlockNumber): Promise<BlockRef[]> {
  const method = 'eth_getBlockByNumber'
  const asked = Array.from({ length: to - from + 1 }, (_, index) => rpc.ask(method, [quantity(from + index), false]))
  const blocks: BlockRef[] = []
  for (const answer of await Promise.all(asked)) {
    const block = answer.isOk ? parseHeader(rpc, answer.result) : undefined
    if (block !== undefined && block.number !== from + blocks.length) {
      const detail = `block ${block.number} for block ${from + blocks.length}`
      throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method, detail })
    }
    if (block === undefined || (blocks.length > 0 && block.parentHash !== blocks.at(-1)?.hash)) break
    blocks.push(refOf(block))
  }
  return blocks
}
