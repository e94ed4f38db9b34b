import { expect, test } from 'vitest'
import { z } from 'zod'
import type { AggregateCompute, ComputeSet, ComputeSetModule } from '#domain/compute.ts'
import { isWeftError } from '#domain/errors.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { canonicalJson, parseCanonicalJson } from '#wire/canonical-json.ts'
import { COMPUTE_LIST, type ComputeList, openComputes } from './computes.ts'

const address = `0x${'ab'.repeat(20)}`
const contracts = ['factory', 'router', 'weth', 'dai', 'usdc', 'usdt', 'daiWethPair', 'usdcWethPair', 'wethUsdtPair']
const config = { ...Object.fromEntries(contracts.map((name) => [name, address])), whitelist: [address], pairs: [address], feeOn: 'trade' }
const uniswap = (change: Readonly<Record<string, unknown>> = {}) => ({
  name: 'uniswap-v2',
  version: '1.2.0',
  config: { ...config, ...change },
})

/** A set with one project type over as many sources as its configuration says, and one preload. */
function counting(name: string, type: string, preload = { taskType: `${name} blocks`, preload: async () => undefined }): ComputeSetModule {
  const create = (config: unknown): ComputeSet => ({
    preloads: [preload],
    snapshots: [
      {
        projectType: type,
        dataSources: Array.from({ length: Number((config as { sources: bigint }).sources) }, (_, index) => String(index)),
        preloads: [preload.taskType],
        compute: async () => null,
      },
    ],
    aggregates: [],
  })
  return { name, version: '2.1.0', config: z.object({ sources: z.coerce.bigint({ error: 'is no number' }) }), create }
}

function problemsOf(list: ComputeList, shipped?: readonly ComputeSetModule[]): readonly string[] {
  try {
    openComputes(list, shipped)
  } catch (failure) {
    if (isWeftError(failure, 'SETTINGS_INVALID')) return failure.facts.problems as readonly string[]
    throw failure
  }
  return []
}

test('a shipped set is opened by its name, with or without its version', () => {
  const { sets, computes } = openComputes([uniswap()])
  expect(sets).toEqual([{ name: 'uniswap-v2', version: '1.2.0', hash: expect.stringMatching(/^[0-9a-f]{64}$/) }])
  expect(planProjects(computes, 'NS')).toHaveLength(8)
  expect(openComputes([{ name: 'uniswap-v2', config }]).sets).toEqual(sets)
})

test('what a plan is made from differs where a configuration does, and not where the same is written otherwise', () => {
  const hashOf = (list: ComputeList) => openComputes(list).sets[0]?.hash
  expect(hashOf([uniswap({ feeOn: 'token1' })])).not.toBe(hashOf([uniswap()]))
  const shouted = { factory: `0x${'AB'.repeat(20)}`, whitelist: [`0x${'AB'.repeat(20)}`] }
  expect(hashOf([uniswap(shouted)])).toBe(hashOf([uniswap()]))
  const turned = Object.fromEntries(Object.entries(config).reverse())
  expect(hashOf([{ name: 'uniswap-v2', config: turned }])).toBe(hashOf([uniswap()]))
})

test('a list that lies on chain as canonical JSON is one as well, its integers being bigint', () => {
  const shipped = [counting('counting', 'count')]
  const list = COMPUTE_LIST.parse(parseCanonicalJson(canonicalJson([{ name: 'counting', config: { sources: 3n } }])))
  expect(planProjects(openComputes(list, shipped).computes, 'NS')).toHaveLength(3)
  expect(planProjects(openComputes([{ name: 'counting', config: { sources: 3 } }], shipped).computes, 'NS')).toHaveLength(3)
  const onChain = parseCanonicalJson(canonicalJson([{ ...uniswap() }]))
  expect(openComputes(COMPUTE_LIST.parse(onChain)).sets).toEqual(openComputes([uniswap()]).sets)
})

test('several sets make one plan; a preload that they share is one', () => {
  const blocks = { taskType: 'blocks', preload: async () => undefined }
  const shipped = [counting('left', 'a', blocks), counting('right', 'b', blocks)]
  const { sets, computes } = openComputes(
    ['left', 'right'].map((name) => ({ name, config: { sources: 2 } })),
    shipped,
  )
  expect(sets.map(({ name }) => name)).toEqual(['left', 'right'])
  expect(computes.preloads).toEqual([blocks])
  expect(planProjects(computes, 'NS').map(({ projectId }) => projectId)).toEqual(['a:0:NS', 'a:1:NS', 'b:0:NS', 'b:1:NS'])
})

