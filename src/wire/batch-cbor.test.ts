import { decode, encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import { compactBytes, encodeCompactBatch, parseCompactBatch, readCompactBatch } from './batch-cbor.ts'

const replayFromEnv = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const hex = (bytes: number, start = 0) =>
  Array.from({ length: bytes }, (_, index) => ((start + index * 37) & 255).toString(16).padStart(2, '0')).join('')
const CID = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri'

function submitted(project: number, slot: number, change: object = {}): BatchedSubmission {
  const digits = hex(16, project * 31 + slot)
  return {
    submissionId: digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    submission: {
      request: {
        slotId: 1_000 + slot,
        deadlineBlock: 20_000_500,
        snapshotCid: CID,
        epochId: 12_345,
        projectId: `pairContract_pair_total_reserves:0x${hex(20, project)}:UNISWAPV2`,
      },
      signature: hex(65, project + slot),
      header: `0x${hex(32)}`,
      dataMarket: `0x${hex(20)}`,
      nodeVersion: 'v1.0',
      protocolState: '',
      ...change,
    },
  } as unknown as BatchedSubmission
}
const batchOf = (submissions: readonly BatchedSubmission[]): Batch => {
  const projectIds = [...new Set(submissions.map(({ submission }) => submission.request.projectId))]
  return { submissions, submissionsRoot: `0x${hex(32, 9)}`, projectIds, snapshotCids: projectIds.map(() => CID) } as unknown as Batch
}
const two = batchOf([submitted(1, 1), submitted(1, 2), submitted(2, 1)])
const file = () => decode<{ [key: string]: unknown }>(encodeCompactBatch(two))

test('what many share is written once; ids, signatures and CIDs are bytes', () => {
  expect(file()).toMatchObject({
    projects: [
      [two.projectIds[0], 0],
      [two.projectIds[1], 0],
    ],
    around: [[20_000_500, 12_345, expect.any(Uint8Array), expect.any(Uint8Array), 'v1.0', '']],
    runs: [
      [0, expect.objectContaining({ length: 32 }), expect.objectContaining({ length: 130 }), [1_001, 1_002], 0, 0],
      [1, expect.objectContaining({ length: 16 }), expect.objectContaining({ length: 65 }), 1_001, 0, 0],
    ],
  })
})

test.each([1, 100])(
  'G11: a large block is read in turns of a thousand submissions or so, of %i projects: and refused in turns',
  (projects) => {
    const submissions = Array.from({ length: 10_000 }, (_, index) => submitted(index % projects, index))
    const sorted = submissions.toSorted((left, right) => (left.submission.request.projectId < right.submission.request.projectId ? -1 : 1))
    const written = encodeCompactBatch(batchOf(sorted))
    for (const bytes of [written, encode({ ...decode<object>(written), more: 1 })]) {
      const turns = [...readCompactBatch(bytes, bytes.length)]
      expect(turns.length).toBeGreaterThanOrEqual(10)
    }
  },
)

test('a submission of a large market takes at most 100 bytes', () => {
  const submissions = Array.from({ length: 1_000 }, (_, index) =>
    submitted(Math.floor(index / 20), index % 20, { header: `0x${hex(32, index % 6)}`, nodeVersion: `v1.${index % 2}` }),
  )
  expect(encodeCompactBatch(batchOf(submissions)).length / submissions.length).toBeLessThanOrEqual(100)
})

/** Texts as they should be, and all that is near them. */
const near = (text: string) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(text) },
    fc.constantFrom(text.toUpperCase(), text.slice(1), `${text}0`, text.replace(/.$/, 'g'), `0x${text}`, '~'),
    fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }),
  )
