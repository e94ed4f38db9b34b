import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { computeTwice, scriptedSource } from 'weft/compute/testing'

const TOKENS = [`0x${'a1'.repeat(20)}`, `0x${'b2'.repeat(20)}`]
const source = scriptedSource({
  reads: {
    totalSupply: ({ address }) => (address === TOKENS[0] ? 1_500n : 7n),
    decimals: ({ address }) => (address === TOKENS[0] ? 3n : 0n),
  },
})

test('the supply of each token, and all of them together', async () => {
  const projects = await computeTwice(import.meta.dirname, {
    config: { tokens: TOKENS },
    epoch: { epochId: 1, begin: 10, end: 12 },
    source,
  })
  deepEqual(
    [...projects.values()].map(({ snapshot }) => snapshot),
    [
      { token: TOKENS[0], block: 12n, supply: 1.5 },
      { token: TOKENS[1], block: 12n, supply: 7 },
      { tokens: 2n, largest: 7 },
    ],
  )
})
