import type { ContractNumber } from '#domain/ids.ts'

/**
 * Arbitrum Nitro (`types.HeaderInfo` of its go-ethereum): contracts see the number of the parent chain's block, which stands in `mixHash`, after the count
 * of messages to the parent and before the version of ArbOS. Such a header has difficulty 1, a base fee, and a root in place of extra data.
 */
const NITRO_MIX = /^0x[0-9a-f]{16}([0-9a-f]{16})([0-9a-f]{16})[0-9a-f]{16}$/i
const NITRO_EXTRA = /^0x[0-9a-f]{64}$/i

const isQuantity = (text: unknown, expected: bigint): boolean => /^0x[0-9a-f]+$/i.test(String(text)) && BigInt(String(text)) === expected

/**
 * What the header says that contracts see in place of the block's own number; `undefined` where they see that. From fields that its hash covers alone, so
 * that no endpoint can say otherwise: a node's word for it, `l1BlockNumber`, is only compared. Throws where the two differ.
 */
export function parentNumberIn(header: Readonly<Record<string, unknown>>): ContractNumber | undefined {
  const { number, mixHash, difficulty, extraData, baseFeePerGas, l1BlockNumber } = header
  const [, parent, version] = NITRO_MIX.exec(String(mixHash)) ?? []
  const hasForm =
    isQuantity(difficulty, 1n) && NITRO_EXTRA.test(String(extraData)) && baseFeePerGas != null && !isQuantity(baseFeePerGas, 0n)
  const isNitro = hasForm && parent !== undefined && !isQuantity(`0x${version}`, 0n)
  const seen = BigInt(isNitro ? `0x${parent}` : String(number))
  if (l1BlockNumber != null && !isQuantity(l1BlockNumber, seen))
    throw new Error(`l1BlockNumber is ${String(l1BlockNumber).slice(0, 20)}, and contracts of that header see 0x${seen.toString(16)}`)
  if (seen > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`contracts see 0x${seen.toString(16)}, which is no block's number`)
  return isNitro ? (Number(seen) as ContractNumber) : undefined
}
