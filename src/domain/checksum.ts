/**
 * EIP-55: how Python's web3 prints addresses, and so how they stand in snapshots. Compute modules import `weft/compute` only,
 * hence a Keccak-256 of its own; the addresses of one epoch are few.
 */

const LANE = 0xffff_ffff_ffff_ffffn
const RATE_BYTES = 136
const ROUNDS = 24

const rotateLeft = (lane: bigint, by: bigint): bigint => ((lane << by) | (lane >> (64n - by))) & LANE

/** Round constants from the LFSR of the Keccak specification (section 1.2), x^8 + x^6 + x^5 + x^4 + 1. */
const ROUND_CONSTANTS: readonly bigint[] = (() => {
  const constants: bigint[] = []
  let register = 1
  for (let round = 0; round < ROUNDS; round++) {
    let constant = 0n
    for (let power = 0; power <= 6; power++) {
      if ((register & 1) === 1) constant |= 1n << BigInt(2 ** power - 1)
      register = (register << 1) ^ ((register >> 7) * 0x171)
    }
    constants.push(constant)
  }
  return constants
})()

/** One permutation of 25 lanes; lane (x, y) is at x + 5 y. */
function permute(lanes: bigint[]): void {
  const at = (index: number): bigint => lanes[index] as bigint
  for (const constant of ROUND_CONSTANTS) {
    const columns = [0, 1, 2, 3, 4].map((x) => at(x) ^ at(x + 5) ^ at(x + 10) ^ at(x + 15) ^ at(x + 20))
    for (let index = 0; index < 25; index++) {
      const x = index % 5
      lanes[index] = at(index) ^ (columns[(x + 4) % 5] as bigint) ^ rotateLeft(columns[(x + 1) % 5] as bigint, 1n)
    }
    let [x, y] = [1, 0]
    let moving = at(1)
    for (let step = 0; step < 24; step++) {
      ;[x, y] = [y, (2 * x + 3 * y) % 5]
      const next = at(x + 5 * y)
      lanes[x + 5 * y] = rotateLeft(moving, BigInt((((step + 1) * (step + 2)) / 2) % 64))
      moving = next
    }
    for (let row = 0; row < 25; row += 5) {
      const before = lanes.slice(row, row + 5)
      for (let column = 0; column < 5; column++) {
        lanes[row + column] =
          (before[column] as bigint) ^ (((before[(column + 1) % 5] as bigint) ^ LANE) & (before[(column + 2) % 5] as bigint))
      }
    }
    lanes[0] = at(0) ^ constant
  }
}

/** Keccak-256 of ASCII text shorter than one block, as hex digits. */
function keccak256Hex(text: string): string {
  const block = new Uint8Array(RATE_BYTES)
  for (let index = 0; index < text.length; index++) block[index] = text.charCodeAt(index)
  block[text.length] = 0x01
  block[RATE_BYTES - 1] = (block[RATE_BYTES - 1] as number) | 0x80
  const view = new DataView(block.buffer)
  const lanes = Array.from({ length: 25 }, (_, index) => (index * 8 < RATE_BYTES ? view.getBigUint64(index * 8, true) : 0n))
  permute(lanes)
  const digest = new DataView(new ArrayBuffer(32))
  for (let index = 0; index < 4; index++) digest.setBigUint64(index * 8, lanes[index] as bigint, true)
  return Array.from(new Uint8Array(digest.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The address with EIP-55 capitals. Throws when it is not `0x` and 40 hex digits. */
export function checksummed(address: string): string {
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) throw new Error(`not an address: ${address.slice(0, 80)}`)
  const digits = address.slice(2).toLowerCase()
  const hash = keccak256Hex(digits)
  return `0x${Array.from(digits, (digit, index) => (Number.parseInt(hash[index] as string, 16) >= 8 ? digit.toUpperCase() : digit)).join('')}`
}
