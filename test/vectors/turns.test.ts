// Origin: CPython (tools/vectors/turns.py), from the formulas of spec/03 §8.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Address, EpochId, SlotId } from '#domain/ids.ts'
import { drawnSlots, drawnSource, turnOf } from '#domain/turns.ts'

interface Turn {
  readonly epochId: EpochId
  readonly signer: Address
  readonly slotId: SlotId
  readonly day: number
  readonly count: number
  readonly place: number
}
interface Drawn {
  readonly endBlockHash: string
  readonly epochId: EpochId
  readonly slots: number
  readonly count: number
  readonly length: number
  readonly first: readonly SlotId[]
  readonly sha256: string
  readonly places: readonly number[]
}
const vectors = JSON.parse(readFileSync(new URL('./turns.json', import.meta.url), 'utf8')) as { turns: Turn[]; draws: Drawn[] }
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest()

test.each(vectors.turns)('epoch $epochId, slot $slotId, $count data sources: $place', ({ place, ...of }) => {
  expect(turnOf(of, of)).toBe(place)
})

test.each(vectors.draws)('epoch $epochId draws $length of $slots slots', ({ length, first, places, sha256: hash, ...draw }) => {
  const drawn = drawnSlots(draw, sha256)
  expect([drawn.length, drawn.slice(0, 10)]).toEqual([length, first])
  expect(sha256(JSON.stringify(drawn)).toString('hex')).toBe(hash)
  expect(first.map((slotId) => drawnSource(slotId, draw, sha256))).toEqual(places)
})
