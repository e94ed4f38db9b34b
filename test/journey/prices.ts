import { type BaseSnapshot, type ComputeSet, type JsonValue, type Preload, scaled, type SourceReader } from '#domain/compute.ts'
import type { Address } from '#domain/ids.ts'
import { createFakeSourceChain, type FakeSourceChain } from '#io/chain/fake/source.ts'

/** The data market of the journey: three tokens, what each costs in dollars, its mean over two epochs, and a basket of all three. */

const ETHER_FEED = `0x${'fe'.repeat(20)}` as Address
const TOKENS = ['a1', 'b2', 'c3'].map((digits) => `0x${digits.repeat(20)}` as Address)
/** Decimals of what the feed answers, which is in cents. */
const FEED_DECIMALS = 2
/** Blocks of the source chain that lie before the first epoch. */
export const SOURCE_BLOCKS_AT_START = 10

const etherInCents = (block: number): number => 300_000 + block
const tokenInEther = (token: number, block: number): number => (token + 2) * block
/** What the market must say about its first token. */
export const firstTokenInUsd = (block: number): number => (etherInCents(block) * tokenInEther(0, block)) / 100

/** More source blocks than any test needs. */
const EVENTS_MAX = 2_000
const UPDATED = 'event AnswerUpdated(uint256 answer)'

/** A source chain on which every price rises with every block, each token's at its own pace; the feed tells of each. */
export function createPriceChain(): FakeSourceChain {
  return createFakeSourceChain({
    // One above those of a market that has no epoch yet: data is read below the head alone.
    blocks: SOURCE_BLOCKS_AT_START + 1,
    read: ({ address, blockNumber }) => [BigInt(tokenInEther(TOKENS.indexOf(address as Address), blockNumber))],
    events: Array.from({ length: EVENTS_MAX }, (_, blockNumber) => ({
      name: 'AnswerUpdated',
      args: { answer: BigInt(etherInCents(blockNumber)) },
      address: ETHER_FEED,
      blockNumber,
      logIndex: 0,
      transactionHash: `0x${'0'.repeat(64)}`,
    })),
  })
}

interface Price {
  readonly usd: number
  readonly [key: string]: JsonValue
}

async function answer(source: SourceReader, address: string, blockNumber: number): Promise<bigint> {
  const [value] = await source.read({ address, function: 'function answer() view returns (uint256)', args: [], blockNumber })
  return value as bigint
}

/** By the last of the feed's events: without it the price would be an older one. */
async function lastUpdate({ epoch, source }: Parameters<Preload['preload']>[0]): Promise<bigint> {
  const updates = await source.events({ address: ETHER_FEED, events: [UPDATED], fromBlock: epoch.begin, toBlock: epoch.end })
  return updates.at(-1)?.args['answer'] as bigint
}

export const prices: ComputeSet = {
  preloads: [{ taskType: 'ether', preload: lastUpdate }],
  snapshots: [
    {
      projectType: 'price',
      dataSources: TOKENS,
      preloads: ['ether'],
      async compute({ epoch, dataSource, source, preloaded }): Promise<Price> {
        const inEther = await answer(source, dataSource as string, epoch.end)
        return { usd: scaled(inEther * (preloaded.get('ether') as bigint), FEED_DECIMALS) }
      },
    },
  ],
  aggregates: [
    {
      projectType: 'mean',
      aggregateOn: 'SingleProject',
      baseProjectTypes: ['price'],
      async aggregate({ epoch, base, history }) {
        const { projectId, snapshot } = base[0] as BaseSnapshot
        const now = snapshot as Price
        const before = epoch.epochId > 1 ? ((await history.snapshot(projectId, epoch.epochId - 1)) as Price | undefined) : undefined
        return before === undefined ? { usd: now.usd, epochs: 1n } : { usd: (before.usd + now.usd) / 2, epochs: 2n }
      },
    },
    {
      projectType: 'basket',
      aggregateOn: 'MultiProject',
      baseProjectTypes: ['price'],
      aggregate: async ({ base }) => ({ usd: base.reduce((sum, { snapshot }) => sum + (snapshot as Price).usd, 0) }),
    },
  ],
}
