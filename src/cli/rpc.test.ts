import { afterEach, expect, test, vi } from 'vitest'
import { openEndpoints, status } from '#io/chain/rpc/endpoints.test-world.ts'
import type { WorldNode } from '#io/chain/rpc/endpoints.test-world.ts'
import { headerOf, hex } from '#io/chain/rpc/scripted.test-node.ts'
import { weft } from './cli.test-world.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const now = (): string => hex(Math.floor(Date.now() / 1_000))
const good = {
  eth_getBlockByNumber: () => ({ ...headerOf(100), timestamp: now() }),
  eth_getLogs: () => [],
  eth_getBalance: () => '0x0',
}

test('endpoints that can serve every role are shown, and that is success', async () => {
  openEndpoints({ names: ['a'], scripts: { a: good } })
  const { out, exitCode } = await weft({}, 'rpc', 'check', 'https://a.test/secret')
  expect(exitCode).toBe(0)
  expect(out).toMatch(/^https:\/\/a\.test \(\d+ requests\)\n {2}chain id {9}1\n {2}head {13}100, \d s old, 0 blocks behind the others\n/)
  expect(out).toContain('  eth_getLogs      10000 blocks or more at once\n')
  expect(out).toContain('  eth_getProof     no\n')
  expect(out).toContain('  ✔ source chain of a snapshotter\n')
  expect(out).not.toContain('secret')
})

test('one that cannot is shown with the reason beside the others, and that is failure', async () => {
  const { nodes } = openEndpoints({ names: ['a', 'b'], scripts: { a: good } })
  ;(nodes['b'] as WorldNode).reply = status(401)
  const { out, exitCode } = await weft({}, 'rpc', 'check', 'https://a.test', 'https://b.test')
  expect([exitCode, out]).toEqual([1, expect.stringContaining('✘ anchor chain of every role: HTTP 401, no JSON\n')])
  const json = await weft({}, 'rpc', 'check', 'https://a.test', 'https://b.test', '--json')
  expect(JSON.parse(json.out)).toMatchObject({ endpoints: [{ endpoint: 'https://a.test', chainId: 1 }, { failure: 'HTTP 401, no JSON' }] })
})
