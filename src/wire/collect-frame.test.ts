import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { COLLECT_PROTOCOL, type CollectReader, type CollectStep, createCollectReader, encodeCollect } from './collect-frame.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const ID = 'e8b9a4d2-0a57-4c8e-9d2e-1f0f8f4f3b11'
const OTHER_ID = '0b6f2f0c-9c7e-4d0a-8a4e-6f1f7a2b3c4d'

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function feed(reader: CollectReader, bytes: Uint8Array, sizes: readonly number[]): CollectStep[] {
  const steps: CollectStep[] = []
  for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number
    steps.push(...reader.push(bytes.subarray(offset, offset + size)))
    offset += size
  }
  return [...steps, ...reader.finish()]
}

function readable(steps: readonly CollectStep[]): string[] {
  return steps.map((step) => (step.kind === 'message' ? step.submissionId + new TextDecoder().decode(step.payload) : step.kind))
}

const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 })
const messages = fc.array(
  fc
    .tuple(fc.uuid({ version: 4 }), fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })))
    .map(([id, json]) => id + JSON.stringify(json)),
  { maxLength: 8 },
)

test('the stream has the name under which deployed listeners know it', () => {
  expect(COLLECT_PROTOCOL).toBe('/collect')
})

describe('the reader of /collect', () => {
  test('finds every message, however the stream is cut or joined', () => {
    fc.assert(
      fc.property(messages, sizes, (sent, cut) => {
        expect(readable(feed(createCollectReader(), bytesOf(sent.join('')), cut))).toEqual(sent)
      }),
      replay,
    )
  })

  test('finds the messages between stretches of garbage', () => {
    const garbage = fc.uint8Array({ minLength: 1, maxLength: 120 }).filter((bytes) => bytes.some((byte) => byte > 0x20))
    fc.assert(
      fc.property(messages, garbage, sizes, (sent, junk, cut) => {
        const parts = sent.flatMap((message) => [...junk, ...bytesOf(message)])
        expect(readable(feed(createCollectReader(), Uint8Array.from(parts), cut)).filter((step) => step !== 'frame_malformed')).toEqual(
          sent,
        )
      }),
      replay,
    )
  })

  test('never throws, holds little and tells garbage once per stretch', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), sizes, (junk, cut) => {
        expect(feed(createCollectReader(), junk, cut).length).toBeLessThanOrEqual(1 + junk.length / 38)
      }),
      replay,
    )
  })

  test.each([
    ['braces in strings', `${ID}{"a":"}{\\"}"}`, [`${ID}{"a":"}{\\"}"}`]],
    ['newlines between messages', `${ID}{}\n${OTHER_ID}{}\n`, [`${ID}{}`, `${OTHER_ID}{}`]],
    ['a message cut off by the next one', `${ID}{"request":{"slotId":1${OTHER_ID}{}`, ['frame_malformed', `${OTHER_ID}{}`]],
    ['a message cut off by the end', `${ID}{"request"`, ['frame_malformed']],
    ['fewer than 36 bytes', 'abc', ['frame_malformed']],
    ['spaces between messages', `${ID}{} ${OTHER_ID}{}`, [`${ID}{}`, `${OTHER_ID}{}`]],
    ['an id without its JSON right behind', `${ID}x${OTHER_ID}{}`, ['frame_malformed', `${OTHER_ID}{}`]],
    ['an id before a brace within a text', `${ID}{"a":"${OTHER_ID}{"}`, [`${ID}{"a":"${OTHER_ID}{"}`]],
    ['another message right behind the first brace', `${ID}{${OTHER_ID}{}`, ['frame_malformed', `${OTHER_ID}{}`]],
    ['an upper-case id', `${ID.toUpperCase()}{}`, [`${ID.toUpperCase()}{}`]],
    ['an id of another version', `${ID.replace('-4c8e', '-1c8e')}{}`, ['frame_malformed']],
    ['nothing', '', []],
  ])('%s', (_, stream, expected) => {
    expect(readable(feed(createCollectReader(), bytesOf(stream), [7]))).toEqual(expected)
  })

  test('a message over 64 KiB ends the stream, also when it never closes', () => {
    const closed = createCollectReader()
    expect(closed.push(bytesOf(`${ID}{"a":"${'x'.repeat(65_536)}"}`))).toEqual([{ kind: 'frame_oversized' }])
    const open = createCollectReader()
    expect(open.push(bytesOf(`${ID}{"a":"${'x'.repeat(65_536)}`))).toEqual([{ kind: 'frame_oversized' }])
    expect([closed.isEnded(), open.isEnded()]).toEqual([true, true])
    expect(open.push(encodeCollect(ID, '{}'))).toEqual([])
    expect(open.push(bytesOf('A'.repeat(100)))).toEqual([])
  })

  test('G7: a message that does not close is given up one byte after 64 KiB', () => {
    const reader = createCollectReader()
    expect(reader.push(bytesOf(`${ID}${'{"a":"'.padEnd(65_536, 'x')}`))).toEqual([])
    expect(reader.isEnded()).toBe(false)
    expect(reader.push(bytesOf('x'))).toEqual([{ kind: 'frame_oversized' }])
  })

  test('64 KiB of garbage end the stream', () => {
    const reader = createCollectReader()
    const steps = feed(reader, new Uint8Array(70_000).fill(0x41), [1_000])
    expect(readable(steps)).toEqual(['frame_malformed'])
    expect(reader.isEnded()).toBe(true)
  })

  test('G7: the limit of garbage counts the whole stream, to the byte', () => {
    const reader = createCollectReader()
    expect(readable(reader.push(bytesOf(`${'A'.repeat(65_000)}${ID}{}`)))).toEqual(['frame_malformed', `${ID}{}`])
    // What broke off is garbage too.
    expect(readable(reader.push(bytesOf(`${ID}${'{"a":1'.padEnd(264)}${OTHER_ID}{}`)))).toEqual(['frame_malformed', `${OTHER_ID}{}`])
    expect(readable(reader.push(bytesOf(`${'A'.repeat(236)}${ID}{}`)))).toEqual(['frame_malformed', `${ID}{}`])
    expect(reader.isEnded()).toBe(false)
    expect(readable(reader.push(bytesOf(`A${ID}{}`)))).toEqual(['frame_malformed'])
    expect(reader.isEnded()).toBe(true)
    expect(readable(reader.push(bytesOf(`${ID}{}`)))).toEqual([])
    expect(readable(reader.finish())).toEqual([])
  })

  test('G7: a message of 64 KiB passes, one byte more does not, whole or in pieces', () => {
    const sized = (bytes: number) => `${ID}{"a":"${'x'.repeat(bytes - 8)}"}`
    for (const size of [[100_000], [1_000], [65_560]]) {
      expect(readable(feed(createCollectReader(), bytesOf(sized(65_536)), size))).toEqual([sized(65_536)])
      expect(readable(feed(createCollectReader(), bytesOf(sized(65_537)), size))).toEqual(['frame_oversized'])
    }
  })

  test('white space between messages means nothing, in whatever pieces it comes', () => {
    const reader = createCollectReader()
    for (const blank of ['\n\n\n', ' ', '\n', '\t ']) expect(reader.push(bytesOf(blank))).toEqual([])
    expect(readable(reader.push(bytesOf(`${ID}{}`)))).toEqual([`${ID}{}`])
    expect(reader.finish()).toEqual([])
  })

  test('a message is written as its id and its JSON, in UTF-8', () => {
    expect(new TextDecoder().decode(encodeCollect(ID, '{"a":"é"}'))).toBe(`${ID}{"a":"é"}`)
  })

  test('the end of the stream is told once', () => {
    const reader = createCollectReader()
    reader.push(bytesOf(`${ID}{"a"`))
    expect(readable([...reader.finish(), ...reader.finish()])).toEqual(['frame_malformed'])
    expect(reader.isEnded()).toBe(true)
  })

  test('payloads are copies: who reuses the bytes of the stream changes none', () => {
    const reader = createCollectReader()
    const chunk = bytesOf(`${ID}{"a":1}`)
    const steps = reader.push(chunk)
    chunk.fill(0)
    reader.push(bytesOf(`${OTHER_ID}{"b":2}`))
    expect(readable(steps)).toEqual([`${ID}{"a":1}`])
  })
})

test('G7: of a message that is not whole no more is held than twice what has come; of one that is, and after the end, next to nothing', () => {
  const reader = createCollectReader()
  const message = bytesOf(`${ID}{"a":"${'x'.repeat(40_000)}"}`)
  for (let end = 1; end < message.length; end += 1) {
    reader.push(message.subarray(end - 1, end))
    if (reader.heldBytes() > 2 * end) expect.fail(`${reader.heldBytes()} bytes are held after ${end}`)
  }
  expect(reader.heldBytes()).toBeGreaterThan(40_000)
  expect(reader.push(Buffer.concat([message.subarray(-1), message.subarray(0, 50)]))).toHaveLength(1)
  expect(reader.heldBytes()).toBeLessThanOrEqual(1_024)
  reader.push(message.subarray(50, 30_000))
  expect(reader.finish()).toEqual([{ kind: 'frame_malformed' }])
  expect([reader.heldBytes(), reader.push(message), reader.finish()]).toEqual([0, [], []])
})
