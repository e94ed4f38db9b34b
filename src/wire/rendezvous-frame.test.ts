import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFrameReader } from './length-prefix.ts'
import {
  ANSWER_BYTES_MAX,
  encodeAnswer,
  encodeRequest,
  parseAnswer,
  parseRequest,
  RENDEZVOUS_PROTOCOL,
  type RendezvousAnswer,
  type RendezvousRequest,
  type RendezvousStatus,
} from './rendezvous-frame.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const runs = { numRuns: 100, ...replay }

function unframed(bytes: Uint8Array): Uint8Array {
  const [step] = createFrameReader({ frameBytesMax: ANSWER_BYTES_MAX }).push(bytes)
  if (step?.kind !== 'frame') throw new Error('no frame')
  return step.bytes
}
const ascii = (text: string): number[] => [...new TextEncoder().encode(text)]

test('the stream has the name under which others listen', () => {
  expect(RENDEZVOUS_PROTOCOL).toBe('/rendezvous/1.0.0')
})

/** By hand, from the field numbers of the specification: `type` is said also where it is the first of its words, as proto2 has it. */
describe('the bytes of others', () => {
  test('a registration', () => {
    const register = [0x0a, 3, ...ascii('abc'), 0x12, 2, 7, 8, 0x18, 0xa0, 0x38]
    const bytes = Uint8Array.from([0x08, 0, 0x12, register.length, ...register])
    const request: RendezvousRequest = { kind: 'register', namespace: 'abc', record: Uint8Array.of(7, 8), ttlSeconds: 7_200 }
    expect(parseRequest(bytes)).toEqual(request)
    expect(unframed(encodeRequest(request))).toEqual(bytes)
  })

  test('its answer', () => {
    const bytes = Uint8Array.from([0x08, 1, 0x1a, 6, 0x08, 0xc8, 1, 0x18, 0xa0, 0x38])
    const answer: RendezvousAnswer = { kind: 'registered', status: 'E_NOT_AUTHORIZED', ttlSeconds: 7_200 }
    expect(parseAnswer(bytes)).toEqual(answer)
    expect(unframed(encodeAnswer(answer))).toEqual(bytes)
  })

  test('who takes it back', () => {
    const bytes = Uint8Array.from([0x08, 2, 0x22, 5, 0x0a, 3, ...ascii('abc')])
    expect(parseRequest(bytes)).toEqual({ kind: 'unregister', namespace: 'abc' })
    expect(unframed(encodeRequest({ kind: 'unregister', namespace: 'abc' }))).toEqual(bytes)
  })

  test('a question, with all that may be in it and with nothing', () => {
    const discover = [0x0a, 3, ...ascii('abc'), 0x10, 5, 0x1a, 2, 1, 2]
    const bytes = Uint8Array.from([0x08, 3, 0x2a, discover.length, ...discover])
    const request: RendezvousRequest = { kind: 'discover', namespace: 'abc', limit: 5, cookie: Uint8Array.of(1, 2) }
    expect(parseRequest(bytes)).toEqual(request)
    expect(unframed(encodeRequest(request))).toEqual(bytes)
    expect(parseRequest(Uint8Array.of(0x08, 3))).toEqual({ kind: 'discover', namespace: undefined, limit: undefined, cookie: undefined })
  })

  test('its answer, in which each is a registration', () => {
    const register = [0x0a, 3, ...ascii('abc'), 0x12, 2, 7, 8, 0x18, 60]
    const discovered = [0x0a, register.length, ...register, 0x12, 1, 9, 0x18, 0]
    const bytes = Uint8Array.from([0x08, 4, 0x32, discovered.length, ...discovered])
    const registrations = [{ namespace: 'abc', record: Uint8Array.of(7, 8), ttlSeconds: 60 }]
    const answer: RendezvousAnswer = { kind: 'discovered', status: 'OK', registrations, cookie: Uint8Array.of(9) }
    expect(parseAnswer(bytes)).toEqual(answer)
    expect(unframed(encodeAnswer(answer))).toEqual(bytes)
  })
})

describe('requests and answers', () => {
  const bytesOf = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })
  const name = fc.string({ minLength: 1, maxLength: 40 })
  const statuses: readonly RendezvousStatus[] = ['OK', 'E_INVALID_NAMESPACE', 'E_INVALID_TTL', 'E_INVALID_COOKIE', 'E_UNAVAILABLE']

  test('come out as they went in', () => {
    const requests: fc.Arbitrary<RendezvousRequest> = fc.oneof(
      fc.record({ kind: fc.constant('register' as const), namespace: name, record: bytesOf(200), ttlSeconds: fc.integer({ min: 1 }) }),
      fc.record({ kind: fc.constant('unregister' as const), namespace: name }),
      fc.record({ kind: fc.constant('discover' as const), namespace: name, limit: fc.integer({ min: 1 }), cookie: bytesOf(40) }),
    )
    const answers: fc.Arbitrary<RendezvousAnswer> = fc.record({
      kind: fc.constant('discovered' as const),
      status: fc.constantFrom(...statuses),
      registrations: fc.array(fc.record({ namespace: name, record: bytesOf(200), ttlSeconds: fc.nat() }), { maxLength: 5 }),
      cookie: bytesOf(40),
    })
    fc.assert(
      fc.property(requests, answers, (request, answer) => {
        expect(parseRequest(unframed(encodeRequest(request)))).toEqual(request)
        expect(parseAnswer(unframed(encodeAnswer(answer)))).toEqual(answer)
      }),
      runs,
    )
  })

  test('G7: garbage is none of them, and a number beyond all counting is a large one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseRequest(bytes)
        parseAnswer(bytes)
      }),
      runs,
    )
    for (const bytes of [Uint8Array.of(0x08, 0), Uint8Array.of(0x08, 2), Uint8Array.of(0x08, 9), Uint8Array.of(), Uint8Array.of(0xff)])
      expect(parseRequest(bytes)).toBeUndefined()
    for (const bytes of [Uint8Array.of(0x08, 1), Uint8Array.of(0x08, 4), Uint8Array.of(0x08, 3)]) expect(parseAnswer(bytes)).toBeUndefined()
    const largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
    expect(parseRequest(Uint8Array.from([0x08, 0, 0x12, 11, 0x18, ...largest]))).toMatchObject({ ttlSeconds: Number.MAX_SAFE_INTEGER })
  })
})
