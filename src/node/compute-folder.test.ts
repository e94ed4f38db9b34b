import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import type { SnapshotHistory, SourceReader } from '#domain/compute.ts'
import { isWeftError } from '#domain/errors.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { computeEpoch } from './compute-epoch.ts'
import { type FolderSet, openComputeFolder, openComputeFolders } from './compute-folder.ts'
import { COMPUTE_SETS, openComputes } from './computes.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-computes-'))
const opened: FolderSet[] = []
afterEach(() => Promise.all(opened.splice(0).map((set) => set.stop())))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function written(text: string): string {
  writeFileSync(join(folder, 'compute.ts'), text)
  return folder
}

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work()
  } catch (failure) {
    if (isWeftError(failure, 'SETTINGS_INVALID')) return failure.facts.problems as readonly string[]
    throw failure
  }
  return []
}

const SUPPLY = `import { configOf, float, list, object, scaled, text, type ComputeSetModule } from 'weft/compute'
const config = configOf(object({ tokens: list(text()) }))
export default {
  name: 'supply', version: '0.1.0', config,
  create: ({ tokens }) => ({
    preloads: [{ taskType: 'digits', preload: async () => new Map([['digits', 2]]) }],
    snapshots: [{
      projectType: 'supply', dataSources: tokens, preloads: ['digits'], schema: object({ supply: float({ unit: 'tokens' }) }),
      async compute({ epoch, dataSource, source, preloaded }) {
        const [supply] = await source.read({ address: String(dataSource), function: 'function totalSupply() view returns (uint256)', args: [], blockNumber: epoch.end })
        return { supply: scaled(supply as bigint, (preloaded.get('digits') as Map<string, number>).get('digits') as number) }
      },
    }],
    aggregates: [{
      projectType: 'total', aggregateOn: 'MultiProject', baseProjectTypes: ['supply'],
      aggregate: async ({ base, epochsIn }) => [...base.map(({ projectId }) => projectId), epochsIn(60)],
    }],
  }),
} satisfies ComputeSetModule<{ tokens: readonly string[] }>
`

test('a set of a folder is opened beside those that are shipped, and computes in its own world', async () => {
  const set = openComputeFolder(written(SUPPLY))
  opened.push(set)
  const { sets, computes } = openComputes([{ name: 'supply', version: '0.1.0', config: { tokens: ['0xAb'] } }], [...COMPUTE_SETS, set])
  expect(sets).toEqual([{ name: 'supply', version: '0.1.0', hash: expect.stringMatching(/^[0-9a-f]{64}$/) }])
  expect(planProjects(computes, 'NS').map(({ projectId }) => projectId)).toEqual(['supply:0xab:NS', expect.stringMatching(/^total:/)])
  expect(computes.snapshots[0]?.schema).toMatchObject({ fields: { supply: { kind: 'float', unit: 'tokens' } } })

  const epoch = { epochId: 1, begin: 1, end: 6 }
  const source = { timestamp: async () => 0, read: async () => [1_234n], events: async () => [], transactions: async () => [] }
  const preloaded = new Map([['digits', await computes.preloads[0]?.preload({ epoch, source })]])
  expect(await computes.snapshots[0]?.compute({ epoch, dataSource: '0xAb', source, preloaded })).toEqual({ supply: 12.34 })
  const input = { epoch, base: [{ projectId: 'a', epochId: 1, snapshot: null }], source, epochsIn: (seconds: number) => seconds / 6 }
  const history = { firstEpochId: async () => undefined, snapshot: async () => undefined }
  expect(await computes.aggregates[0]?.aggregate({ ...input, history } as never)).toEqual(['a', 10])
})

test('another version than the one that the market asks for is refused with words, and so is a configuration that does not fit', () => {
  const set = openComputeFolder(written(SUPPLY))
  opened.push(set)
  expect(problemsOf(() => openComputes([{ name: 'supply', version: '0.2.0', config: {} }], [set]))).toEqual([
    'supply: version 0.2.0 is asked for, this Weft has 0.1.0',
  ])
  expect(problemsOf(() => openComputes([{ name: 'supply', config: { tokens: [1] } }], [set]))).toEqual([
    'supply: tokens[0] is an integer, a text is declared',
  ])
})

