import fc from 'fast-check'

/**
 * Protobuf as no writer leaves it, and some of it as all do: numbers spelled with needless bytes and beyond 64 bits, lengths that are none, fields twice, out of order, of
 * another kind, of numbers that the message does not have, messages within messages, and whatever stands behind the last.
 */

/** Of each field, by its number, what it holds: a number, or the bytes of something. */
export type Fields = Readonly<Record<number, 'number' | fc.Arbitrary<number[]>>>

function varint(value: bigint, needlessBytes = 0): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  for (let count = 0; count < needlessBytes; count += 1) {
    bytes.push(0)
    bytes[bytes.length - 2] = (bytes.at(-2) as number) | 0x80
  }
  return bytes
}

const rarely = <Value>(usual: fc.Arbitrary<Value>, odd: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 15, arbitrary: usual }, { weight: 1, arbitrary: odd })

const EDGES = [
  0n,
  1n,
  127n,
  128n,
  2n ** 28n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 56n,
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 70n,
]
const numbers = fc
  .tuple(fc.oneof(fc.nat(300).map(BigInt), fc.maxSafeNat().map(BigInt), fc.constantFrom(...EDGES)), rarely(fc.constant(0), fc.nat(9)))
  .map(([value, needless]) => varint(value, needless))
/** `own`: what most of them are. */
export const oddTexts = (own = fc.string({ unit: 'grapheme-ascii', maxLength: 80 })): fc.Arbitrary<number[]> =>
  rarely(
    own.map((text) => [...Buffer.from(text)]),
    fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'ä', '界', '😀', '\ufeff', '\0'), maxLength: 20 }).map((text) => [...Buffer.from(text)]),
      fc.array(fc.nat(255), { maxLength: 200 }),
    ),
  )

/** With its length before it, which is seldom another's, or spelled oddly. */
const delimited = (contents: fc.Arbitrary<number[]>): fc.Arbitrary<number[]> =>
  fc
    .tuple(
      contents,
      rarely(fc.constant(0), fc.integer({ min: -3, max: 90 })),
      rarely(fc.constant(0), fc.nat(8)),
      rarely(fc.constant(0n), fc.constant(2n ** 32n)),
    )
    .map(([content, lie, needless, above]) => [...varint(BigInt(Math.max(0, content.length + lie)) + above, needless), ...content])

/** Bytes of a message with such fields, or nearly such. */
export function oddMessages(fields: Fields): fc.Arbitrary<number[]> {
  const ofField = ([number, holds]: [string, Fields[number]]) =>
    fc
      .tuple(
        rarely(fc.constant(Number(number)), fc.constantFrom(0, 1, 5, 7, 8, 15, 16, 17, 2 ** 29 - 1)),
        rarely(fc.constant(holds === 'number' ? 0 : 2), fc.nat(7)),
        rarely(fc.constant(0), fc.nat(4)),
        holds === 'number' ? numbers : delimited(holds),
      )
      .map(([no, type, needless, value]) => [...varint(BigInt(no) * 8n + BigInt(type), needless), ...value])
  const one = fc.oneof(...Object.entries(fields).map(ofField))
  return fc
    .tuple(
      rarely(fc.tuple(...Object.entries(fields).map(ofField)), fc.array(one, { maxLength: 8 })),
      rarely(fc.constant<number[]>([]), fc.array(fc.nat(255), { maxLength: 6 })),
    )
    .map(([written, garbage]) => [...written.flat(), ...garbage])
}

/** The same bytes, in every way in which a `Uint8Array` can hold them. */
export const asHeld: fc.Arbitrary<(bytes: readonly number[]) => Uint8Array> = fc.constantFrom(
  (bytes) => Uint8Array.from(bytes),
  (bytes) => Buffer.from(bytes),
  (bytes) => Uint8Array.from([0xff, 9, ...bytes, 0x80, 0xff]).subarray(2, 2 + bytes.length),
  (bytes) => {
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 3), 3)
    shared.set(bytes)
    return shared
  },
)

/** A field of length 0 that no message of ours has: behind it all is left to the generated code. */
export const FIELD_OF_NOBODY = Uint8Array.of(0xa2, 0x06, 0x00)
