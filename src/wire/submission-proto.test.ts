import { fromBinary, toBinary, create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBlockNumber, parseEpochId, parseSlotId, type Cid, type ProjectId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { SnapshotSubmissionSchema } from './gen/submission_pb.ts'
import { asHeld, FIELD_OF_NOBODY, oddMessages, oddTexts } from './odd-message.test-world.ts'
import { decodeCollectJson, decodeSubmission, encodeCollectJson, encodeSubmission } from './submission-proto.ts'
import { unlessThrown } from './untrusted.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

const submission: Submission = {
  request: {
    slotId: parseSlotId(4036),
    deadlineBlock: parseBlockNumber(6_624_038),
    snapshotCid: 'bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy' as Cid,
    epochId: parseEpochId(11_267),
    projectId: 'aggregate_pairContract_24h_trade_volume:0x8ef79d6c328c25da633559c20c75f638a4863462:UNISWAPV2' as ProjectId,
  },
  signature: 'ab'.repeat(65),
  header: `0x${'0e'.repeat(32)}`,
  dataMarket: '0x21cb57C1f2352ad215a463DD867b838749CD3b8f',
  nodeVersion: 'v2.11.0',
  protocolState: '',
}

const uint = fc.maxSafeNat()
const hex = (digits: number) => fc.string({ minLength: digits, maxLength: digits, unit: fc.constantFrom(...'0123456789abcdef') })
const printable = (lengthMax: number) =>
  fc.string({ maxLength: lengthMax, unit: 'grapheme-ascii' }).filter((text) => !text.startsWith('0x'))
const submissions = fc
  .record({
    request: fc.record({ slotId: uint, deadlineBlock: uint, snapshotCid: printable(100), epochId: uint, projectId: printable(200) }),
    signature: hex(130),
    header: hex(64).map((digits) => `0x${digits}`),
    dataMarket: hex(40).map((digits) => `0x${digits}`),
    nodeVersion: printable(32).map((version) => (version === '' ? 'v0.0.0' : version)),
    protocolState: printable(42),
  })
  .map((value) => value as unknown as Submission)

describe('protobuf', () => {
  test('what is encoded is decoded', () => {
    fc.assert(
      fc.property(submissions, (value) => {
        expect(decodeSubmission(encodeSubmission(value))).toEqual(value)
      }),
      replay,
    )
  })

  test('what is encoded is the message of its type', () => {
    fc.assert(
      fc.property(submissions, fc.constantFrom('', 'v2.11.0'), ({ request, ...given }, nodeVersion) => {
        const rest = { ...given, nodeVersion }
        const { slotId, deadlineBlock, epochId, snapshotCid, projectId } = request
        const ids = { slotId: BigInt(slotId), deadline: BigInt(deadlineBlock), epochId: BigInt(epochId) }
        const message = create(SnapshotSubmissionSchema, { request: { ...ids, snapshotCid, projectId }, ...rest })
        expect(encodeSubmission({ request, ...rest })).toEqual(toBinary(SnapshotSubmissionSchema, message))
      }),
      replay,
    )
  })

  test('any bytes are decoded or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        decodeSubmission(bytes)
        decodeCollectJson(bytes)
      }),
      replay,
    )
  })

  test('it is what the generated code takes it for, however it is written', () => {
    const text = oddTexts()
    const request = oddMessages({ 1: 'number', 2: 'number', 3: text, 4: 'number', 5: text })
    const header = oddTexts(fc.constant(submission.header))
    const messages = oddMessages({ 1: request, 2: text, 3: header, 4: text, 5: text, 6: text })
    const runs = { numRuns: Number(process.env['FUZZ_INPUTS'] ?? 1_000), ...replay }
    let readCount = 0
    fc.assert(
      fc.property(messages, asHeld, (message, held) => {
        const isMessage = unlessThrown(() => fromBinary(SnapshotSubmissionSchema, Uint8Array.from(message))) !== undefined
        const found = decodeSubmission(held(message))
        if (found !== undefined) readCount += 1
        // What a field of nobody stands behind, the generated code has to look at.
        expect(found).toEqual(isMessage ? decodeSubmission(held([...message, ...FIELD_OF_NOBODY])) : undefined)
      }),
      runs,
    )
    expect(readCount).toBeGreaterThan(runs.numRuns / 20)
  })

  test('a changed byte is decoded or refused, never thrown at', () => {
    const bytes = encodeSubmission(submission)
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = bytes.slice()
      changed[index] = (changed[index] as number) ^ 0xff
      decodeSubmission(changed)
    }
  })

  const broken: Record<string, (message: Parameters<typeof create<typeof SnapshotSubmissionSchema>>[1] & object) => object> = {
    'no request': (message) => ({ ...message, request: undefined }),
    'an id above 2^53 - 1': (message) => ({ ...message, request: { ...message.request, slotId: 2n ** 53n } }),
    'a project id over its limit': (message) => ({ ...message, request: { ...message.request, projectId: 'p'.repeat(257) } }),
    'a CID over its limit': (message) => ({ ...message, request: { ...message.request, snapshotCid: 'b'.repeat(129) } }),
    'a signature over its limit': (message) => ({ ...message, signature: 'a'.repeat(133) }),
    'a header that is no hash': (message) => ({ ...message, header: '0x12' }),
    'no header': (message) => ({ ...message, header: '' }),
    'control characters': (message) => ({ ...message, nodeVersion: 'v1\n' }),
  }
  test.each(Object.entries(broken))('%s is refused', (_, breakIt) => {
    const message = fromBinary(SnapshotSubmissionSchema, encodeSubmission(submission))
    const bytes = toBinary(SnapshotSubmissionSchema, create(SnapshotSubmissionSchema, breakIt(message) as typeof message))
    expect(decodeSubmission(bytes)).toBeUndefined()
  })

  test('G7: 64 KiB are read, whatever unknown fields they hold; a byte more is refused', () => {
    const known = encodeSubmission(submission)
    /** Field 100 with so many bytes that the whole has `length`: tag of two, length of three. */
    const padded = (length: number) => {
      const rest = length - known.length - 5
      return Buffer.concat([
        known,
        Uint8Array.of(0xa2, 0x06, (rest & 0x7f) | 0x80, ((rest >> 7) & 0x7f) | 0x80, rest >> 14),
        Buffer.alloc(rest),
      ])
    }
    expect(decodeSubmission(padded(65_536))).toEqual(submission)
    expect(decodeSubmission(padded(65_537))).toBeUndefined()
  })

  test('bytes that are no message are refused', () => {
    expect(decodeSubmission(Uint8Array.of(0xff, 0xff))).toBeUndefined()
  })

  test('a signature with 0x loses it, a header becomes lower case, a missing version is v0.0.0', () => {
    const peer = { ...submission, signature: `0x${submission.signature}`, header: `0x${'0E'.repeat(32)}`, nodeVersion: '' }
    expect(decodeSubmission(encodeSubmission(peer))).toEqual({ ...submission, nodeVersion: 'v0.0.0' })
  })
})