const uint = fc.oneof(fc.constantFrom(0, 1, 23, 24, 255, 256, 2 ** 32, Number.MAX_SAFE_INTEGER), fc.nat())
const projectId = fc.constantFrom('a:N', 'b:N', 'eth:price_tracking:0xab:N')
const odd = fc.record({
  submissionId: near('00000000-0000-4000-8000-aaaaaaaaaaaa'),
  submission: fc.record({
    request: fc.record({ slotId: uint, deadlineBlock: uint, snapshotCid: near(CID), epochId: uint, projectId }),
    signature: fc.oneof(near(hex(65)), fc.constant('')),
    header: near(`0x${hex(32)}`),
    dataMarket: fc.oneof(near(`0x${hex(20)}`), fc.constant('')),
    nodeVersion: fc.oneof(near('v1'), fc.constant('')),
    protocolState: fc.oneof(near(`0x${hex(20)}`), fc.constant('')),
  }),
})
const oddBatch = fc
  .record({
    submissions: fc.array(odd, { maxLength: 12 }),
    submissionsRoot: near(`0x${hex(32)}`),
    results: fc.array(fc.tuple(projectId, near(CID)), { maxLength: 4 }),
  })
  .map(({ results, ...rest }) => ({ ...rest, projectIds: results.map(([id]) => id), snapshotCids: results.map(([, cid]) => cid) }))

test('G2: what is written is read back, byte for byte, however odd it is', () => {
  fc.assert(
    fc.property(oddBatch, (batch) => {
      const bytes = encodeCompactBatch(batch as unknown as Batch)
      expect(parseCompactBatch(bytes)).toEqual({ ok: true, batch })
      expect(encode(decode(bytes))).toEqual(bytes)
    }),
    { numRuns: 500, ...replayFromEnv },
  )
})

test('G7: the bytes of a batch are never more than its projects were cut by', () => {
  fc.assert(
    fc.property(oddBatch, (batch) => {
      const written = batch as unknown as Batch
      const projects = [...Map.groupBy(written.submissions, ({ submission }) => submission.request.projectId).values()]
      const ordered = { ...written, submissions: projects.flat() }
      const listed = [...batch.projectIds, ...batch.snapshotCids].reduce((sum, text) => sum + 4 * text.length + 8, 0)
      const most = projects.reduce((sum, submissions) => sum + compactBytes(submissions), 4 * batch.submissionsRoot.length + 100 + listed)
      expect(encodeCompactBatch(ordered).length).toBeLessThanOrEqual(most)
    }),
    { numRuns: 300, ...replayFromEnv },
  )
})

interface Loose {
  root?: unknown
  cids: unknown
  around: [unknown[]]
  projects: [unknown[], unknown[]]
  runs: [unknown[], unknown[]]
  more?: unknown
}

