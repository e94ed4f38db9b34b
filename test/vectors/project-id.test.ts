// Origin: CPython's hashlib (tools/vectors/project-id.py) for the SHA3-256 ids, FIPS-202's own examples for the hash, spec/03 §5 for the rest.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { ProjectId } from '#domain/ids.ts'
import { multiAggregateProjectId, projectIdOf, singleAggregateProjectId } from '#wire/project-id.ts'

type Multi = { type: string; baseProjectIds: ProjectId[]; namespace: string; id: string }
const vectors = JSON.parse(readFileSync(new URL('./project-id.json', import.meta.url), 'utf8')) as { multi: Multi[] }

test.each(vectors.multi)('$type over $baseProjectIds.length projects', ({ id, ...options }) => {
  expect(multiAggregateProjectId(options)).toBe(id)
  expect(multiAggregateProjectId({ ...options, baseProjectIds: options.baseProjectIds.toReversed() })).toBe(id)
})

test.each([
  ['', 'a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a'],
  ['abc', '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532'],
])('the hash is SHA3-256 as FIPS-202 defines it: %j', (text, digest) => {
  expect(multiAggregateProjectId({ type: 't', baseProjectIds: [text as ProjectId], namespace: 'N' })).toBe(`t:${digest}:N`)
})

test.each([
  [{ type: 'eth:price_tracking', namespace: 'N' }, 'eth:price_tracking:N'],
  [{ type: 'eth:price_tracking', dataSource: 'example', namespace: 'mainnet-X-ETH' }, 'eth:price_tracking:example:mainnet-X-ETH'],
  [
    { type: 'pairContract_trade_volume', dataSource: '0xB4e16d0168E52d35', namespace: 'UNISWAPV2' },
    'pairContract_trade_volume:0xb4e16d0168e52d35:UNISWAPV2',
  ],
  [{ type: 'T', primarySource: '0xAA', dataSource: '0xBb', namespace: 'n' }, 'T:0xaa_0xbb:n'],
])('%o', (parts, id) => {
  expect(projectIdOf(parts)).toBe(id)
})

test('a SingleProject aggregate takes over the data source of its base', () => {
  const baseProjectId = projectIdOf({ type: 'eth:volume', dataSource: '0xAB', namespace: 'N' })
  expect(singleAggregateProjectId({ type: 'aggregate_24h', baseProjectId, namespace: 'N' })).toBe('aggregate_24h:0xab:N')
  const plainId = projectIdOf({ type: 'volume', dataSource: '0xAB', namespace: 'N' })
  expect(singleAggregateProjectId({ type: 'aggregate_24h', baseProjectId: plainId, namespace: 'M' })).toBe('aggregate_24h:0xab:M')
})

test('refuses parts that make no id', () => {
  expect(() => projectIdOf({ type: '', namespace: 'N' })).toThrow('ID_MALFORMED')
  expect(() => projectIdOf({ type: 'a', dataSource: 'b c', namespace: 'N' })).toThrow('ID_MALFORMED')
})
