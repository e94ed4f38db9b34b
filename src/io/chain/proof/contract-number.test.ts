import { afterEach, expect, test, vi } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { hex } from '#io/chain/rpc/scripted.test-node.ts'
import { type Lying, nodeOf, openLiars } from './liars.test-world.ts'
import { blockAbove, type ProvableBlock } from './provable.test-chain.ts'

/** A chain of Nitro's, on which an endpoint may try to have windows counted otherwise. */

afterEach(() => {
  vi.unstubAllGlobals()
})

const HEAD = 40
const seenIn = (number: number): number => 20_000_000 + Math.floor(number / 3)
const blocks: ProvableBlock[] = [blockAbove(undefined, [])]
for (let number = 1; number <= HEAD; number += 1) blocks.push(blockAbove(blocks.at(-1), [], { seen: seenIn(number) }))
const node = () => nodeOf(blocks, () => HEAD)

type Header = Record<string, unknown>
/** `change` is made to every header. */
const lying = (change: (header: Header) => Header): Lying => {
  const lie =
    (honest: (...params: never[]) => unknown) =>
    (...params: never[]) => {
      const header = honest(...params) as Header | null
      return header && change(header)
    }
  return { eth_getBlockByNumber: lie, eth_getBlockByHash: lie }
}
const mixOf = (seen: number) => `0x${[7, seen, 40, 0].map((part) => part.toString(16).padStart(16, '0')).join('')}`

/** What contracts see in the blocks, as a follower hears of them. */
async function followed(world: ReturnType<typeof openLiars>): Promise<number[]> {
  const chain = await world.anchor()
  world.lie()
  const seen: number[] = []
  const work = async () => {
    for await (const step of chain.follow({ from: 1 as BlockNumber, known: [], signal: AbortSignal.timeout(60_000) })) {
      if (step.kind === 'block') seen.push(step.block.contractNumber)
      if (step.kind === 'block' && step.block.number === HEAD) return
    }
  }
  await world.run(work())
  return seen
}
const HONEST = Array.from({ length: HEAD }, (_, index) => seenIn(index + 1))

test.each<[string, string[], (header: Header) => Header]>([
  ['says nothing of it', [], ({ l1BlockNumber: _, ...header }) => header],
  ['says another number', ['a.test forges'], (header) => ({ ...header, l1BlockNumber: hex(19_000_000) })],
  [
    'writes another one into the header',
    ['a.test forges'],
    (header) => ({ ...header, mixHash: mixOf(19_000_000), l1BlockNumber: hex(19_000_000) }),
  ],
  ['makes the header one of another chain', ['a.test forges'], ({ l1BlockNumber: _, ...header }) => ({ ...header, difficulty: '0x0' })],
])('G12: an endpoint that %s moves no window', async (_, told, change) => {
  const world = openLiars({ nodes: { a: node(), b: node() }, lies: { a: lying(change) } })
  expect(await followed(world)).toEqual(HONEST)
  expect([world.told(), world.unproved]).toEqual([told, []])
})

test.each([
  [20_000_000, 1],
  [20_000_001, 3],
  [20_000_002, 6],
  [20_000_013, 39],
  [20_000_014, 41],
  [3, 1],
])('the first block in which contracts see %i is %i', async (seen, number) => {
  const world = openLiars({ nodes: { a: node() } })
  const chain = await world.anchor()
  expect(await world.run(chain.firstSeeing(seen as never))).toBe(number)
})