describe('G7: a file that is no compact batch', () => {
  const changed = (change: (file: Loose) => void): Uint8Array => {
    const own = file() as unknown as Loose
    change(own)
    return encode(own)
  }
  test.each([
    ['too_large', new Uint8Array(2 * 1024 * 1024 + 1)],
    ['not_dag_cbor', new Uint8Array()],
    ['not_dag_cbor', new TextEncoder().encode('{}')],
    ['not_dag_cbor', new Uint8Array(1_000_000).fill(0x81)],
    ['not_dag_cbor', Uint8Array.of(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ['not_dag_cbor', Uint8Array.of(...encodeCompactBatch(two), 0)],
    ['not_dag_cbor', encode([1])],
    ['field_missing', encode({})],
    ['field_missing', changed((own) => delete own.root)],
    ['field_missing', changed((own) => (own.root = new Uint8Array(31)))],
    ['field_missing', changed((own) => (own.cids = 'none'))],
    ['field_missing', changed((own) => (own.cids = [new Uint8Array(36)]))],
    ['field_missing', changed((own) => (own.around[0][0] = -1))],
    ['field_missing', changed((own) => (own.around[0][4] = 'v'.repeat(257)))],
    ['field_missing', changed((own) => own.projects[0].pop())],
    ['field_missing', changed((own) => (own.projects[0][1] = 7))],
    ['field_missing', changed((own) => delete (own as Partial<Loose>).runs)],
    ['project_malformed', changed((own) => (own.projects[0][0] = 'no colon'))],
    ['submission_malformed', changed((own) => own.runs[0].pop())],
    ['submission_malformed', changed((own) => (own.runs[0][0] = 9))],
    ['submission_malformed', changed((own) => (own.runs[0][0] = 'no colon'))],
    ['submission_malformed', changed((own) => (own.runs[0][1] = new Uint8Array(31)))],
    ['submission_malformed', changed((own) => (own.runs[0][3] = [1, 1.5]))],
    ['submission_malformed', changed((own) => (own.runs[0][4] = 7))],
    ['submission_malformed', changed((own) => (own.runs[0][5] = 7))],
    ['lengths_differ', changed((own) => (own.runs[0][2] = new Uint8Array(65)))],
    ['lengths_differ', changed((own) => (own.runs[0][3] = [1]))],
    ['lengths_differ', changed((own) => (own.runs[0][1] = own.runs[0][2] = new Uint8Array()))],
  ] as const)('%s', (defect, bytes) => expect(parseCompactBatch(bytes)).toEqual({ ok: false, defect }))

  test.each<[string, (file: Loose) => void]>([
    ['a field that nobody knows', (own) => (own.more = 1)],
    ['a table with what nobody uses', (own) => (own.cids as unknown[]).push('x')],
    ['a table in another order', (own) => own.around.push([...own.around[0]])],
    ['a list where one number says it', (own) => (own.runs[0][4] = [0, 0])],
    ['a run in two', (own) => own.runs.splice(1, 0, [1, new Uint8Array(16), new Uint8Array(65), 1, 0, 0])],
    ['a text that has bytes', (own) => (own.root = two.submissionsRoot)],
    ['the text of a project that has a number', (own) => (own.runs[0][0] = two.projectIds[0])],
  ])('G2: %s is refused: one content has one file', (_name, change) => {
    expect(parseCompactBatch(changed(change))).toEqual({ ok: false, defect: 'not_dag_cbor' })
  })

  describe('G7: too_many is more than an honest one of that size may have:', () => {
    const [most, projects] = [32_263, 1_000]
    const list = (length: number, item: unknown = 0) => new Array(length).fill(item)
    const broken = 'field_missing'
    test.each<[string, number, string, (file: Loose, count: number) => void]>([
      ['projects', projects, broken, (own, count) => (own.projects = list(count) as Loose['projects'])],
      ['CIDs', most + projects, broken, (own, count) => (own.cids = list(count))],
      ['surroundings', most, broken, (own, count) => (own.around = list(count) as unknown as Loose['around'])],
      ['runs', most, 'submission_malformed', (own, count) => (own.runs = list(count) as Loose['runs'])],
      [
        'ids',
        most,
        'submission_malformed',
        (own, count) => (own.runs = [[0, list(count, ''), list(count, ''), 0, 0, 0]] as unknown as Loose['runs']),
      ],
      [
        'ids as bytes, of all runs',
        most,
        'lengths_differ',
        (own, count) => own.runs.splice(1, 1, [1, new Uint8Array(16 * (count - 2)), new Uint8Array(65), 0, 0, 0]),
      ],
    ])('%s', (_, count, otherwise, change) => {
      const defects = [count, count + 1].map((each) => parseCompactBatch(changed((own) => change(own, each))))
      expect(defects).toEqual([otherwise, 'too_many'].map((defect) => ({ ok: false, defect })))
    })

    test('what we stored ourselves may be larger, and have as many more', () => {
      const submissions = Array.from({ length: most + 1 }, (_, index) => submitted(1, index))
      const bytes = encodeCompactBatch(batchOf(submissions))
      expect(parseCompactBatch(bytes, bytes.length)).toMatchObject({ ok: true })
    })
  })

  test('G7: no bytes throw', () => {
    const bytes = encodeCompactBatch(two)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, byte, length) => {
        const broken = bytes.slice(0, length)
        if (at < length) broken[at] = byte
        const parsed = parseCompactBatch(broken)
        if (parsed.ok) expect(encodeCompactBatch(parsed.batch)).toEqual(broken)
      }),
      { numRuns: 500, ...replayFromEnv },
    )
  })
})
