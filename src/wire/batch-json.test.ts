import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { Batch } from '#domain/batch.ts'
import type { Cid, ProjectId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { decodeBatch, encodeBatch, parseBatch, readBatch, submissionsJsonBytes } from './batch-json.ts'

const replayFromEnv = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const text = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

const submission = {
  request: { slotId: 7, deadlineBlock: 600, snapshotCid: 'bafkreia', epochId: 3, projectId: 'pair:0xab:UNISWAPV2' },
  signature: 'aa',
  header: '0x01',
  dataMarket: '0x02',
  nodeVersion: 'v1',
  protocolState: '',
} as unknown as Submission
/** One that has something to escape. */
const escaped = { ...submission, nodeVersion: '<\\' }
const batch: Batch = {
  submissions: [{ submissionId: 'id-1', submission }],
  submissionsRoot: '0xroot',
  projectIds: ['pair:0xab:UNISWAPV2' as ProjectId],
  snapshotCids: ['bafkreia' as Cid],
}
const file = () =>
  JSON.parse(new TextDecoder().decode(encodeBatch(batch))) as {
    submissionIDs: unknown
    submissions: string[]
    pids: string[]
    cids: string[]
    roothash: unknown
  }

test("a batch is written in the protocol's form", () => {
  expect(new TextDecoder().decode(encodeBatch(batch))).toBe(
    '{"submissionIDs":["id-1"],"submissions":["{\\n  \\"request\\": {\\n    \\"slotId\\": \\"7\\",\\n    \\"deadline\\": \\"600\\",\\n    \\"snapshotCid\\": \\"bafkreia\\",' +
      '\\n    \\"epochId\\": \\"3\\",\\n    \\"projectId\\": \\"pair:0xab:UNISWAPV2\\"\\n  },\\n  \\"signature\\": \\"aa\\",\\n  \\"header\\": \\"0x01\\",' +
      '\\n  \\"dataMarket\\": \\"0x02\\",\\n  \\"nodeVersion\\": \\"v1\\"\\n}"],"roothash":"0xroot","pids":["pair:0xab:UNISWAPV2"],"cids":["bafkreia"]}',
  )
})

test('G2: what is zero or empty is left out, as protojson does', () => {
  const request = { slotId: 0, deadlineBlock: 0, snapshotCid: '', epochId: 0, projectId: '' }
  const empty = { request, signature: '', header: '', dataMarket: '', nodeVersion: '', protocolState: '0x03' } as unknown as Submission
  const [text] = (
    JSON.parse(new TextDecoder().decode(encodeBatch({ ...batch, submissions: [{ submissionId: 'i', submission: empty }] }))) as {
      submissions: string[]
    }
  ).submissions
  expect(text).toBe('{\n  "request": {\n\n  },\n  "protocolState": "0x03"\n}')
})

test('characters that Go escapes are escaped', () => {
  const odd = { ...batch, submissions: [{ submissionId: '<&>\u2028\u2029', submission }] }
  expect(new TextDecoder().decode(encodeBatch(odd))).toContain('"submissionIDs":["\\u003c\\u0026\\u003e\\u2028\\u2029"]')
})

test.each(['projectId', 'snapshotCid', 'signature', 'header', 'dataMarket', 'nodeVersion'])(
  'G2: whatever stands in %s is escaped as Go does',
  (field) => {
    for (let code = 0; code < 0x100; code += 1) {
      const value = String.fromCharCode(code)
      const request = field in submission.request ? { ...submission.request, [field]: value } : submission.request
      const odd = { ...submission, ...(!(field in submission.request) && { [field]: value }), request }
      const bytes = encodeBatch({ ...batch, submissions: [{ submissionId: 'i', submission: odd }] })
      const written = new TextDecoder().decode(bytes)
      expect(written).not.toMatch(/[<>&]/)
      const [text] = (JSON.parse(written) as { submissions: [string] }).submissions
      expect(JSON.parse(text)).toMatchObject(field in submission.request ? { request: { [field]: value } } : { [field]: value })
    }
  },
)

test('G2: a submission is written the same whatever stands before it', () => {
  const whole = (changes: readonly object[]) =>
    encodeBatch({ ...batch, submissions: changes.map((change) => ({ submissionId: 'i', submission: { ...submission, ...change } })) })
  const listed = (changes: readonly object[]) =>
    (JSON.parse(new TextDecoder().decode(whole(changes))) as { submissions: readonly string[] }).submissions
  const { request } = submission
  const changes = [
    { signature: 'bb' },
    { request: { ...request, slotId: 8 } },
    { request: { ...request, deadlineBlock: 601 } },
    { request: { ...request, epochId: 4 } },
    { request: { ...request, projectId: 'pair:0xac:UNISWAPV2' } },
    { request: { ...request, snapshotCid: 'bafkreib' } },
    { header: '0x03' },
    { dataMarket: '0x03' },
    { nodeVersion: '<v2>' },
    { protocolState: '0x04' },
    { signature: '"' },
  ]
  // Each beside one that differs from it in that field alone, before and behind it.
  const mixed = changes.flatMap((change) => [{}, change])
  expect(listed(mixed)).toEqual(mixed.map((change) => listed([change])[0]))
})

test('G2: a submission is read the same whatever stands before it', () => {
  const [plain] = file().submissions as [string]
  const edits: readonly (readonly [string | RegExp, string])[] = [
    ['"7"', '"8"'],
    ['"7"', '"9007199254740991"'],
    ['"7"', '"9007199254740992"'],
    ['"7"', '"007"'],
    ['"7"', '""'],
    ['"7"', '7'],
    ['"7"', '"7", "slotId": "9"'],
    ['"aa"', '"bb"'],
    ['"aa"', '""'],
    ['"aa"', '"\\u0061"'],
    ['"aa"', '"a\na"'],
    ['"aa"', '"aa", "signature": "cc"'],
    ['"aa"', `"${'a'.repeat(257)}"`],
    ['"600"', '"601"'],
    ['"3"', '"4"'],
    ['UNISWAPV2', 'UNISWAPV3'],
    ['"v1"', '"v2"'],
    ['"v1"', '"v1"\n'],
    ['  },\n  "signature": "aa"', '"aa"'],
    ['{', '['],
    ['}', '}x'],
    [/$/, 'x'],
    [/$/, ' '],
    [plain, '"'],
  ]
  const written = (texts: readonly string[]) =>
    JSON.stringify({ ...file(), submissionIDs: texts.map((_, index) => `id-${index}`), submissions: texts })
  for (const [from, to] of edits) {
    const edited = plain.replace(from, () => to)
    // As a file is written, and with a space before it.
    for (const space of ['', ' ']) {
      const alone = parseBatch(text(space + written([edited])))
      const behind = parseBatch(text(space + written([plain, edited])))
      expect(behind.ok).toBe(alone.ok)
      if (alone.ok && behind.ok) expect(behind.batch.submissions[1]?.submission).toEqual(alone.batch.submissions[0]?.submission)
    }
  }
})

test('a file as it is written is not parsed as a whole', () => {
  const submissions = Array.from({ length: 100 }, (_, index) => ({
    submissionId: `${index}`,
    submission: index % 2 === 0 ? submission : escaped,
  }))
  const bytes = encodeBatch({ ...batch, submissions })
  const parse = vi.spyOn(JSON, 'parse')
  const read = decodeBatch(bytes)
  const longest = Math.max(...parse.mock.calls.map(([part]) => part.length))
  parse.mockRestore()
  expect([read?.submissions, longest < bytes.length / 50]).toEqual([submissions, true])
})

test('G2: a batch of any length has all its bytes: of texts that take more than they look, and of lists longer than its submissions', () => {
  const many = Array.from({ length: 100 }, (_, index) => ({ submissionId: `id-${index}`, submission }))
  const wide = { ...submission, nodeVersion: '\u20ac'.repeat(200) }
  const large: Batch = {
    ...batch,
    submissions: [...many, ...many.map(({ submissionId }) => ({ submissionId, submission: wide }))],
    projectIds: new Array(5_000).fill(batch.projectIds[0]),
    snapshotCids: new Array(5_000).fill('\u20ac'),
  }
  expect(decodeBatch(encodeBatch(large))).toEqual(large)
})

test('G2: a file is read the same whether or not it is as it was written', () => {
  const other = { ...submission, request: { ...submission.request, slotId: 8 }, signature: 'b"b<' } as unknown as Submission
  const submissions = [submission, { ...submission, signature: 'cc' }, other, { ...submission, header: '\u20ac\\' }]
  const whole: Batch = { ...batch, submissions: submissions.map((one, index) => ({ submissionId: `id-${index}`, submission: one })) }
  const written = new TextDecoder().decode(encodeBatch(whole))
  const [pids, cids] = ['"pids":["pair:0xab:UNISWAPV2"]', '"cids":["bafkreia"]']
  const edits: readonly (readonly [string, string])[] = [
    ['', ''],
    ['{', '\ufeff{'],
    ['"submissionIDs"', '"submissionIDx"'],
    ['"submissions":[', '"submissions": ['],
    ['["id-0",', '[ "id-0" ,'],
    ['"id-0"', '"\\u0069d-0"'],
    ['"id-0"', '"],\\"submissions\\":["'],
    ['"id-0"', '""'],
    ['"id-0",', ''],
    ['"id-0"', '"id-0","id-00"'],
    ['"id-0"', '"id-0",'],
    ['"id-0"', '5'],
    ['","{', '", "{'],
    ['","{', '""{'],
    ['","{', '";"{'],
    ['","{', '",{'],
    ['","{', '","","{'],
    ['}"],', '}"]],'],
    ['}"],', '}",],'],
    ['}"],', '}"];'],
    ['}"],', '}"]'],
    ['}"],', '}\\\\"],'],
    ['}"],', '}\\"],'],
    ['}"],', '}"],"pids":[],'],
    ['}"],', '}"],"submissions":[],'],
    ['}"],', '}"],"submissionIDs":["a","b","c","d"],'],
    ['}"],', '}"],"unknown":1,'],
    ['}"],', '}"],"__proto__":{},'],
    [`${pids},${cids}`, `${cids},${pids}`],
    [pids, '"pids":["pair"]'],
    [pids, '"pids":[]'],
    [pids, '"pids":5'],
    [cids, '"cids":["a","b"]'],
    [cids, `${cids},`],
    [cids, `${cids},"more":1`],
    ['"0xroot"', '1'],
    ['"0xroot"', '"\n"'],
    ['"0xroot"', `"${'x'.repeat(257)}"`],
    ['\\"7\\"', '\\"9007199254740992\\"'],
    ['\\"aa\\"', '\\"aa"'],
    ['\\"aa\\"', '\\"a\\\\na\\"'],
    ['\\"cc\\"', '\\"c"c\\"'],
    ['\\"cc\\"', '\\"c\na\\"'],
    ['\\"cc\\"', `\\"${'c'.repeat(257)}\\"`],
    ['\\"cc\\"', '\\"cc\\",\\"signature\\":\\"dd\\"'],
    [`${cids}}`, cids],
    [`${cids}}`, `${cids}} `],
    [`${cids}}`, `${cids}}}`],
  ]
  for (const [from, to] of edits) {
    for (const edited of [written.replace(from, () => to), written.replaceAll(from === '' ? '{}' : from, () => to)]) {
      // A space before all, which JSON allows, is not how it is written.
      const [asWritten, otherwise] = [parseBatch(text(edited)), parseBatch(text(` ${edited.replace('\ufeff', '')}`))]
      expect([to, asWritten]).toEqual([to, otherwise])
    }
  }
  expect(parseBatch(text(written))).toEqual({ ok: true, batch: whole })
})

test('what is written is read back', () => {
  const uint = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  const projectId = fc.constantFrom('a:N', 'pair:0x<&>:N', 'eth:price_tracking:0xab:N')
  const submissions = fc.array(
    fc.record({
      submissionId: word,
      submission: fc.record({
        request: fc.record({ slotId: uint, deadlineBlock: uint, snapshotCid: word, epochId: uint, projectId }),
        signature: word,
        header: fc.string(),
        dataMarket: fc.string(),
        nodeVersion: word,
        protocolState: fc.string(),
      }),
    }),
    { maxLength: 8 },
  )
  const results = fc.array(fc.tuple(projectId, word), { maxLength: 5 })
  fc.assert(
    fc.property(submissions, results, word, (list, finalized, submissionsRoot) => {
      const written = {
        submissions: list,
        submissionsRoot,
        projectIds: finalized.map(([id]) => id),
        snapshotCids: finalized.map(([, cid]) => cid),
      } as unknown as Batch
      expect(decodeBatch(encodeBatch(written))).toEqual(written)
    }),
    { numRuns: 200, ...replayFromEnv },
  )
})

describe('files of other versions', () => {
  test('submissionIds, an id, unknown fields', () => {
    const { submissionIDs, ...rest } = file()
    expect(decodeBatch(text({ id: 'x', submissionIds: submissionIDs, ...rest, extra: 1 }))).toEqual(batch)
  })
  test('a submission of 2024: no dataMarket, no nodeVersion; numbers instead of strings; CIDv0', () => {
    const old = {
      request: { slotId: 7, deadline: 600, snapshotCid: 'QmdFHpLZT4dgdFKYyd1yGM62chhJjYpZCtX', epochId: 3, projectId: 'a:N' },
      signature: 'aa',
      header: '0x01',
    }
    const read = decodeBatch(text({ ...file(), submissions: [JSON.stringify(old)] }))
    expect(read?.submissions[0]?.submission).toMatchObject({
      dataMarket: '',
      nodeVersion: 'v0.0.0',
      request: { slotId: 7, deadlineBlock: 600, snapshotCid: old.request.snapshotCid },
    })
  })
})

describe('what is not a batch', () => {
  test.each([
    ['not_json', text('{')],
    ['not_json', new Uint8Array([0xff, 0xfe])],
    ['not_json', text([])],
    ['field_missing', text({ ...file(), roothash: 5 })],
    ['field_missing', text({ ...file(), cids: [5] })],
    ['field_missing', text({ ...file(), submissionIDs: undefined })],
    ['lengths_differ', text({ ...file(), cids: [] })],
    ['lengths_differ', text({ ...file(), submissions: [] })],
    ['project_malformed', text({ ...file(), pids: ['no-namespace'] })],
    ['submission_malformed', text({ ...file(), submissions: [{}] })],
    ['submission_malformed', text({ ...file(), submissions: ['{"request":{"slotId":"-1"}}'] })],
    ['submission_malformed', text({ ...file(), submissions: [file().submissions[0]?.replace('"7"', '"7e3"')] })],
  ] as const)('%s', (defect, bytes) => expect(parseBatch(bytes)).toEqual({ ok: false, defect }))
  test('not_json, for a byte that is not UTF-8 within a text', () => {
    const bytes = encodeBatch({ ...batch, submissionsRoot: '0x~' })
    bytes[bytes.indexOf(0x7e)] = 0xff
    expect(parseBatch(bytes)).toEqual({ ok: false, defect: 'not_json' })
  })
  test.each([
    [262_144, 'submission_malformed'],
    [262_145, 'too_many'],
  ])('G7: too_many, before a submission is parsed: of %i', (count, defect) => {
    const [submissionIDs, submissions] = [new Array(count).fill('a'), new Array(count).fill('')]
    expect(parseBatch(text({ ...file(), submissionIDs, submissions }))).toEqual({ ok: false, defect })
  })
  test('G7: too_many projects: above 10,000', () => {
    const projects = (count: number) =>
      parseBatch(text({ ...file(), pids: new Array(count).fill('a:b'), cids: new Array(count).fill('c') }))
    expect([projects(10_000).ok, projects(10_001)]).toEqual([true, { ok: false, defect: 'too_many' }])
  })
  test('G7: what one field of a submission holds is read in turns as well, a megabyte at most in each', () => {
    const long = JSON.stringify({ ...JSON.parse(file().submissions[0] as string), unknown: 'x'.repeat(600_000) })
    const reading = readBatch(text({ ...file(), submissionIDs: new Array(8).fill('i'), submissions: new Array(8).fill(long) }))
    let turns = 1
    let step = reading.next()
    for (; step.done !== true; step = reading.next()) turns += 1
    expect([step.value.ok, turns]).toEqual([true, 9])
  })
  test('G7: too_large, before anything is parsed: above 64 MiB', () => {
    expect(parseBatch(new Uint8Array(67_108_864))).toEqual({ ok: false, defect: 'not_json' })
    expect(parseBatch(new Uint8Array(67_108_865))).toEqual({ ok: false, defect: 'too_large' })
  })

  describe('field_missing, when it is of another kind:', () => {
    const fieldNames = ['submissionIDs', 'submissions', 'pids', 'cids', 'roothash']
    const cases = fieldNames.flatMap((name) => [undefined, null, 5, {}].map((value) => [name, value] as const))
    test.each(cases)('%s as %o', (name, value) => {
      expect(parseBatch(text({ ...file(), [name]: value }))).toEqual({ ok: false, defect: 'field_missing' })
    })
    test.each(['submissionIDs', 'pids', 'cids'])('%s with an empty text', (name) => {
      expect(parseBatch(text({ ...file(), [name]: [''] }))).toEqual({ ok: false, defect: 'field_missing' })
    })
  })
})

describe('a submission within a batch', () => {
  const written = JSON.parse(file().submissions[0] as string) as { request: object }
  const parseWith = (message: unknown) => parseBatch(text({ ...file(), submissions: [JSON.stringify(message)] }))
  const withField = (name: string, value: unknown) => ({ ...written, [name]: value })
  const withRequest = (name: string, value: unknown) => ({ ...written, request: { ...written.request, [name]: value } })
  const malformed = { ok: false, defect: 'submission_malformed' }

  test.each(['slotId', 'deadline', 'epochId'])('has a safe integer for its %s, or none, which is 0', (name) => {
    for (const value of [true, null, [7], {}, 1.5, -1, '01', 2 ** 53]) expect(parseWith(withRequest(name, value))).toEqual(malformed)
    for (const value of [undefined, 0, '0', 7, '7', Number.MAX_SAFE_INTEGER]) expect(parseWith(withRequest(name, value)).ok).toBe(true)
    const read = parseWith(withRequest(name, undefined))
    expect(read.ok && read.batch.submissions[0]?.submission.request).toMatchObject({ [name === 'deadline' ? 'deadlineBlock' : name]: 0 })
  })

  test.each(['signature', 'header', 'dataMarket', 'nodeVersion', 'protocolState'])('G7: has at most 256 characters for its %s', (name) => {
    expect(parseWith(withField(name, 'x'.repeat(256))).ok).toBe(true)
    for (const value of ['x'.repeat(257), 7, null, ['x']]) expect(parseWith(withField(name, value))).toEqual(malformed)
  })

  test.each(['header', 'dataMarket', 'protocolState'])('may lack its %s', (name) => {
    const read = parseWith(withField(name, undefined))
    expect(read.ok && read.batch.submissions[0]?.submission).toMatchObject({ [name]: '' })
  })

  test('must have a signature, a CID and a project', () => {
    for (const message of [withField('signature', undefined), withRequest('snapshotCid', undefined), withRequest('projectId', undefined)])
      expect(parseWith(message)).toEqual(malformed)
    for (const projectId of [['a:N'], 'a', 7, '']) expect(parseWith(withRequest('projectId', projectId))).toEqual(malformed)
    for (const cid of [['c'], 7, 'x'.repeat(257)]) expect(parseWith(withRequest('snapshotCid', cid))).toEqual(malformed)
  })

  test('is one record with one request, as text', () => {
    for (const message of [null, [], 'x', 7, { ...written, request: null }, { ...written, request: [] }])
      expect(parseWith(message)).toEqual(malformed)
    expect(parseBatch(text({ ...file(), submissions: [[file().submissions[0]]] }))).toEqual(malformed)
  })
})

test.each([
  ['plain', {}],
  ['with large numbers', { request: { ...submission.request, slotId: 123_456, deadlineBlock: 98_765_432, epochId: 7_654_321 } }],
  ['with a zero', { request: { ...submission.request, epochId: 0 } }],
  ['with what is escaped', { nodeVersion: '<"\\&>' }],
  ['with every field', { protocolState: '0x03' }],
  ['without a header', { header: '' }],
])('the size of a submission %s is what it adds to the file', (_, change) => {
  const each = { submissionId: 'id-1', submission: { ...submission, ...change } as Submission }
  const length = (count: number) => encodeBatch({ ...batch, submissions: Array.from({ length: count }, () => each) }).length
  expect(submissionsJsonBytes([each])).toBe(length(2) - length(1))
})
