import type { AnchorChain } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { type JudgedReceipt, judgeReceipt } from '#roles/consumer/receipt.ts'
import { parseReceiptFile, RECEIPT_FILE_BYTES_MAX, type SignedReceipt } from '#wire/receipt-file.ts'
import { readNamed } from './given-file.ts'
import { BLOCK_TIMEOUT_MS, rulesFor, type VerifyRequest } from './verify.ts'

export type { JudgedReceipt, SignedReceipt }

/** What is in the file, of which nothing is believed; a sentence where it has no form. Throws `FILE_UNREADABLE`. */
export function readReceipt(path: string): SignedReceipt | string {
  return parseReceiptFile(new TextDecoder().decode(readNamed(path, RECEIPT_FILE_BYTES_MAX)))
}

/** Holds a receipt against real endpoints. Throws when the anchor chain cannot be read, and as `rulesFor`. */
export async function judgeReceiptOn(
  chain: AnchorChain,
  receipt: SignedReceipt,
  about: Pick<VerifyRequest, 'windowUnit' | 'gateways' | 'signal'>,
): Promise<JudgedReceipt> {
  const ipfs = createGatewayReader({ urls: about.gateways, timeoutMs: BLOCK_TIMEOUT_MS })
  const rules = () => rulesFor({ ...about, ...receipt.request }, { chain, ipfs })
  return judgeReceipt(receipt, { rules, signal: about.signal }, { chain, ipfs, clock: systemClock, recoverer })
}
