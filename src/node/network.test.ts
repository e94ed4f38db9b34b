import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseAddress } from '#domain/ids.ts'
import { findNetwork, parseNetwork, writeNetwork } from './network.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-network-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const [protocolState, dataMarket, nodes, factory] = ['01', '02', '03', '04'].map((byte) => parseAddress(`0x${byte.repeat(20)}`)) as [
  ReturnType<typeof parseAddress>,
  ReturnType<typeof parseAddress>,
  ReturnType<typeof parseAddress>,
  ReturnType<typeof parseAddress>,
]
const NETWORK = { chainId: 7_869, protocolState, dataMarket, nodes, factory, deploymentBlock: 4 }

test('what is written is found, and nothing else is left', () => {
  const path = join(folder, 'network.json')
  expect(findNetwork(path)).toBeUndefined()
  writeNetwork(path, NETWORK)
  writeNetwork(path, NETWORK)
  expect(findNetwork(path)).toEqual(NETWORK)
  expect(readdirSync(folder)).toEqual(['network.json'])
})

test('roles of other users may read it', () => {
  const path = join(folder, 'network.json')
  writeNetwork(path, NETWORK)
  expect(statSync(path).mode & 0o777).toBe(0o644)
})

test('what cannot be written leaves the old one as it is', () => {
  const path = join(folder, 'kept', 'network.json')
  mkdirSync(join(folder, 'kept'))
  writeNetwork(path, NETWORK)
  const before = readFileSync(path, 'utf8')
  // A folder stands where the new file is written.
  mkdirSync(`${path}.new`)
  expect(() => writeNetwork(path, { ...NETWORK, chainId: 1 })).toThrow()
  expect(readFileSync(path, 'utf8')).toBe(before)
})

test.each([
  ['malformed', '{"chainId": 1', 'is no JSON object'],
  ['incomplete', JSON.stringify({ ...NETWORK, nodes: undefined, factory: '0x' }), 'nodes is no address, factory is no address'],
])('a %s one is told with its path and all that is wrong, and not what it holds', (name, json, problem) => {
  const path = join(folder, `${name}.json`)
  writeFileSync(path, json)
  expect(() => findNetwork(path)).toThrow(
    expect.objectContaining({ code: 'SETTINGS_INVALID', facts: { problems: [`${path}: ${problem}`] } }),
  )
})

test('one that cannot be read is no network that was never deployed', () => {
  const path = join(folder, 'unreadable.json')
  mkdirSync(path)
  expect(() => findNetwork(path)).toThrow(
    expect.objectContaining({ code: 'SETTINGS_INVALID', facts: { problems: [`${path} is a folder, not a file`] } }),
  )
  writeNetwork(join(path, 'network.json'), NETWORK)
  expect(() => findNetwork(path), 'the one in it is named').toThrow(`is a folder, not a file: ${join(path, 'network.json')} is in it`)
})

test.each([
  ['{', 1],
  ['null', 1],
  ['{}', 6],
  [JSON.stringify({ ...NETWORK, chainId: '7869' }), 1],
  [JSON.stringify({ ...NETWORK, nodes: '0x12', deploymentBlock: -1 }), 2],
])('%s has %i problems', (json, count) => {
  expect(() => parseNetwork(json)).toThrow(
    expect.objectContaining({
      code: 'SETTINGS_INVALID',
      facts: { problems: expect.toSatisfy((list: unknown[]) => list.length === count) },
    }),
  )
})
