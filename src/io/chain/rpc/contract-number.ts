import type { ContractNumber } from '#domain/ids.ts'

type Raw = Readonly<Record<string, unknown>>

/**
 * Arbitrum Nitro (`types.HeaderInfo` of its go-ethereum): contracts see the number of the parent chain's block, which stands in `mixHash`, after the count
 * of messages to the parent and before the version of ArbOS. Such a header has difficulty 1, a base fee, and a root in place of extra data.
 */
const NITRO_MIX = /^0x[0-9a-f]{16}([0-9a-f]{16})([0-9a-f]{16})[0-9a-f]{16}$/i
const NITRO_EXTRA = /^0x[0-9a-f]{64}$/i

/** `undefined` for what is no block's number. */
function numberIn(text: unknown): number | undefined {
  const number = /^0x[0-9a-f]+$/i.test(String(text)) ? Number(text) : undefined
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined
}

/** What the header's own fields say that contracts see, all of which its hash covers; `undefined` where it has not Nitro's form. */
function provedIn({ mixHash, difficulty, extraData, baseFeePerGas }: Raw): number | undefined {
  const [, parent, version] = NITRO_MIX.exec(String(mixHash)) ?? []
  const hasForm = numberIn(difficulty) === 1 && NITRO_EXTRA.test(String(extraData)) && baseFeePerGas != null && Number(baseFeePerGas) > 0
  return hasForm && Number(`0x${version}`) > 0 ? numberIn(`0x${parent}`) : undefined
}

/**
 * What contracts see in a block in place of its own number; `undefined` where they see that. It is the header's word where that has Nitro's form, and
 * the node's (`l1BlockNumber`) where it has not. Throws for what is no number, and where the two differ.
 */
export function parentNumberIn(header: Raw): ContractNumber | undefined {
  const [proved, told] = [provedIn(header), header['l1BlockNumber'] ?? undefined]
  if (told === undefined) return proved as ContractNumber | undefined
  const number = numberIn(told)
  if (number === undefined || number !== (proved ?? number)) throw new Error(otherThan(told, proved))
  return number as ContractNumber
}

/** What is wrong with what a node says beside a header that has the hash of its fields: that proves what contracts see, whatever the node says. */
export function contradictionIn(header: Raw): string | undefined {
  const [seen, told] = [provedIn(header) ?? numberIn(header['number']), header['l1BlockNumber'] ?? undefined]
  return told === undefined || numberIn(told) === seen ? undefined : otherThan(told, seen)
}

const otherThan = (told: unknown, seen: number | undefined): string =>
  `l1BlockNumber is ${String(told).slice(0, 20)}, contracts see ${seen}`
