import { fromBinary, toBinary, create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBlockNumber, parseEpochId, parseSlotId, type Cid, type ProjectId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { SnapshotSubmissionSchema } from './gen/submission_pb.ts'
import { decodeCollectJson, decodeSubmission, encodeCollectJson, encodeSubmission, SUBMISSION_BYTES_MAX } from './submission-proto.ts'

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

  test('any bytes are decoded or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        decodeSubmission(bytes)
        decodeCollectJson(bytes)
      }),
      replay,
    )
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

  test('more than 64 KiB is refused before it is read', () => {
    expect(decodeSubmission(new Uint8Array(SUBMISSION_BYTES_MAX + 1))).toBeUndefined()
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
