import { type Address, parseAddress } from '#domain/ids.ts'

/** What the tests of deploying agree on. */

/** Addresses of one byte repeated each, so that a test reads which is which. */
export function addressesOf<const Bytes extends readonly string[]>(...bytes: Bytes): { -readonly [Index in keyof Bytes]: Address } {
  return bytes.map((byte) => parseAddress(`0x${byte.repeat(20)}`)) as { -readonly [Index in keyof Bytes]: Address }
}

/** The published market's, which can never change. */
export const FORM = { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, usesBlockNumbersAsEpochIds: false }
