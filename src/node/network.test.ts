import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
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
