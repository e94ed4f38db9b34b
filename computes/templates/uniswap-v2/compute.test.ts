import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { computeTwice, scriptedSource } from 'weft/compute/testing'

const PAIR = `0x${'a1'.repeat(20)}`
const swap = { name: 'Swap', args: { amount0In: 3n, amount0Out: 0n }, address: PAIR, blockNumber: 11, logIndex: 0, transactionHash: '0x1' }

test('reserves by block, and what was swapped', async () => {
  const source = scriptedSource({ reads: { getReserves: ({ blockNumber }) => [BigInt(blockNumber), 5n, 0n] }, events: [swap] })
  const projects = await computeTwice(import.meta.dirname, { config: { pairs: [PAIR] }, epoch: { epochId: 1, begin: 10, end: 11 }, source })
  deepEqual(projects.get(`NAME:${PAIR}:TEST`)?.snapshot, {
    reserve0: { block10: 10n, block11: 11n },
    reserve1: { block10: 5n, block11: 5n },
    swaps: 1n,
    amount0: 3n,
  })
})
