import { describe, expect, test } from 'vitest'
import { snapshotCidOf } from './cid.ts'
import { completeManifest, encodeManifest, type Manifest, MANIFEST_BYTES_MAX, parseManifest, rulesOf } from './manifest.ts'

const MANIFEST: Manifest = {
  version: 1,
  namespace: 'UNISWAPV2-ETH',
  sourceChainId: 1,
  epochSize: 10,
  window: { unit: 'blocks' },
  deadlineBufferMaxBlocks: 1_000,
  tally: { minVotes: 2, minShareBp: 3_334 },
  availability: 'required',
  completeness: 'none',
  voting: { projectTypes: ['pairContract_pair_total_reserves'], dataSources: ['0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc'] },
  batch: { form: 'json', tree: 'cumulative', anchoring: 'projects', projectsPerBatch: 50, projectsPerSlotMax: 1_000 },
  computes: [{ name: 'uniswap-v2', version: '1.0.0', config: { feeOn: 'trade', factor: 0.5, pairs: ['0x01'], depth: 3n } }],
}
const GROUND = { sourceChainId: 1, epochSize: 10 }
const TEXT =
  '{"availability":"required","batch":{"anchoring":"projects","form":"json","projectsPerBatch":50,"projectsPerSlotMax":1000,"tree":"cumulative"},"completeness":"none",' +
  '"computes":[{"config":{"depth":3,"factor":0.5,"feeOn":"trade","pairs":["0x01"]},"name":"uniswap-v2","version":"1.0.0"}],' +
  '"deadlineBufferMaxBlocks":1000,"epochSize":10,"namespace":"UNISWAPV2-ETH","sourceChainId":1,"tally":{"minShareBp":3334,"minVotes":2},' +
  '"version":1,"voting":{"dataSources":["0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc"],"projectTypes":["pairContract_pair_total_reserves"]},' +
  '"window":{"unit":"blocks"}}'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const parse = (text: string) => parseManifest(bytesOf(text), 'it')
const complete = (text: string) => completeManifest(bytesOf(text), GROUND, 'it')
const changed = (changes: object) => JSON.stringify({ ...JSON.parse(TEXT), ...changes })

/** What is wrong with it. */
function problems(work: () => unknown): readonly string[] {
  try {
    work()
  } catch (failure) {
    expect(failure).toMatchObject({ code: 'MANIFEST_INVALID', facts: { manifest: 'it' } })
    return (failure as { facts: { problems: string[] } }).facts.problems
  }
  return []
}

