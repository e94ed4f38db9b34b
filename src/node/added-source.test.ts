import { expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { withSource } from './added-source.ts'
import { COMPUTE_SETS, openComputes } from './computes.ts'

const address = (byte: string): string => `0x${byte.repeat(20)}`
const [POOL, ASSET, OTHER] = ['aa', 'a1', 'b2'].map(address) as [string, string, string]
const AAVE = { pool: POOL, poolAddressesProvider: POOL, uiPoolDataProvider: POOL, assets: [ASSET] }
const WALLETS = { wallets: [ASSET], interactions: [{ wallet: ASSET, contract: OTHER }] }
const LIST = [
  { name: 'wallets', config: WALLETS },
  { name: 'aave-v3', config: AAVE },
]

function projectsWith(projectType: string, source: string): readonly string[] {
  const { computes } = openComputes(withSource(LIST, { projectType, source }, COMPUTE_SETS))
  return planProjects(computes, 'N')
    .filter(({ compute }) => compute.projectType === projectType)
    .map(({ projectId }) => projectId)
}

function problemsWith(projectType: string, source: string): unknown {
  try {
    return projectsWith(projectType, source)
  } catch (failure) {
    if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
    return failure.facts.problems
  }
}

test.each(['poolContract_total_supply', 'aggregate_poolContract_24h_apr'])('%s takes a source that is not configured', (type) => {
  expect(projectsWith(type, OTHER)).toEqual([`${type}:${ASSET}:N`, `${type}:${OTHER}:N`])
})

test('one that is configured, however it is written, is nothing new', () => {
  expect(projectsWith('poolContract_total_supply', ASSET.replace('a1', 'A1'))).toEqual([`poolContract_total_supply:${ASSET}:N`])
})

test.each([
  ['poolContract_total_supply', '0x12', 'aave-v3: assets[1] is not an address'],
  ['aggregate_top_assets', OTHER, '--source: aggregate_top_assets has no data sources of its own'],
  ['nothing', OTHER, '--source: nothing has no data sources of its own'],
])('%s with %s is told: %s', (type, source, problem) => {
  expect(problemsWith(type, source)).toEqual([problem])
})

test('sources that no list of the configuration has are to be added there', () => {
  expect(problemsWith('eth:tracking_wallet_interaction', OTHER)).toEqual([
    '--source: the data sources of eth:tracking_wallet_interaction are no list of its configuration: add to it there',
  ])
})
