/**
 * SHA-256 (FIPS 180-4) of short inputs, many thousands of them: the Merkle tree over 20,000 ids takes 40,000 hashes of 36 or 64 bytes, with which
 * a general library spends most of its time around the hash. Like all of wire it runs in a browser, and answers at once.
 */

export const HASH_BYTES = 32
const BLOCK_BYTES = 64
/** The last block ends with 0x80 and the length in bits. */
const PADDING_BYTES_MIN = 9

const isPrime = (number: number): boolean => {
  for (let factor = 2; factor * factor <= number; factor += 1) if (number % factor === 0) return false
  return true
}
const PRIMES = Array.from({ length: 310 }, (_, index) => index + 2).filter(isPrime)
/** The first 32 bits of the fraction. */
const fraction = (number: number): number => ((number - Math.floor(number)) * 2 ** 32) | 0
/** Of the cube roots of the first 64 primes. */
const K = Int32Array.from(PRIMES.slice(0, 64), (prime) => fraction(Math.cbrt(prime)))
/** Of the square roots of the first 8. */
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)))

const words = new Int32Array(64)
const state = new Int32Array(8)

/** Works the 16 words at the beginning of `words` into the state. */
function compress(): void {
  for (let index = 16; index < 64; index += 1) {
    const early = words[index - 15] as number
    const late = words[index - 2] as number
    const low = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3)
    const high = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10)
    words[index] = ((words[index - 16] as number) + low + (words[index - 7] as number) + high) | 0
  }
  let [a, b, c, d] = [state[0] as number, state[1] as number, state[2] as number, state[3] as number]
  let [e, f, g, h] = [state[4] as number, state[5] as number, state[6] as number, state[7] as number]
  for (let index = 0; index < 64; index += 1) {
    const rotatedE = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const first = (h + rotatedE + ((e & f) ^ (~e & g)) + (K[index] as number) + (words[index] as number)) | 0
    const rotatedA = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const second = (rotatedA + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + second) | 0
  }
  state[0] = (state[0] as number) + a
  state[1] = (state[1] as number) + b
  state[2] = (state[2] as number) + c
  state[3] = (state[3] as number) + d
  state[4] = (state[4] as number) + e
  state[5] = (state[5] as number) + f
  state[6] = (state[6] as number) + g
  state[7] = (state[7] as number) + h
}

let padded = new Uint8Array(2 * BLOCK_BYTES)
let view = new DataView(padded.buffer)

/** The first `length` bytes of this are the next input of `sha256Of`: written in place, so that nothing is allocated for it. */
export function inputOf(lengthMax: number): Uint8Array {
  if (padded.length < lengthMax + PADDING_BYTES_MIN) {
    padded = new Uint8Array(Math.ceil((lengthMax + PADDING_BYTES_MIN) / BLOCK_BYTES) * BLOCK_BYTES)
    view = new DataView(padded.buffer)
  }
  return padded
}

/** 32 bytes of the caller's own. */
export function sha256Of(length: number): Uint8Array {
  const blocks = Math.ceil((length + PADDING_BYTES_MIN) / BLOCK_BYTES)
  const end = blocks * BLOCK_BYTES
  padded.fill(0, length, end)
  padded[length] = 0x80
  view.setUint32(end - 8, Math.floor(length / 2 ** 29))
  view.setUint32(end - 4, length << 3)
  state.set(START)
  for (let from = 0; from < end; from += BLOCK_BYTES) {
    for (let index = 0; index < 16; index += 1) words[index] = view.getInt32(from + 4 * index)
    compress()
  }
  const hash = new Uint8Array(HASH_BYTES)
  for (let index = 0; index < 8; index += 1) {
    const word = state[index] as number
    hash[4 * index] = word >>> 24
    hash[4 * index + 1] = word >>> 16
    hash[4 * index + 2] = word >>> 8
    hash[4 * index + 3] = word
  }
  return hash
}
