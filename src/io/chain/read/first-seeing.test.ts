import { expect, test } from 'vitest'
import type { ContractNumber } from '#domain/ids.ts'
import { readHeadHeader } from '#io/chain/rpc/block.ts'
import { createScriptedNode, headerOf, hex } from '#io/chain/rpc/scripted.test-node.ts'
import { firstSeeing } from './first-seeing.ts'

/** A node of a chain whose contracts see these numbers in its blocks; blocks without one are of before it was Nitro's. */
function nodeOf(seen: readonly (number | undefined)[]) {
  return createScriptedNode({
    eth_getBlockByNumber: (block: string) => {
      const number = block === 'latest' ? seen.length - 1 : Number(block)
      const parent = seen[number]
      if (number >= seen.length) return null
      return parent === undefined ? headerOf(number) : { ...headerOf(number), l1BlockNumber: hex(parent) }
    },
  })
}
const find = async (node: ReturnType<typeof nodeOf>, wanted: number) =>
  firstSeeing(node.rpc, wanted as ContractNumber, await readHeadHeader(node.rpc))

/** Numbers that stay for up to seven blocks, and jump by up to four. */
const seen = Array.from({ length: 3_000 }, (_, number) => 9_000 + 4 * Math.floor(number / 7) + (number % 35 === 0 ? 1 : 2)).map(
  (_, index, all) => Math.max(...all.slice(Math.max(0, index - 35), index + 1)),
)

test('is found wherever it is, in few requests', async () => {
  const node = nodeOf(seen)
  const head = await readHeadHeader(node.rpc)
  for (let wanted = 8_999; wanted <= (seen.at(-1) ?? 0) + 2; wanted += 7) {
    const expected = seen.findIndex((number) => number >= wanted)
    expect(await firstSeeing(node.rpc, wanted as ContractNumber, head)).toBe(expected < 0 ? seen.length : expected)
  }
  const alone = nodeOf(seen)
  await find(alone, 10_000)
  expect(alone.asked('eth_getBlockByNumber').length).toBeLessThanOrEqual(1 + 3 * 15)
})

test('is the block of that number, and nothing is asked for, where contracts see the chain’s own', async () => {
  const node = nodeOf(Array.from({ length: 10 }, () => undefined))
  expect([await find(node, 7), await find(node, 9), await find(node, 10)]).toEqual([7, 9, 10])
  expect(node.asked('eth_getBlockByNumber')).toHaveLength(3)
})

test('is none of before the chain was Nitro’s, whatever their numbers', async () => {
  const node = nodeOf([...Array.from({ length: 900 }, () => undefined), ...Array.from({ length: 50 }, (_, index) => 500 + index)])
  expect([await find(node, 400), await find(node, 500), await find(node, 510)]).toEqual([900, 900, 910])
})

test('is not known while a node that is behind serves no block below its head', async () => {
  const node = nodeOf(seen)
  const { scripts } = node
  const honest = scripts['eth_getBlockByNumber'] as (block: string) => unknown
  scripts['eth_getBlockByNumber'] = (block: string) => (block === 'latest' ? honest(block) : null)
  await expect(find(node, 9_500)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', kind: 'transient' })
})