test.each<[string, string, readonly string[]]>([
  ['exports nothing', 'export const a = 1', ['compute.ts: the default export is no compute set: export one as default']],
  [
    'exports something else',
    "export default { name: 'a b', version: 1, config: {} }",
    [
      'compute.ts: name is made of other characters than letters, digits, dots and dashes',
      'compute.ts: version is not a text',
      'compute.ts: config is no form of a configuration: `configOf(…)` makes one',
      'compute.ts: create is no function',
    ],
  ],
  ['throws', "\nthrow new Error('no luck')\nexport {}", ['compute.ts:2: no luck']],
])('a file that %s is told of, all of it at once', (_what, text, problems) => {
  expect(problemsOf(() => openComputeFolders([written(text)]))).toEqual(problems.map((problem) => join(folder, problem)))
})

test('a set whose parts are not whole is told of part by part', () => {
  const broken = `import { configOf, object } from 'weft/compute'
export default { name: 'x', version: '1', config: configOf(object({})), create: () => ({
  preloads: [{ taskType: '' }], snapshots: [{ projectType: 7, dataSources: 'a', preloads: [], compute: async () => null, joining: ['0xa'] }], aggregates: [{ aggregateOn: 'All' }] }) }`
  const set = openComputeFolder(written(broken))
  opened.push(set)
  expect(problemsOf(() => openComputes([{ name: 'x', config: {} }], [set]))).toEqual(
    [
      'compute.ts: preloads[0].taskType is empty',
      'compute.ts: preloads[0].preload is no function',
      'compute.ts: snapshots[0].projectType is not a text',
      'compute.ts: snapshots[0].joining is no function',
      'compute.ts: snapshots[0].dataSources is not a list of texts',
      'compute.ts: aggregates[0].projectType is not a text',
      'compute.ts: aggregates[0].aggregate is no function',
      'compute.ts: aggregates[0].aggregateOn is neither SingleProject nor MultiProject',
      'compute.ts: aggregates[0].baseProjectTypes is not a list of texts',
    ].map((problem) => join(folder, problem)),
  )
})

/** A set whose snapshot does that. */
const limited = (limits: string, body: string) => `import { bulk, configOf, object } from 'weft/compute'
export default { name: 'x', version: '1', config: configOf(object({})), create: () => ({ limits: ${limits}, preloads: [], aggregates: [],
  snapshots: [{ projectType: 'x', dataSources: [], preloads: [], async compute({ source }: any): Promise<any> { ${body} } }] }) }`

test.each([
  ['computes longer than it may', '{ timeMs: 200 }', 'for (;;);', 'compute_timed_out'],
  [
    'takes more memory than it may',
    '{ memoryMb: 32 }',
    'const all: any[] = []; for (;;) all.push(new Array(100_000).fill(all.length))',
    'compute_out_of_memory',
  ],
  [
    'asks more often than it may, whatever it does then',
    '{ requests: 2 }',
    'for (let i = 0; i < 9; i += 1) await source.timestamp(i).catch(() => 0); return 1n',
    'compute_asked_too_much',
  ],
  ['says more than it may', '{ snapshotBytes: 4 }', "return 'abc'", 'snapshot_too_large'],
  [
    'says as much as it may',
    '{ snapshotBytes: 5, requests: 1, timeMs: 5_000, memoryMb: 64 }',
    "await source.timestamp(1); return 'abc'",
    undefined,
  ],
])('a compute that %s ends in the state of that name', async (_what, limits, body, reason) => {
  const set = openComputeFolder(written(limited(limits, body)))
  opened.push(set)
  const { computes } = openComputes([{ name: 'x', config: {} }], [set])
  const source = { timestamp: async () => 1, read: async () => [], events: async () => [], transactions: async () => [] }
  const history = { firstEpochId: async () => undefined, snapshot: async () => undefined }
  const epoch = { epochId: 1, begin: 1, end: 2 }
  const [project] = (await computeEpoch(computes, { namespace: 'N', epoch, source, history, epochSeconds: 1 })).values()
  expect(project && 'reason' in project ? project.reason : undefined).toBe(reason)
})

