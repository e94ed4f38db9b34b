import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { readParts } from './node.ts'
import { configSchema, readConfig } from './node-config.ts'
import { shownSettings } from './show-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-node-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const KEY = 'ee'.repeat(32)
writeFileSync(at('key'), KEY, { mode: 0o600 })
const network = (dataMarket: string) =>
  JSON.stringify({
    chainId: 7,
    protocolState: `0x${'01'.repeat(20)}`,
    dataMarket: `0x${dataMarket.repeat(20)}`,
    nodes: `0x${'03'.repeat(20)}`,
    factory: `0x${'04'.repeat(20)}`,
    deploymentBlock: 1,
  })
writeFileSync(at('one.json'), network('aa'))
writeFileSync(at('two.json'), network('bb'))
const PEER = '12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'

const SHARED = {
  anchorRpcUrl: 'http://user:pass@127.0.0.1:1',
  sourceRpcUrl: 'http://127.0.0.1:2',
  network: 'one.json',
  signerKey: 'file:key',
  sequencers: [`/ip4/127.0.0.1/tcp/1/p2p/${PEER}`],
}
const ONE = { dataDir: 'data', settings: SHARED, parts: { snapshotter: { slots: [1, '3-5'] }, collector: {} } }

function write(config: unknown): string {
  const path = at(`${crypto.randomUUID()}.json`)
  writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config))
  return path
}
const partsOf = (config: unknown, env: Record<string, string> = {}) => readParts(readConfig(write(config)), env)
function problemsOf(config: unknown, env: Record<string, string> = {}): string {
  const path = write(config)
  try {
    readParts(readConfig(path), env)
    return ''
  } catch (failure) {
    if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
    return [failure.facts.problems].flat().join('\n').replaceAll(`${path}: `, '')
  }
}

test('parts have what is said for all and what is said for them, each a folder of its own, paths seen from the file', () => {
  const parts = partsOf({ ...ONE, parts: { ...ONE.parts, snapshotter: { slots: [1, '3-5'], pollMs: 700 } } })
  // Whoever takes comes before whoever gives.
  expect(parts.map(({ name }) => name)).toEqual(['collector', 'snapshotter'])
  const [collector, snapshotter] = parts.map(({ settings }) => settings)
  expect(snapshotter).toMatchObject({
    dataDir: at('data/snapshotter'),
    slots: [1, 3, 4, 5],
    pollMs: 700,
    dataMarket: `0x${'aa'.repeat(20)}`,
    network: at('one.json'),
  })
  expect(snapshotter?.signerKey.reveal()).toBe(KEY)
  expect(collector).toMatchObject({ dataDir: at('data/collector'), pollMs: 500 })
})

test('a variable wins over the file, but for the folder of all, which no part has', () => {
  const [collector, snapshotter] = partsOf(ONE, { WEFT_POLL_MS: '900', WEFT_DATA_DIR: '/elsewhere' })
  expect([collector?.settings.pollMs, snapshotter?.settings.pollMs, snapshotter?.settings.dataDir]).toEqual([
    900,
    900,
    at('data/snapshotter'),
  ])
})

test('a snapshotter hands over to the collector of its market in the same file, unless another is named', () => {
  const two = { network: 'two.json' }
  const parts = {
    collector: { grpcListen: '127.0.0.1:50060' },
    'collector-two': { role: 'collector', grpcListen: '127.0.0.1:50061', ...two },
    snapshotter: { slots: [1] },
    aave: { role: 'snapshotter', slots: [1], ...two },
    outside: { role: 'snapshotter', slots: [2], collector: '10.0.0.1:50051' },
  }
  const collectors = Object.fromEntries(partsOf({ ...ONE, parts }).map(({ name, settings }) => [name, settings.collector]))
  expect(collectors).toMatchObject({ snapshotter: '127.0.0.1:50060', aave: '127.0.0.1:50061', outside: '10.0.0.1:50051' })
  expect(partsOf({ ...ONE, parts }, { WEFT_COLLECTOR: '10.0.0.2:1' }).at(-1)?.settings.collector).toBe('10.0.0.2:1')
})

test('everything wrong is told at once, by part and setting, and no secret with it', () => {
  const told = problemsOf({
    dataDir: '',
    setings: {},
    settings: { ...SHARED, signerKey: KEY, level: 'tally', pollMs: 1 },
    parts: {
      snapshotter: { slots: ['one'], slot: 1, constructor: 2, dataDir: 'x' },
      colector: {},
      collector: { role: 'relay' },
      relay: { level: 'tally' },
      'Bad Name': {},
    },
  })
  for (const problem of [
    "there is no 'setings' in it: it has dataDir, settings and parts",
    'dataDir is needed',
    'settings.signerKey names no file',
    'settings.pollMs is not an integer from 50 to 60000',
    'parts.snapshotter.slots[0] is no id of a slot',
    'parts.snapshotter.slot is no setting; did you mean slots?',
    'parts.snapshotter.constructor is no setting',
    'parts.snapshotter.dataDir: the folder of a part follows from its name',
    'parts.colector is no role, and does not say which it has: "role"; did you mean collector?',
    "parts.collector has the role 'relay': what is called as a role is that role",
    'parts.relay.level is none of its settings: validator know it',
    'parts.Bad Name: a name is made of',
  ])
    expect(told).toContain(problem)
  expect(told).not.toContain('eeee')
})

