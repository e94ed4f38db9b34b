import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFrameReader, type FrameStep, withLength } from './length-prefix.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const filled = (length: number, byte = 7) => new Uint8Array(length).fill(byte)

describe('a length before a message', () => {
  test.each([
    [1, [1]],
    [127, [0x7f]],
    [128, [0x80, 0x01]],
    [16_383, [0xff, 0x7f]],
    [16_384, [0x80, 0x80, 0x01]],
    [2_097_151, [0xff, 0xff, 0x7f]],
  ])('of %i bytes is spelled in as few bytes as it can be, and read again', (length, prefix) => {
    const framed = withLength(filled(length))
    expect([...framed.subarray(0, prefix.length)]).toEqual(prefix)
    expect(framed).toHaveLength(prefix.length + length)
    const [step] = createFrameReader({ frameBytesMax: 2_097_151 }).push(framed)
    expect(step?.kind === 'frame' && step.bytes.length).toBe(length)
  })
})

describe('the reader of frames', () => {
  test('G7: a frame of the greatest length passes; one byte more is told by its length alone, before it comes', () => {
    const reader = createFrameReader({ frameBytesMax: 300 })
    expect(reader.push(withLength(filled(300)))).toEqual([{ kind: 'frame', bytes: filled(300) }])
    expect(reader.push(withLength(filled(301)).subarray(0, 2))).toEqual([{ kind: 'oversized' }])
    expect(reader.push(withLength(filled(1)))).toEqual([])
  })

  test('knows whether it stands between frames, whatever was read before', () => {
    const reader = createFrameReader({ frameBytesMax: 300 })
    expect(reader.isBetweenFrames()).toBe(true)
    const framed = withLength(filled(200))
    for (let round = 0; round < 3; round += 1) {
      expect(reader.push(framed.subarray(0, 1))).toEqual([])
      expect(reader.isBetweenFrames()).toBe(false)
      expect(reader.push(framed.subarray(1, 150))).toEqual([])
      expect(reader.isBetweenFrames()).toBe(false)
      expect(reader.push(framed.subarray(150))).toEqual([{ kind: 'frame', bytes: filled(200) }])
      expect(reader.isBetweenFrames()).toBe(true)
    }
  })

  test('frames of any length, in pieces of any size, come out as they went in', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 })
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(lengths, sizes, (sent, cut) => {
        const reader = createFrameReader({ frameBytesMax: 300 })
        const stream = Buffer.concat(sent.map((length, index) => withLength(filled(length, index))))
        const steps: FrameStep[] = []
        for (let offset = 0, turn = 0; offset < stream.length; turn += 1) {
          const size = cut[turn % cut.length] as number
          steps.push(...reader.push(stream.subarray(offset, offset + size)))
          offset += size
        }
        expect(steps).toEqual(sent.map((length, index) => ({ kind: 'frame', bytes: filled(length, index) })))
      }),
      replay,
    )
  })

  test('frames are copies: who reuses the bytes of the stream changes none', () => {
    const reader = createFrameReader({ frameBytesMax: 300 })
    const chunk = Buffer.concat([withLength(filled(3)), withLength(filled(5)).subarray(0, 4)])
    const [whole] = reader.push(chunk)
    chunk.fill(0)
    const rest = withLength(filled(5)).subarray(4)
    const [cut] = reader.push(rest)
    rest.fill(0)
    expect([whole, cut]).toEqual([
      { kind: 'frame', bytes: filled(3) },
      { kind: 'frame', bytes: filled(5) },
    ])
  })

  test('a length of four bytes is malformed, and so is one of needless bytes or of zero', () => {
    for (const bytes of [[0x80, 0x80, 0x80, 0x01], [0x81, 0x80, 0x00], [0x81, 0x00], [0x00]])
      expect(createFrameReader({ frameBytesMax: 2 ** 31 }).push(Uint8Array.from(bytes))).toEqual([{ kind: 'malformed' }])
  })

  test('what comes after a broken frame in the same piece is not read', () => {
    const reader = createFrameReader({ frameBytesMax: 300 })
    const pieces = Buffer.concat([withLength(filled(1)), Uint8Array.of(0), withLength(filled(2))])
    expect(reader.push(pieces)).toEqual([{ kind: 'frame', bytes: filled(1) }, { kind: 'malformed' }])
    expect([reader.heldBytes(), reader.isBetweenFrames()]).toEqual([0, true])
    const held = createFrameReader({ frameBytesMax: 300 })
    expect(held.push(Uint8Array.of(0x80))).toEqual([])
    expect(held.push(Uint8Array.of(0x00, 1, 7))).toEqual([{ kind: 'malformed' }])
    expect(held.push(withLength(filled(1)))).toEqual([])
  })
})

