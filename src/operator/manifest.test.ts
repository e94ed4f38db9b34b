import { expect, test } from 'vitest'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import { FORM } from './deploy.test-world.ts'
import { manifestWish } from './manifest.ts'

/** Of a draft with one set of computes. */
const wishOf = (set: object) =>
  manifestWish({ bytes: new TextEncoder().encode(JSON.stringify({ namespace: 'NS', computes: [set] })), what: '--manifest it' }, FORM)
const { name, version } = uniswapV2

test('computes that are configured wrong are refused where the manifest is written, with all that is wrong', async () => {
  await expect(wishOf({ name, version, config: {} })).rejects.toMatchObject({
    code: 'MANIFEST_INVALID',
    facts: {
      manifest: '--manifest it',
      problems: expect.arrayContaining([
        `computes: ${name}: factory is not an address`,
        `computes: ${name}: pairs is not a list of addresses`,
      ]),
    },
  })
})

test.each([
  { name: 'other-set', version: '1.0.0' },
  { name, version: '99.0.0' },
])('%j is not known here: whether it is right nobody can say', async (set) => {
  expect(await wishOf({ ...set, config: {} })).toMatchObject({ unknownComputes: [`${set.name} ${set.version}`] })
})
