import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as registry from './registry.ts'
import { type DevnetEndpoints, findDevnet, findKept, withdraw, latestDevnet } from './registry.ts'

/** Announcements lie in the temporary folder of the user: each test has one of its own. */
const before = process.env['TMPDIR']
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-registry-'))
  process.env['TMPDIR'] = join(folder, 'tmp')
  for (const name of ['tmp', 'first', 'second']) mkdirSync(join(folder, name))
})
afterEach(() => {
  if (before === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = before
  rmSync(folder, { recursive: true, force: true })
})

const at = (name: string): string => join(folder, name)
const endpoints = (name: string, processId = process.pid): DevnetEndpoints => ({
  processId,
  dataDir: at(name),
  anchorRpcUrl: `http://127.0.0.1/${name}`,
  anchorChainId: 1,
  sourceRpcUrl: '',
  sourceChainId: 1,
  protocolState: '',
  dataMarket: '',
  nodes: '',
  gateways: {},
  sequencer: [],
  sequencerHttp: '',
  api: '',
  relay: [],
  collectors: [],
  projects: [],
})
const folderOf = (dataDir: string) => ({ file: (name: string) => join(dataDir, name) })
const announce = (devnet: DevnetEndpoints): void => registry.announce(devnet, folderOf(devnet.dataDir))
const keep = (dataDir: string): void => registry.keep(dataDir, folderOf(dataDir))
/** Where announcements are, once there has been one. */
const folderOfAll = (): string => join(at('tmp'), readdirSync(at('tmp'))[0] ?? 'none')
const announced = (): string[] => (existsSync(folderOfAll()) ? readdirSync(folderOfAll()) : [])

test('the devnet started last is found without a name, each by its folder', () => {
  announce(endpoints('first'))
  announce(endpoints('second'))
  expect(findDevnet()).toEqual(endpoints('second'))
  expect(findDevnet(at('first'))).toEqual(endpoints('first'))
})

test('what it writes is for its user alone', () => {
  announce(endpoints('first'))
  for (const path of [join(at('first'), 'devnet.json'), join(folderOfAll(), announced()[0] as string)]) {
    expect(statSync(path).mode & 0o777).toBe(0o600)
  }
})

test('a devnet that ends takes back what it wrote, and nothing of another one', () => {
  announce(endpoints('first'))
  announce(endpoints('second'))
  withdraw(at('first'))
  expect(readdirSync(at('first'))).toEqual([])
  expect(findDevnet()).toEqual(endpoints('second'))
  withdraw(at('second'))
  expect([readdirSync(at('second')), announced()]).toEqual([[], []])
  withdraw(at('second'))
})

test('when the one started last ends, the one before it is found again', () => {
  for (const name of ['first', 'second']) announce(endpoints(name))
  withdraw(at('second'))
  expect(findDevnet()).toEqual(endpoints('first'))
})

test('one that was killed hides nobody, and is forgotten when the next one starts', () => {
  announce(endpoints('first'))
  announce(endpoints('second', 2 ** 22 + 1))
  expect(findDevnet()).toEqual(endpoints('first'))
  mkdirSync(at('third'))
  announce(endpoints('third'))
  expect(announced()).toHaveLength(2)
  expect(findDevnet()).toEqual(endpoints('third'))
})

test('what somebody else may have announced in our name is not believed', () => {
  announce(endpoints('first'))
  chmodSync(folderOfAll(), 0o777)
  expect(() => findDevnet()).toThrow('DATA_DIR_UNKNOWN')
})

test('one that is kept says where things were, once its chain has left its state', () => {
  announce(endpoints('first'))
  expect(findKept(at('first'))).toBeUndefined()
  keep(at('first'))
  expect(latestDevnet()).toBeUndefined()
  expect(() => findDevnet(at('first'))).toThrow('DATA_DIR_UNKNOWN')
  expect(findKept(at('first'))).toBeUndefined()
  writeFileSync(join(at('first'), 'anchor-chain.json'), '{}')
  expect(findKept(at('first'))).toEqual(endpoints('first'))
  announce(endpoints('second'))
  expect(latestDevnet()).toBe(at('second'))
  withdraw(at('second'))
  expect(latestDevnet(), 'it was kept, not forgotten').toBe(at('first'))
})

test.each([
  ['that was never started', () => undefined],
  ['whose process is gone', () => announce(endpoints('first', 2 ** 22 + 1))],
  [
    'that has ended',
    () => {
      announce(endpoints('first'))
      withdraw(at('first'))
    },
  ],
  ['whose file is half written', () => writeFileSync(join(at('first'), 'devnet.json'), '{"processId":')],
  ['whose file is a folder', () => mkdirSync(join(at('first'), 'devnet.json'))],
])('one %s is not found', (_, arrange) => {
  arrange()
  expect(() => findDevnet(at('first'))).toThrow(expect.objectContaining({ code: 'DATA_DIR_UNKNOWN', facts: { dataDir: at('first') } }))
  expect(() => findDevnet()).toThrow(expect.objectContaining({ code: 'DATA_DIR_UNKNOWN' }))
})

test('no folder at all is no devnet', () => {
  writeFileSync(at('file'), '')
  for (const dataDir of [at('nowhere'), at('file')]) {
    expect(() => findDevnet(dataDir)).toThrow('DATA_DIR_UNKNOWN')
    expect(findKept(dataDir)).toBeUndefined()
  }
})

test('a folder that cannot be written is told in our words', () => {
  expect(() => announce(endpoints('nowhere'))).toThrow(
    expect.objectContaining({ code: 'STORE_PLACE_WRONG', facts: { path: join(at('nowhere'), 'devnet.json'), doing: 'writing it' } }),
  )
  expect(announced()).toEqual([])
})