describe('a manifest', () => {
  test('is canonical JSON, and reads back as it was', () => {
    expect(new TextDecoder().decode(encodeManifest(MANIFEST))).toBe(TEXT)
    expect(parse(TEXT)).toEqual(MANIFEST)
  })

  test('has one CID, whoever writes it', async () => {
    const loosely = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(TEXT)).reverse()), undefined, 4)
    const cid = await snapshotCidOf(bytesOf(TEXT))
    expect(await snapshotCidOf(encodeManifest(complete(loosely)))).toBe(cid)
    expect(cid).toBe('bafkreihcbhegku3eaoqllyom6g77ao54436vbnvxpsmricley6sbab3x3e')
  })

  test('says the rules that roles follow', () => {
    expect(rulesOf(MANIFEST)).toEqual({
      namespace: 'UNISWAPV2-ETH',
      windowUnit: 'blocks',
      deadlineBufferMaxBlocks: 1_000,
      tally: { minVotes: 2, minShareBp: 3_334 },
      voting: MANIFEST.voting,
      availability: 'required',
      completeness: 'none',
      batchForm: 'json',
      batchTree: 'cumulative',
      anchoring: 'projects',
      projectsPerBatch: 50,
      projectsPerSlotMax: 1_000,
    })
  })

  test.each<[string, object, string]>([
    ['a namespace with a colon', { namespace: 'A:B' }, 'namespace: "A:B" is not a namespace'],
    ['a fraction', { epochSize: 1.5 }, 'epochSize: 1.5 is not an integer from 1 to 255'],
    ['an epoch that no contract holds', { epochSize: 256 }, 'epochSize: 256 is not an integer from 1 to 255'],
    ['a chain id in quotes', { sourceChainId: '1' }, 'sourceChainId: "1" is not an integer from 1 to'],
    ['an unknown unit', { window: { unit: 'minutes' } }, "window.unit: \"minutes\" is not 'blocks' or 'seconds'"],
    ['a number below 0', { deadlineBufferMaxBlocks: -1 }, 'deadlineBufferMaxBlocks: -1 is not an integer from 0'],
    ['an availability nobody knows', { availability: 'perhaps' }, "availability: \"perhaps\" is not 'required' or 'none'"],
    ['a completeness nobody knows', { completeness: 'perhaps' }, "completeness: \"perhaps\" is not 'required' or 'none'"],
    [
      'a share of more than all',
      { tally: { minVotes: 2, minShareBp: 10_001 } },
      'tally.minShareBp: 10001 is not an integer from 0 to 10000',
    ],
    [
      'turns on nothing',
      { voting: { projectTypes: ['a'], turns: { epochsInADay: 10 } } },
      'voting.turns: needs dataSources: these are what slots take turns on',
    ],
    [
      'turns of no length',
      { voting: { projectTypes: ['a'], dataSources: ['b'], turns: { epochsInADay: 0 } } },
      'voting.turns.epochsInADay: 0 is not an integer from 1 to 1000000000',
    ],
    ['voting on nothing', { voting: { projectTypes: [] } }, 'voting.projectTypes: [] is not a list of at least one'],
    ['another kind of voting', { voting: 'closed' }, 'voting: "closed" is not \'open\' or an object with projectTypes'],
    ['an unknown field of voting', { voting: { projectTypes: ['a'], slots: [1] } }, 'voting: has "slots", which version 1 does not have'],
    [
      'a data source in capitals',
      { voting: { projectTypes: ['a'], dataSources: ['0xAB'] } },
      'voting.dataSources[0]: "0xAB" is not a data source',
    ],
    [
      'another form of batches',
      { batch: { form: 'roots', tree: 'cumulative', anchoring: 'projects', projectsPerBatch: 1, projectsPerSlotMax: 1 } },
      "batch.form: \"roots\" is not 'json' or 'dag-cbor'",
    ],
    [
      'another tree',
      { batch: { form: 'json', tree: 'either', anchoring: 'projects', projectsPerBatch: 1, projectsPerSlotMax: 1 } },
      "batch.tree: \"either\" is not 'cumulative' or 'fresh'",
    ],
    [
      'another way to anchor',
      { batch: { form: 'json', tree: 'cumulative', anchoring: 'files', projectsPerBatch: 1, projectsPerSlotMax: 1 } },
      "batch.anchoring: \"files\" is not 'projects' or 'roots'",
    ],
    ['a compute set without a version', { computes: [{ name: 'a', config: {} }] }, 'computes[0].version: is missing'],
    [
      'a compute set twice',
      { computes: [1, 2].map((version) => ({ name: 'a', version: `${version}`, config: {} })) },
      'computes: a comes twice',
    ],
    ['an unknown field', { slots: 3 }, 'has "slots", which version 1 does not have'],
    ['a version to come', { version: 2, more: true }, 'version: this program knows version 1, not 2; a newer one may'],
  ])('%s is refused by its place', (_name, changes, problem) => {
    expect(problems(() => complete(changed(changes)))).toEqual([expect.stringContaining(problem)])
  })

  test('nothing may be missing: what is not said would be guessed', () => {
    const fields = [
      'version',
      'namespace',
      'sourceChainId',
      'epochSize',
      'window',
      'deadlineBufferMaxBlocks',
      'availability',
      'completeness',
      'tally',
      'voting',
      'batch',
      'computes',
    ]
    expect(problems(() => parse('{}')).map((problem) => problem.split(' is missing')[0])).toEqual(fields.map((field) => `${field}:`))
  })

  test('a compute set may do without a configuration', () => {
    const { computes } = complete('{"namespace":"NS","computes":[{"name":"a","version":"1"}]}')
    expect(computes).toEqual([{ name: 'a', version: '1' }])
  })

  test('everything that is wrong is told at once', () => {
    const wrong = changed({ epochSize: 0, namespace: '', tally: { minVotes: -1 }, extra: 1 })
    expect(problems(() => parse(wrong)).map((problem) => problem.split(':')[0])).toEqual(
      expect.arrayContaining([
        'epochSize',
        'namespace',
        'tally.minVotes',
        'tally.minShareBp',
        'has "extra", which version 1 does not have',
      ]),
    )
  })
})

