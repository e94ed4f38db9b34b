import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { computeTwice, scriptedSource } from 'weft/compute/testing'

const [TOKEN, WALLET, OTHER] = ['a1', 'b2', 'c3'].map((byte) => `0x${byte.repeat(20)}`) as [string, string, string]
const transfer = (from: string, to: string, value: bigint) => ({
  name: 'Transfer',
  args: { from, to, value },
  address: TOKEN,
  blockNumber: 11,
  logIndex: 0,
  transactionHash: '0x1',
})

test('what came and what went', async () => {
  const source = scriptedSource({ events: [transfer(WALLET, OTHER, 5n), transfer(OTHER, WALLET, 2n), transfer(OTHER, OTHER, 9n)] })
  const config = { token: TOKEN, wallets: [WALLET] }
  const projects = await computeTwice(import.meta.dirname, { config, epoch: { epochId: 1, begin: 10, end: 12 }, source })
  deepEqual(projects.get(`NAME:${WALLET}:TEST`)?.snapshot, { wallet: WALLET, came: 2n, went: 5n, transfers: 2n })
})