test('G7: of a frame that is not whole no more is held than twice what has come, whatever its length says, and of one that is whole nothing', () => {
  const reader = createFrameReader({ frameBytesMax: 100_000 })
  const framed = withLength(new Uint8Array(80_000).fill(7))
  for (let end = 1; end < framed.length; end += 1) {
    expect(reader.push(framed.subarray(end - 1, end))).toEqual([])
    if (reader.heldBytes() > Math.min(2 * end, framed.length)) expect.fail(`${reader.heldBytes()} bytes are held after ${end}`)
  }
  const [step] = reader.push(Buffer.concat([framed.subarray(-1), framed, framed.subarray(0, 10)]))
  expect(step).toEqual({ kind: 'frame', bytes: new Uint8Array(80_000).fill(7) })
  expect(reader.heldBytes()).toBe(10)
  reader.end()
  expect([reader.heldBytes(), reader.isBetweenFrames(), reader.push(framed)]).toEqual([0, true, []])
})

test('the room for a frame that is not whole is doubled when it is full, up to the length of the frame: each byte is copied a few times, however many pieces there are', () => {
  const reader = createFrameReader({ frameBytesMax: 100_000 })
  const framed = withLength(filled(25))
  const rooms = [10, 5, 5, 1, 4].map((count, index, counts) => {
    const from = counts.slice(0, index).reduce((sum, each) => sum + each, 0)
    expect(reader.push(framed.subarray(from, from + count))).toEqual([])
    return reader.heldBytes()
  })
  expect(rooms).toEqual([10, 20, 20, 26, 26])
})

/** Bytes that live as long as each of the frames does, its own among them. */
const keptBytes = (steps: readonly FrameStep[]): number[] => steps.map((step) => (step.kind === 'frame' ? step.bytes.buffer.byteLength : 0))

test('G7: a frame is a copy, also of a Buffer: it does not keep what came with it', () => {
  const steps = createFrameReader({ frameBytesMax: 300 }).push(Buffer.concat([withLength(Uint8Array.of(1, 2)), new Uint8Array(9_000)]))
  expect(keptBytes(steps)).toEqual([2, 0])
})

test('G7: small frames that come together share 4 KiB at most, and a large one shares nothing: as little is kept by the smallest', () => {
  const push = (lengths: readonly number[]) =>
    createFrameReader({ frameBytesMax: 70_000 }).push(Buffer.concat(lengths.map((length, index) => withLength(filled(length, index)))))
  expect(keptBytes(push([1_000, 3_094]))).toEqual([4_096, 4_096])
  expect(keptBytes(push([1_000, 3_095]))).toEqual([1_000, 3_095])
  expect(keptBytes(push([40, 65_000, 40, 50]))).toEqual([40, 65_000, 91, 91])
  const many = Array.from({ length: 160 }, (_, index) => 300 + index)
  const steps = push(many)
  expect(Math.max(...keptBytes(steps))).toBeLessThanOrEqual(4_096)
  expect(new Set(steps.map((step) => step.kind === 'frame' && step.bytes.buffer)).size).toBeLessThan(many.length / 6)
  expect(steps).toEqual(many.map((length, index) => ({ kind: 'frame', bytes: filled(length, index) })))
})

test('G7: a frame that came in pieces keeps its length beside itself, and no more', () => {
  const framed = withLength(filled(20_000))
  const reader = createFrameReader({ frameBytesMax: 70_000 })
  const steps = [framed.subarray(0, 9_000), Buffer.concat([framed.subarray(9_000), framed])].flatMap((piece) => reader.push(piece))
  expect(keptBytes(steps)).toEqual([framed.length, 20_000])
})
