import fc from 'fast-check'
import { toRlp } from 'viem'
import { describe, expect, test } from 'vitest'
import { decodeRlp, type Rlp } from './rlp.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex)
const plain = (item: Rlp): unknown => (item instanceof Uint8Array ? item.toHex() : item.map(plain))

const item = fc.letrec<{ item: Rlp }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 4 },
    fc.uint8Array({ maxLength: 80 }),
    fc.array(tie('item'), { maxLength: 6 }) as fc.Arbitrary<readonly Rlp[]>,
  ),
})).item

describe('RLP', () => {
  test('what another library encodes is read', () => {
    fc.assert(
      fc.property(item, (value) => {
        const encoded = toRlp(value as Parameters<typeof toRlp>[0], 'bytes')
        expect(plain(decodeRlp(encoded) as Rlp)).toEqual(plain(value))
      }),
      replay,
    )
  })

  test('any other bytes are refused or are the one form of what they say', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (encoded) => {
        const value = decodeRlp(encoded)
        if (value !== undefined) expect(toRlp(value as Parameters<typeof toRlp>[0], 'bytes')).toEqual(encoded)
      }),
      replay,
    )
  })

  test.each([
    ['nothing', ''],
    ['an end too early', '83aabb'],
    ['something behind', '80ff'],
    ['a small byte with a length', '8101'],
    ['a long form for a short length', 'b801aa'],
    ['a length with leading zeros', `b90038${'aa'.repeat(56)}`],
    ['a length of five bytes', `bc0000000038${'aa'.repeat(56)}`],
    ['a length beyond all', 'bbffffffff'],
    ['a list that ends within an item', 'c282aabb'],
    ['lists within lists without end', 'c1'.repeat(1_000)],
    // 20 lists, each in the one before.
    ['deep lists that end', Array.from({ length: 20 }, (_, depth) => (0xc0 + 19 - depth).toString(16)).join('')],
  ])('%s is none', (_what, hex) => {
    expect(decodeRlp(bytes(hex))).toBeUndefined()
  })
})
