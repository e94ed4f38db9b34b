import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { computeTwice, expectCid, firstDifference, recorded, replayed, scriptedSource } from './compute-testing.ts'

const home = mkdtempSync(join(tmpdir(), 'weft-testing-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

let folders = 0
/** A set of one project per letter, and one over all of them. */
function folderOf(compute: string): string {
  const folder = join(home, String(folders++))
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'compute.ts'),
    `import { configOf, list, object, text } from 'weft/compute'
export default { name: 'letters', version: '1', config: configOf(object({ letters: list(text()) })), create: ({ letters }: any) => ({ preloads: [],
  snapshots: [{ projectType: 'letter', dataSources: letters, preloads: [], async compute({ epoch, dataSource, source }: any): Promise<unknown> { ${compute} } }],
  aggregates: [{ projectType: 'all', aggregateOn: 'MultiProject', baseProjectTypes: ['letter'], async aggregate({ base, history }: any) {
    return { now: base.map(({ snapshot }: any) => snapshot), before: await history.snapshot('all', 1) ?? null } } }] }) }`,
  )
  return folder
}

const conditions = {
  config: { letters: ['b', 'a'] },
  epoch: { epochId: 2, begin: 5, end: 6 },
  source: scriptedSource({}),
  history: { all: { 1: 7n } },
}

test('a set is run twice, in two processes, and every project comes with its bytes and CID', async () => {
  const projects = await computeTwice(folderOf('return [dataSource, BigInt(await source.timestamp(epoch.end))]'), conditions)
  const time = '1700000072'
  expect([...projects].map(([projectId, { json }]) => [projectId, json])).toEqual([
    ['letter:b:TEST', `["b",${time}]`],
    ['letter:a:TEST', `["a",${time}]`],
    [expect.stringMatching(/^all:[0-9a-f]{64}:TEST$/), `{"before":7,"now":[["a",${time}],["b",${time}]]}`],
  ])
  expect(projects.get('letter:b:TEST')?.cid).toMatch(/^bafkrei/)
})

test('data sources that join by themselves are projects there too, and where they cannot be found that is told', async () => {
  const folder = folderOf('return dataSource')
  const path = join(folder, 'compute.ts')
  const joining =
    "async joining({ source, epoch }: any) { if (epoch.end > 6) throw new Error('no luck'); return ['at' + (await source.timestamp(epoch.end))] },"
  writeFileSync(path, readFileSync(path, 'utf8').replace('preloads: [], async compute', `preloads: [], ${joining} async compute`))
  const projects = await computeTwice(folder, conditions)
  expect(projects.get('letter:at1700000072:TEST')?.json).toBe('"at1700000072"')
  const later = { ...conditions, epoch: { epochId: 2, begin: 7, end: 8 } }
  await expect(computeTwice(folder, later)).rejects.toThrow(/letter.*compute\.ts:3: no luck/)
})

/** The answer about block 5 comes after that about block 6; a record answers both in the order of the questions. */
function turnedSource() {
  const sixth = Promise.withResolvers<void>()
  const timestamp = async (block: number): Promise<number> => {
    if (block === 6) sixth.resolve()
    else await sixth.promise.then(() => new Promise((resolve) => setImmediate(resolve)))
    return 1
  }
  return { ...scriptedSource({ reads: { at: () => 1n } }), timestamp }
}
/** All that is left of chance in an isolate: which answer comes first. */
const FIRST = 'Promise.race([epoch.begin, epoch.end].map((number) => source.timestamp(number).then(() => BigInt(number))))'
const racing = (compute: string) => computeTwice(folderOf(compute), { ...conditions, config: { letters: ['b'] }, source: turnedSource() })

test('one that asks the second time what it did not ask the first time is told of', async () => {
  const asking = `return source.read({ address: '0x', function: 'function at() view returns (uint256)', args: [], blockNumber: Number(await ${FIRST}) })`
  await expect(racing(asking)).rejects.toThrow(/the second run fails: .*the record has no answer to/)
})

test('one whose bytes hang on which answer comes first is told of, with the first byte that differs', async () => {
  await expect(racing(`return ${FIRST}`)).rejects.toThrow(/letter:b:TEST is another one each time: byte 0: …6… here, …5… there/)
})

test('a project that fails is told of with file and line', async () => {
  await expect(computeTwice(folderOf("\n\nthrow new Error('no luck')"), conditions)).rejects.toThrow(
    /letter:b:TEST: compute_failed: .*compute\.ts:5: no luck/,
  )
})

test('the first byte that differs is shown with what is around it', () => {
  expect(firstDifference('{"a":1}', '{"a":1}')).toBeUndefined()
  expect(firstDifference('{"a":1,"price":1.5}', '{"a":1,"price":1.6}')).toBe(
    'byte 17: …{"a":1,"price":1.5}… here, …{"a":1,"price":1.6}… there',
  )
})

test('another CID than the one that was written down is shown with the bytes that it is of', () => {
  const project = { snapshot: null, json: 'null', cid: 'bafkreia' }
  expect(() => expectCid(project, 'bafkreia')).not.toThrow()
  expect(() => expectCid(project, 'bafkreib')).toThrow('bafkreia, where bafkreib was expected, is the CID of null')
  expect(() => expectCid(undefined, 'bafkreib')).toThrow('there is no such project')
})

test('what was recorded of a chain answers in its place, from JSON, and knows nothing else', async () => {
  const recorder = recorded(scriptedSource({ reads: { f: () => [1n, 'a'] } }))
  const call = { address: '0x1', function: 'function f() view returns (uint256, string)', args: [2n], blockNumber: 5 }
  await recorder.source.read(call)
  const source = replayed(JSON.parse(JSON.stringify(recorder.fixture())))
  expect(await source.read(call)).toEqual([1n, 'a'])
  await expect(source.read({ ...call, blockNumber: 6 })).rejects.toThrow('the record has no answer')
})
