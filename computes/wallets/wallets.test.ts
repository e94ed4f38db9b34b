// Expected bytes: tools/vectors/wallets.py, an own reading in Python.
import { readFileSync } from 'node:fs'
import { type ChainTransaction, type JsonValue, snapshotProblems, type SnapshotSchema, type SourceReader } from 'weft/compute'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../src/wire/canonical-json.ts'
import { planProjects } from '../../src/roles/snapshotter/plan.ts'
import { BLOCK_TRANSACTIONS, wallets, type WalletsConfig } from './wallets.ts'

interface Vector {
  readonly epoch: { readonly epochId: number; readonly begin: number; readonly end: number }
  readonly config: WalletsConfig
  readonly blocks: Readonly<Record<string, readonly (Omit<ChainTransaction, 'value'> & { readonly value: string })[]>>
  readonly snapshots: Readonly<Record<string, Readonly<Record<string, string>>>>
}
const vector: Vector = JSON.parse(readFileSync(new URL('../../test/vectors/wallets.json', import.meta.url), 'utf8'))
const { epoch } = vector

const asked: number[] = []
const source = {
  timestamp: async (block: number) => 1_700_000_000 + block,
  async transactions(block: number): Promise<readonly ChainTransaction[]> {
    asked.push(block)
    return (vector.blocks[block] ?? []).map((each) => ({ ...each, to: each.to ?? undefined, value: BigInt(each.value) }))
  },
} as unknown as SourceReader

const set = wallets.create(vector.config)
const preload = set.preloads[0] as (typeof set.preloads)[0]
async function all(): Promise<ReadonlyMap<string, ReadonlyMap<string, JsonValue>>> {
  const preloaded = new Map([[BLOCK_TRANSACTIONS, await preload.preload({ epoch, source })]])
  const said = set.snapshots.map(async (each) => [each.projectType, (await each.all?.({ epoch, source, preloaded })) ?? new Map()] as const)
  return new Map(await Promise.all(said))
}

describe('what wallets did', () => {
  test('is what Python has, byte for byte, and of the form declared; who did nothing has no snapshot', async () => {
    const found = await all()
    const texts = [...found].map(([type, ofType]) => {
      const written = [...ofType].map(([dataSource, snapshot]) => [dataSource, new TextDecoder().decode(canonicalJson(snapshot))])
      return [type, Object.fromEntries(written)]
    })
    expect(Object.fromEntries(texts)).toEqual(vector.snapshots)
    for (const { projectType, schema } of set.snapshots)
      for (const snapshot of found.get(projectType)?.values() ?? [])
        expect(snapshotProblems(schema as SnapshotSchema, snapshot)).toEqual([])
  })

  test('is read from each block once, for all wallets', async () => {
    asked.length = 0
    await all()
    expect(asked).toEqual([500, 501, 502, 503])
  })

  test('is a project for each wallet, and one for each pair of a wallet and a contract', () => {
    const pair = vector.config.interactions[0]
    const ids = planProjects(set, 'NS').map(({ projectId }) => projectId)
    expect(ids).toContain(`eth:wallet_activity:${vector.config.wallets[0]}:NS`)
    expect(ids).toContain(`eth:tracking_wallet_interaction:${pair?.wallet}_${pair?.contract}:NS`)
    expect(ids).toHaveLength(8)
  })
})

const validate = (config: unknown) =>
  wallets.config['~standard'].validate(config) as { readonly value?: unknown; readonly issues?: unknown }
const address = (digit: string) => `0x${digit.repeat(40)}`

test('a configuration without interactions has none, and is the same as one that says so', () => {
  const written = { wallets: [address('A')] }
  expect(validate(written).value).toEqual({ wallets: [address('a')], interactions: [] })
  expect(validate({ ...written, interactions: [] }).value).toEqual(validate(written).value)
})

test.each([
  ['no wallets', { wallets: [] }, ['wallets'], 'is empty'],
  ['a wallet twice', { wallets: [address('a'), address('A')] }, ['wallets', 1], 'comes twice'],
  ['no address', { wallets: ['vitalik.eth'] }, ['wallets', 0], 'is not an address'],
  [
    'half a pair',
    { wallets: [address('a')], interactions: [{ wallet: address('a') }] },
    ['interactions', 0, 'contract'],
    'is not an address',
  ],
  ['something else', { wallets: [address('a')], tokens: [] }, [], 'tokens has no meaning here'],
])('a configuration with %s is refused', (_, wrong, path, message) => {
  expect(validate(wrong).issues).toMatchObject([{ path, message }])
})