test('what a part lacks is told by its name, a setting that nobody reads by the part that would', () => {
  expect(problemsOf({ ...ONE, settings: { ...SHARED, sourceRpcUrl: undefined } })).toMatch(/^snapshotter: sourceRpcUrl is needed: /)
  expect(problemsOf({ ...ONE, settings: { ...SHARED, level: 'tally' } })).toContain('settings.level is read by no part: validator know it')
  expect(problemsOf(ONE, { WEFT_SLOT: '1' })).toBe('WEFT_SLOT is not a setting of Weft; did you mean WEFT_SLOTS?')
  expect(problemsOf(ONE, { WEFT_POLL_MS: 'x' })).toContain('snapshotter: pollMs: ')
})

test('two parts take no place and no slot twice', () => {
  const twice = { ...ONE.parts, again: { role: 'snapshotter', slots: [5] }, other: { role: 'collector' } }
  expect(problemsOf({ ...ONE, parts: twice })).toBe(
    [`other listens at 127.0.0.1:50051, as collector does`, `again signs for slot 5 of 0x${'aa'.repeat(20)}, as snapshotter does`].join(
      '\n',
    ),
  )
  expect(problemsOf({ ...ONE, parts: { ...ONE.parts, collector: { grpcListen: '127.0.0.1:0' } } })).toContain('grpcListen names no port')
})

test.each([
  ['breaks off', '{\n"dataDir": "x",\n"par', 'is no JSON; it breaks off or goes wrong in line 3'],
  ['is a list', '[]', 'the file is no object'],
  ['names nothing', '{"dataDir": "x"}', 'parts names nothing to run'],
])('a file that %s is told in words', (_, text, words) => {
  expect(problemsOf(text)).toContain(words)
})

test('a file that is not there is told with what makes one', () => {
  expect(() => readConfig(at('nowhere.json'))).toThrow(`there is no file ${at('nowhere.json')}: ./weft init writes one`)
})

test.each([
  ['https://me:pa,ss@traces.example', 'https://[secret]@traces.example'],
  ['https://me:pa@ss@traces.example', 'https://[secret]@traces.example'],
  ['http:me:pass@traces.example', 'http://[secret]@traces.example'],
  ['https://traces.example/v1/traces?api-key=pass', 'https://traces.example/v1/traces?[secret]'],
  ['http://127.0.0.1:4318/v1/traces', 'http://127.0.0.1:4318/v1/traces'],
  ['no URL with pass', '[no URL]'],
])('of the receiver %s is shown %s', (url, shown) => {
  const rows = shownSettings(readConfig(write(ONE)), { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url })
  expect(rows.find(({ setting }) => setting === 'otlpTracesEndpoint')?.value).toBe(shown)
})

test.each([
  ['https://gateway.example/ipfs', 'https://gateway.example/ipfs'],
  ['http://a.example,https://me:pass@b.example', 'http://a.example,https://[secret]@b.example'],
  ['https://a.example?token=pass,https://me:pa,ss@b.example', 'https://a.example?[secret],[no URL],[no URL]'],
])('of the gateways %s is shown %s', (urls, shown) => {
  const rows = shownSettings(readConfig(write({ ...ONE, settings: { ...ONE.settings, gateways: urls.split(',') } })), {})
  expect(rows.find(({ setting }) => setting === 'gateways')?.value).toBe(shown)
})

test('what is shown of a file is where each value comes from, and no secret', () => {
  const receiver = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:pass@traces.example', OTEL_EXPORTER_OTLP_HEADERS: 'authorization=hunter2' }
  const rows = shownSettings(readConfig(write(ONE)), { WEFT_SIGNER_PASSWORD: 'hunter2', WEFT_POLL_MS: '900', ...receiver })
  const of = (part: string, setting: string) => rows.find((row) => row.part === part && row.setting === setting)
  expect(of('snapshotter', 'pollMs')).toMatchObject({ value: '900', origin: 'environment' })
  expect(of('snapshotter', 'slots')).toMatchObject({ value: '1,3-5', origin: 'file' })
  expect(of('snapshotter', 'anchorChainId')).toMatchObject({ value: '7', origin: 'network file' })
  expect(of('snapshotter', 'proofs')).toMatchObject({ value: 'on', origin: 'default' })
  expect(of('snapshotter', 'namespace')).toMatchObject({ value: '', origin: 'market' })
  expect(of('snapshotter', 'signerKey')).toMatchObject({ value: `file:${at('key')}`, origin: 'file' })
  expect(of('snapshotter', 'signerPassword')).toMatchObject({ value: '[secret]', origin: 'environment' })
  expect(of('snapshotter', 'otlpEndpoint')).toMatchObject({ value: 'https://[secret]@traces.example', origin: 'environment' })
  expect(JSON.stringify(rows)).not.toMatch(/hunter2|pass@|eeee/)
  const lacking = shownSettings(readConfig(write({ ...ONE, parts: { snapshotter: {}, collector: {} } })), {})
  const slots = lacking.filter(({ setting }) => setting === 'slots').map(({ part, origin }) => `${part} ${origin}`)
  expect(slots.sort()).toEqual(['collector optional', 'snapshotter missing'])
})

test('editors have its form: every role, and every setting with its words', () => {
  const schema = configSchema() as { properties: { parts: { properties: Record<string, { properties: Record<string, unknown> }> } } }
  expect(schema.properties.parts.properties['snapshotter']?.properties['slots']).toMatchObject({ type: 'array' })
  expect(schema.properties.parts.properties['validator']?.properties['level']).toMatchObject({
    enum: ['integrity', 'tally', 'recompute'],
    description: expect.stringContaining('How far a batch is checked'),
  })
})
