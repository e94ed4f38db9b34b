/**
 * EIP-55: how Python's web3 prints addresses, and so how they stand in snapshots. Compute modules import `weft/compute` only,
 * hence a Keccak-256 of its own. A lane of 64 bits is two halves of 32, for each event of an epoch names three addresses, and `bigint` is slow.
 */

const RATE_BYTES = 136
const ROUNDS = 24
const LANES = 25

/** Round constants from the LFSR of the Keccak specification (section 1.2), x^8 + x^6 + x^5 + x^4 + 1, as lower and upper halves. */
const ROUND_CONSTANTS: readonly (readonly [number, number])[] = (() => {
  const constants: [number, number][] = []
  let register = 1
  for (let round = 0; round < ROUNDS; round++) {
    const constant: [number, number] = [0, 0]
    for (let power = 0; power <= 6; power++) {
      const bit = 2 ** power - 1
      if ((register & 1) === 1) constant[bit < 32 ? 0 : 1] |= 1 << (bit % 32)
      register = (register << 1) ^ ((register >> 7) * 0x171)
    }
    constants.push(constant)
  }
  return constants
})()

/** Where each lane goes, beginning with that at 1, and by how much it is turned; lane (x, y) is at x + 5 y. */
const MOVES: readonly (readonly [to: number, by: number])[] = (() => {
  const moves: [number, number][] = []
  let [x, y] = [1, 0]
  for (let step = 0; step < LANES - 1; step++) {
    ;[x, y] = [y, (2 * x + 3 * y) % 5]
    moves.push([x + 5 * y, (((step + 1) * (step + 2)) / 2) % 64])
  }
  return moves
})()

interface State {
  readonly lower: Int32Array
  readonly upper: Int32Array
}

/** The half of a lane turned left that comes from `same`, with what moves in from the `other`; by 1 to 31. */
const turned = (same: number, other: number, by: number): number => (same << by) | (other >>> (32 - by))

function mixColumns({ lower, upper }: State): void {
  const parity = (half: Int32Array): Int32Array =>
    half.slice(0, 5).map((lane, x) => lane ^ half[x + 5]! ^ half[x + 10]! ^ half[x + 15]! ^ half[x + 20]!)
  const [low, high] = [parity(lower), parity(upper)]
  for (let x = 0; x < 5; x++) {
    const [before, after] = [(x + 4) % 5, (x + 1) % 5]
    const mixLower = low[before]! ^ turned(low[after]!, high[after]!, 1)
    const mixUpper = high[before]! ^ turned(high[after]!, low[after]!, 1)
    for (let index = x; index < LANES; index += 5) {
      lower[index]! ^= mixLower
      upper[index]! ^= mixUpper
    }
  }
}

function moveLanes({ lower, upper }: State): void {
  let [movingLower, movingUpper] = [lower[1]!, upper[1]!]
  for (const [to, by] of MOVES) {
    const [nextLower, nextUpper] = [lower[to]!, upper[to]!]
    const [same, other] = by < 32 ? [movingLower, movingUpper] : [movingUpper, movingLower]
    lower[to] = turned(same, other, by % 32)
    upper[to] = turned(other, same, by % 32)
    movingLower = nextLower
    movingUpper = nextUpper
  }
}

function mixRows(half: Int32Array): void {
  for (let row = 0; row < LANES; row += 5) {
    const [a, b, c, d, e] = [half[row]!, half[row + 1]!, half[row + 2]!, half[row + 3]!, half[row + 4]!]
    half[row] = a ^ (~b & c)
    half[row + 1] = b ^ (~c & d)
    half[row + 2] = c ^ (~d & e)
    half[row + 3] = d ^ (~e & a)
    half[row + 4] = e ^ (~a & b)
  }
}

function permute(state: State): void {
  const { lower, upper } = state
  for (const [constantLower, constantUpper] of ROUND_CONSTANTS) {
    mixColumns(state)
    moveLanes(state)
    mixRows(lower)
    mixRows(upper)
    lower[0]! ^= constantLower
    upper[0]! ^= constantUpper
  }
}

/** Keccak-256 of ASCII text shorter than one block, as hex digits. */
function keccak256Hex(text: string): string {
  const block = new Uint8Array(8 * LANES)
  for (let index = 0; index < text.length; index++) block[index] = text.charCodeAt(index)
  block[text.length] = 0x01
  block[RATE_BYTES - 1]! |= 0x80
  const view = new DataView(block.buffer)
  const half = (offset: 0 | 4) => Int32Array.from({ length: LANES }, (_, lane) => view.getInt32(8 * lane + offset, true))
  const state = { lower: half(0), upper: half(4) }
  permute(state)
  const digest = new DataView(new ArrayBuffer(32))
  for (let lane = 0; lane < 4; lane++) {
    digest.setInt32(8 * lane, state.lower[lane]!, true)
    digest.setInt32(8 * lane + 4, state.upper[lane]!, true)
  }
  return Array.from(new Uint8Array(digest.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The address with EIP-55 capitals. Throws when it is not `0x` and 40 hex digits. */
export function checksummed(address: string): string {
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) throw new Error(`not an address: ${address.slice(0, 80)}`)
  const digits = address.slice(2).toLowerCase()
  const hash = keccak256Hex(digits)
  return `0x${Array.from(digits, (digit, index) => (Number.parseInt(hash[index] as string, 16) >= 8 ? digit.toUpperCase() : digit)).join('')}`
}
