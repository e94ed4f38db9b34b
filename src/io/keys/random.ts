import { randomUUID } from 'node:crypto'
import type { Random } from './port.ts'

/** The machine's randomness. */
export const systemRandom: Random = { uuid: () => randomUUID(), fraction: () => Math.random() }

/** Randomness that repeats: the same seed gives the same sequence (mulberry32). For fakes and simulations, never for secrets. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0
  function word(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    uuid() {
      const hex = Array.from({ length: 4 }, () => word().toString(16).padStart(8, '0')).join('')
      const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
    },
    fraction: () => word() / 2 ** 32,
  }
}
