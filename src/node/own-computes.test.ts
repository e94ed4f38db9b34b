import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { openComputeFolder } from './compute-folder.ts'
import { ownChoices } from './own-computes.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-own-'))
writeFileSync(
  join(folder, 'compute.ts'),
  `import { configOf, list, object, text } from 'weft/compute'
export default { name: 'own', version: '2.0.0', config: configOf(object({ token: text(), pairs: list(text()) })),
  create: () => ({ preloads: [], snapshots: [], aggregates: [] }) }`,
)
const set = openComputeFolder(folder)
afterAll(async () => {
  await set.stop()
  rmSync(folder, { recursive: true, force: true })
})
const PLACES = { weth: '0xaa', pairs: ['0xbb', '0xcc'] }

function choicesOf(config: unknown): unknown {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  try {
    return ownChoices([set], [], PLACES)
  } catch (failure) {
    if (isWeftError(failure, 'SETTINGS_INVALID')) return failure.facts.problems
    throw failure
  }
}

test('a set of a folder comes into the manifest under its name and version, with the addresses of this devnet', () => {
  expect(choicesOf({ token: '$weth', pairs: '$pairs' })).toEqual([
    { name: 'own', version: '2.0.0', config: { token: '0xaa', pairs: ['0xbb', '0xcc'] } },
  ])
})

test('a name that the devnet has not, and a configuration that does not fit, are told before anything is deployed', () => {
  expect(choicesOf({ token: '$wbtc', pairs: [] })).toEqual([
    `${join(folder, 'config.json')}: the devnet has no $wbtc. It has $weth, $pairs`,
  ])
  expect(choicesOf({ token: '$pairs', pairs: [] })).toEqual(['own: token is a list, a text is declared'])
})