test('limits that are none are told with the parts of the set', () => {
  const set = openComputeFolder(written(limited('{ memoryMb: 1, requests: -1, bytes: 5 }', 'return 1n')))
  opened.push(set)
  expect(problemsOf(() => openComputes([{ name: 'x', config: {} }], [set]))).toEqual([
    join(folder, 'compute.ts: limits.memoryMb is no number of megabytes from 16 on'),
    join(folder, 'compute.ts: limits.requests is no number of requests'),
    join(folder, 'compute.ts: limits bytes has no meaning here'),
  ])
})

test('what builds on what in a set is told by file and line, all of it at once', () => {
  const set = openComputeFolder(
    written(`import { configOf, object } from 'weft/compute'
export default { name: 'x', version: '1', config: configOf(object({})), create: () => ({
  preloads: [{ taskType: 'gas', preload: async () => 1 }],
  snapshots: [{ projectType: 'pair', dataSources: [], preloads: ['blocks'], compute: async () => 1n }],
  aggregates: [
    { projectType: 'hen', aggregateOn: 'MultiProject', baseProjectTypes: ['egg'], aggregate: async () => 1n },
    { projectType: 'egg', aggregateOn: 'MultiProject', baseProjectTypes: ['hen'], aggregate: async () => 1n },
    { projectType: 'day', aggregateOn: 'MultiProject', baseProjectTypes: ['pairs'], aggregate: async () => 1n }] }) }`),
  )
  opened.push(set)
  expect(problemsOf(() => openComputes([{ name: 'x', config: {} }], [set]))).toEqual(
    [
      'compute.ts:4: pair needs preload blocks, which does not exist',
      'compute.ts:3: gas is a preload that nothing needs',
      'compute.ts:6: hen builds on itself: hen on egg on hen',
      'compute.ts:8: day builds on pairs, which does not exist; did you mean pair',
    ].map((problem) => join(folder, problem)),
  )
})

test('data sources of a type join as its function says, from the source chain and earlier epochs', async () => {
  const set = openComputeFolder(
    written(`import { configOf, object } from 'weft/compute'
export default { name: 'x', version: '1', config: configOf(object({})), create: () => ({ preloads: [], aggregates: [], snapshots: [
  { projectType: 'x', dataSources: [], preloads: [], compute: async () => 1n,
    joining: async ({ epoch, source, history }: any) => ['0x' + (await source.timestamp(epoch.begin)), '0x' + (await history.firstEpochId('x'))] },
  { projectType: 'y', dataSources: [], preloads: [], compute: async () => 1n }] }) }`),
  )
  opened.push(set)
  const [joining, other] = openComputes([{ name: 'x', config: {} }], [set]).computes.snapshots
  const source = { timestamp: async (block: number) => 10 * block } as unknown as SourceReader
  const history = { firstEpochId: async () => 3 } as unknown as SnapshotHistory
  expect(await joining?.joining?.({ epoch: { epochId: 1, begin: 4, end: 5 }, source, history })).toEqual(['0x40', '0x3'])
  expect(other?.joining).toBe(undefined)
})

test('a compute in bulk mode is asked once, and a data source that it says nothing of has nothing to tell', async () => {
  const set = openComputeFolder(
    written(`import { bulk, configOf, object } from 'weft/compute'
export default { name: 'x', version: '1', config: configOf(object({})), create: () => ({ preloads: [], aggregates: [], snapshots: [
  bulk({ projectType: 'x', dataSources: ['0xA', '0xB'], preloads: [], async all({ source }) { return new Map([['0xa', BigInt(await source.timestamp(1))]]) } })] }) }`),
  )
  opened.push(set)
  const { computes } = openComputes([{ name: 'x', config: {} }], [set])
  let asked = 0
  const source = { timestamp: async () => (asked += 1), read: async () => [], events: async () => [], transactions: async () => [] }
  const history = { firstEpochId: async () => undefined, snapshot: async () => undefined }
  const epoch = { epochId: 1, begin: 1, end: 2 }
  const projects = await computeEpoch(computes, { namespace: 'N', epoch, source, history, epochSeconds: 1 })
  expect([...projects].map(([projectId, project]) => [projectId, 'json' in project ? project.json : project.reason])).toEqual([
    ['x:0xa:N', '1'],
    ['x:0xb:N', 'nothing_happened'],
  ])
  expect(asked).toBe(1)
})