test.each<[string, ComputeList, readonly string[]]>([
  ['a pair that is no address', [uniswap({ pairs: [address, '0x12'] })], ['uniswap-v2: pairs[1] is not an address']],
  ['a pair that is a number', [uniswap({ pairs: [7] })], ['uniswap-v2: pairs[0] is not an address']],
  ['a pair twice, in any case', [uniswap({ pairs: [address, address.replace('ab', 'AB')] })], ['uniswap-v2: pairs[1] comes twice']],
  ['a missing contract', [uniswap({ weth: undefined })], ['uniswap-v2: weth is not an address']],
  ['no list', [uniswap({ whitelist: address })], ['uniswap-v2: whitelist is not a list of addresses']],
  ['an empty list', [uniswap({ pairs: [] })], ['uniswap-v2: pairs is empty']],
  [
    'a pair of the lite rankings that is none',
    [uniswap({ lite: [address.replace('ab', 'cd')] })],
    ['uniswap-v2: lite[0] is none of the pairs'],
  ],
  ['an unknown fee rule', [uniswap({ feeOn: 'all' })], ["uniswap-v2: feeOn is neither 'trade' nor 'token1'"]],
  ['a field that there is not', [uniswap({ fee: 1 })], ['uniswap-v2: fee has no meaning here']],
  ['a configuration that is none', [{ name: 'uniswap-v2', config: null }], ['uniswap-v2: is not an object']],
  [
    'another version',
    [{ ...uniswap({ pairs: 'as that version has them' }), version: '1.3.0' }],
    ['uniswap-v2: version 1.3.0 is asked for, this Weft has 1.2.0'],
  ],
  [
    'a mistyped name',
    [{ name: 'uniswap-v3', config }],
    [
      "there is no compute set 'uniswap-v3'; did you mean uniswap-v2? There are uniswap-v2, aave-v3, eth-price, wallets; one of a folder is given with --computes",
    ],
  ],
  [
    'an unknown name',
    [{ name: 'erc20', config }],
    ["there is no compute set 'erc20'. There are uniswap-v2, aave-v3, eth-price, wallets; one of a folder is given with --computes"],
  ],
])('%s is told by set and field', (_title, list, problems) => {
  expect(problemsOf(list)).toEqual(problems)
})

test('all that is wrong is told at once, over all sets', () => {
  expect(
    problemsOf([{ name: 'aave', config }, uniswap({ weth: '', pairs: ['', address, '0x'] }), { ...uniswap(), version: '0.9.0' }]),
  ).toEqual([
    expect.stringContaining("'aave'"),
    'uniswap-v2: weth is not an address',
    'uniswap-v2: pairs[0] is not an address',
    'uniswap-v2: pairs[2] is not an address',
    'uniswap-v2: version 0.9.0 is asked for, this Weft has 1.2.0',
  ])
})

test('two sets that bring one project type, or two preloads of one name, do not go together', () => {
  const shipped = [counting('left', 'a'), counting('right', 'a', { taskType: 'left blocks', preload: async () => undefined })]
  expect(
    problemsOf(
      ['left', 'right'].map((name) => ({ name, config: { sources: 1 } })),
      shipped,
    ),
  ).toEqual(['right: preload left blocks is there already, of left', 'right: project type a is there already, of left'])
  expect(problemsOf([uniswap(), uniswap({ pairs: [`0x${'cd'.repeat(20)}`] })])).toContain(
    'uniswap-v2: project type pairContract_trade_volume is there already, of uniswap-v2',
  )
})

test('rankings of one name over different projects go together, for their ids say over which; nobody may build on either', () => {
  const stats = (base: string): AggregateCompute => ({
    projectType: 'stats',
    aggregateOn: 'MultiProject',
    baseProjectTypes: [base],
    aggregate: async () => null,
  })
  const ranking = (name: string, type: string, base = type, more: readonly AggregateCompute[] = []): ComputeSetModule => {
    const module = counting(name, type)
    return { ...module, create: (config) => ({ ...module.create(config), aggregates: [stats(base), ...more] }) }
  }
  const open = (...shipped: readonly ComputeSetModule[]) =>
    [shipped.map(({ name }) => ({ name, config: { sources: 1 } })), shipped] as const
  const { computes } = openComputes(...open(ranking('left', 'a'), ranking('right', 'b')))
  const ids = planProjects(computes, 'NS').map(({ projectId }) => projectId)
  expect(ids.map((id) => id.split(':')[0])).toEqual(['a', 'b', 'stats', 'stats'])
  expect(new Set(ids).size).toBe(4)
  expect(problemsOf(...open(ranking('left', 'a'), ranking('right', 'b', 'a')))).toEqual([
    'right: project type stats is there already, of left',
  ])
  const upon = { ...stats('stats'), projectType: 'upon' }
  expect(problemsOf(...open(ranking('left', 'a'), ranking('right', 'b', 'b', [upon])))).toEqual([
    'right: upon builds on stats, which more than one set brings',
  ])
})