describe('what its owner wrote', () => {
  test.each([
    ['{"namespace":"A","namespace":"B"}', '"namespace" comes twice in one object'],
    ['{"namespace":"A","tally":{"minVotes":1,"minVotes":9}}', '"minVotes" comes twice in one object'],
  ])('%s is not guessed at', (text, problem) => {
    expect(problems(() => complete(text))).toEqual([`is no JSON: ${problem}`])
  })

  test('may begin with a byte order mark', () => {
    expect(complete('\uFEFF{"namespace":"A"}')).toEqual(complete('{"namespace":"A"}'))
  })
})

describe('bytes that are hostile', () => {
  test.each<[string, Uint8Array, string]>([
    ['more than are read', new Uint8Array(MANIFEST_BYTES_MAX + 1), 'at most 1048576 are read'],
    ['no text', Uint8Array.of(0xff, 0xfe), 'is no JSON: the bytes are not UTF-8'],
    ['no JSON', bytesOf('{'), 'is no JSON: unexpected the end'],
    ['nested without end', bytesOf('['.repeat(100_000)), 'is no JSON: nested deeper'],
    ['no object', bytesOf('[]'), '[] is not an object'],
    ['null', bytesOf('null'), 'null is not an object'],
    ['a field twice', bytesOf(TEXT.replace('"epochSize":10', '"epochSize":11,"epochSize":10')), 'is not canonical'],
    ['spaces', bytesOf(`${TEXT}\n`), 'is not canonical'],
    ['the prototype as a field', bytesOf(TEXT.replace('"version":1', '"__proto__":{"namespace":"x"},"version":1')), 'has "__proto__"'],
  ])('%s are refused with their reason', (_name, bytes, problem) => {
    expect(problems(() => parseManifest(bytes, 'it'))).toEqual([expect.stringContaining(problem)])
  })

  test('no file makes a message without end', () => {
    const told = problems(() => complete(changed({ computes: Array.from({ length: 100 }, () => ({ name: 'A'.repeat(1_000) })) })))
    expect(told).toHaveLength(51)
    expect(told.at(-1)).toMatch(/^and \d+ more$/)
    expect(Math.max(...told.map((problem) => problem.length))).toBeLessThan(250)
  })
})

describe('a draft', () => {
  test('needs a namespace; the rest is the contract’s, or what our own markets ask for', () => {
    expect(complete('{ "namespace": "NS" }')).toEqual({
      version: 1,
      namespace: 'NS',
      sourceChainId: 1,
      epochSize: 10,
      window: { unit: 'blocks' },
      deadlineBufferMaxBlocks: 1_000,
      tally: { minVotes: 2, minShareBp: 3_334 },
      voting: 'open',
      availability: 'required',
      completeness: 'none',
      batch: { form: 'json', tree: 'cumulative', anchoring: 'projects', projectsPerBatch: 50, projectsPerSlotMax: 1_000 },
      computes: [],
    })
    expect(problems(() => complete('{}'))).toEqual([expect.stringContaining('namespace: is missing')])
  })

  test('may say one thing of several, and contradict the contract, which is for others to tell', () => {
    expect(complete('{"namespace":"NS","tally":{"minVotes":3},"epochSize":5}')).toMatchObject({
      epochSize: 5,
      tally: { minVotes: 3, minShareBp: 3_334 },
    })
  })
})