describe('JSON of /collect', () => {
  test('what is encoded is decoded', () => {
    fc.assert(
      fc.property(submissions, (value) => {
        expect(decodeCollectJson(encodeCollectJson(value))).toEqual(value)
      }),
      replay,
    )
  })

  test('it is written in the order of the Go structs, without zero values', () => {
    const simulation = { ...submission, request: { ...submission.request, epochId: parseEpochId(0) } }
    expect(encodeCollectJson(simulation)).toBe(
      `{"request":{"slotId":4036,"deadline":6624038,"snapshotCid":"${submission.request.snapshotCid}","projectId":"${submission.request.projectId}"},"signature":"${submission.signature}","header":"${submission.header}","dataMarket":"${submission.dataMarket}","nodeVersion":"v2.11.0"}`,
    )
    expect(decodeCollectJson(encodeCollectJson(simulation))?.request.epochId).toBe(0)
  })

  test('it is read from bytes as from text', () => {
    expect(decodeCollectJson(new TextEncoder().encode(encodeCollectJson(submission)))).toEqual(submission)
  })

  test('G7: 64 KiB are read, a byte more is refused', () => {
    expect(decodeCollectJson(encodeCollectJson(submission).padEnd(65_536))).toEqual(submission)
    expect(decodeCollectJson(encodeCollectJson(submission).padEnd(65_537))).toBeUndefined()
  })

  const written = JSON.parse(encodeCollectJson(submission)) as { request: object }
  const decodeWith = (name: string, value: unknown) =>
    decodeCollectJson(
      JSON.stringify(
        name in submission.request || name === 'deadline'
          ? { ...written, request: { ...written.request, [name]: value } }
          : { ...written, [name]: value },
      ),
    )

  test.each([
    ['snapshotCid', 128],
    ['projectId', 256],
    ['signature', 132],
    ['dataMarket', 64],
    ['nodeVersion', 32],
    ['protocolState', 64],
  ])('G7: %s has at most %i printable characters', (name, lengthMax) => {
    const find = (value: unknown) => {
      const decoded = decodeWith(name, value)
      return decoded && ({ ...decoded, ...decoded.request } as Record<string, unknown>)[name]
    }
    const longest = ' ~'.padStart(lengthMax, 'x')
    expect(find(longest)).toBe(longest)
    for (const value of [`${longest}x`, '\x1f', '\x7f', '\nx', 'x\n', 'é', 7, ['a:N'], {}]) expect(decodeWith(name, value)).toBeUndefined()
    expect([find(null), find(undefined)]).toEqual(Array(2).fill(name === 'nodeVersion' ? 'v0.0.0' : ''))
  })

  test.each(['slotId', 'deadline', 'epochId'])('%s is a safe integer, 0 when absent', (name) => {
    const find = (value: unknown) => {
      const decoded = decodeWith(name, value)
      return decoded && (decoded.request as unknown as Record<string, unknown>)[name === 'deadline' ? 'deadlineBlock' : name]
    }
    expect([0, 7, '7', Number.MAX_SAFE_INTEGER, null, undefined].map(find)).toEqual([0, 7, 7, Number.MAX_SAFE_INTEGER, 0, 0])
    for (const value of [1.5, -1, '01', '1e3', 2 ** 53, true, [7], {}]) expect(decodeWith(name, value)).toBeUndefined()
  })

  test('header is 0x and 64 digits', () => {
    const header = submission.header
    for (const value of [
      undefined,
      null,
      7,
      [header],
      `${header}0`,
      header.slice(0, -1),
      `0${header}`,
      `${header}\n`,
      header.replace('e', 'g'),
    ])
      expect(decodeWith('header', value)).toBeUndefined()
    expect(decodeWith('header', header.toUpperCase().replace('X', 'x'))?.header).toBe(header)
  })

  test('only 0x before a signature goes', () => {
    expect(decodeWith('signature', '0xab0x')?.signature).toBe('ab0x')
    expect(decodeWith('signature', 'ab0x')?.signature).toBe('ab0x')
  })

  test('integers may be decimal text, unknown fields do not matter', () => {
    const json = `{"aggregate":1,"request":{"slotId":"4036","deadline":"6624038","snapshotCid":"c","epochId":"3","projectId":"p:N","extra":{}},"signature":"00","header":"${submission.header}"}`
    expect(decodeCollectJson(json)).toEqual({
      request: { slotId: 4036, deadlineBlock: 6_624_038, snapshotCid: 'c', epochId: 3, projectId: 'p:N' },
      signature: '00',
      header: submission.header,
      dataMarket: '',
      nodeVersion: 'v0.0.0',
      protocolState: '',
    })
  })

  const refused = [
    '',
    'null',
    '[]',
    '{}',
    '{"request":[]}',
    `{"request":[],"header":"${submission.header}"}`,
    `{"request":null,"header":"${submission.header}"}`,
    `{"header":"${submission.header}"}`,
    `{"request":{"slotId":1.5},"header":"${submission.header}"}`,
    `{"request":{"slotId":-1},"header":"${submission.header}"}`,
    `{"request":{"slotId":9007199254740993},"header":"${submission.header}"}`,
    `{"request":{"slotId":"01"},"header":"${submission.header}"}`,
    `{"request":{"slotId":true},"header":"${submission.header}"}`,
    `{"request":{"projectId":7},"header":"${submission.header}"}`,
    '{"request":{},"header":"0x00"}',
  ]
  test.each(refused)('%s is refused', (json) => {
    expect(decodeCollectJson(json)).toBeUndefined()
  })
})
