import { vi } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { createMarketNode, logOf, MARKET, OTHER_MARKET, STATE } from '#io/chain/read/scene.test-chain.ts'
import type { LogFilter, ScriptedLog } from '#io/chain/read/scene.test-chain.ts'
import type { RpcCall } from '#io/chain/rpc/answer.ts'
import type { EndpointTrouble } from '#io/chain/rpc/health.ts'
import { hashOf, refuse } from '#io/chain/rpc/scripted.test-node.ts'
import type { Script, ScriptedNode } from '#io/chain/rpc/scripted.test-node.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { ProofOptions } from './proofs.ts'
import { blockScripts, bloomOf, type ProvableBlock, provableChain } from './provable.test-chain.ts'

/** Several endpoints of one provable chain, of which some lie, under a follower and under a source. */

export const RELEASED =
  'event EpochReleased(address indexed dataMarketAddress, uint256 indexed epochId, uint256 begin, uint256 end, uint256 timestamp)'

export const releaseOf = (epochId: number, market = MARKET): ScriptedLog =>
  logOf(
    { block: 0, index: 0 },
    { of: STATE, name: 'EpochReleased', args: { dataMarketAddress: market, epochId: BigInt(epochId), begin: 1n, end: 10n } },
  )

/** Of three blocks one releases two epochs, one an epoch of another market: its bloom has the contract and the event all the same; one is empty. */
export const chainOf = (length: number): ProvableBlock[] =>
  provableChain(
    Array.from(
      { length },
      (_, block) => [[releaseOf(block * 10), releaseOf(block * 10 + 1)], [releaseOf(block, OTHER_MARKET)], []][block % 3] ?? [],
    ),
  )

export interface LiarNode extends ScriptedNode {
  readonly world: { head: number; logs: ScriptedLog[] }
}

/** A node of that chain up to a head. */
export function nodeOf(
  blocks: readonly ProvableBlock[],
  head: () => number,
  state: Parameters<typeof createMarketNode>[0]['state'] = {},
): LiarNode {
  const node = createMarketNode({ head: 0, state })
  const logs = node.scripts['eth_getLogs'] as (filter: LogFilter) => readonly ScriptedLog[]
  node.world.logs.push(...blocks.flatMap((block) => block.logs))
  Object.assign(node.scripts, blockScripts(blocks, head), {
    eth_getLogs: (filter: LogFilter) => logs(filter).filter(({ blockNumber }) => Number(blockNumber) <= head()),
  })
  return node
}

/** Makes a node answer otherwise: `change` is given the honest script and the clock's milliseconds. */
export type Lying = Readonly<Record<string, (honest: Honest) => Script>>
// biome-ignore lint/suspicious/noExplicitAny: what scripts take and give differs from method to method.
type Honest = (...params: any[]) => any

export function openLiars(options: {
  readonly nodes: Readonly<Record<string, LiarNode>>
  readonly lies?: Readonly<Record<string, Lying>>
  readonly proofs?: Partial<ProofOptions>
  readonly clock?: ReturnType<typeof createVirtualClock>
}) {
  const { nodes, lies = {}, clock = createVirtualClock({ startMs: 0 }) } = options
  const troubles: EndpointTrouble[] = []
  const unproved: string[] = []
  const asked: Record<string, string[]> = {}
  const down = new Set<string>()
  let isLying = false
  for (const [name, lying] of Object.entries(lies))
    for (const [method, lie] of Object.entries(lying)) {
      const scripts = (nodes[name] as LiarNode).scripts
      const honest = scripts[method] as Honest
      const liar = lie(honest) as (...params: never[]) => unknown
      scripts[method] = (...params: never[]) => (isLying ? liar : honest)(...params)
    }
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const name = new URL(url).hostname.split('.')[0] as string
    const calls = [JSON.parse(String(init.body)) as RpcCall | RpcCall[]].flat()
    if (down.has(name)) throw new TypeError('fetch failed')
    asked[name] = [...(asked[name] ?? []), ...calls.map(({ method }) => method)]
    return (nodes[name] as LiarNode).fetch(url, init)
  })
  const common = {
    rpcUrl: Object.keys(nodes)
      .map((name) => `https://${name}.test`)
      .join(', '),
    chainId: 1,
    clock,
    onEndpointTrouble: (trouble: EndpointTrouble) => troubles.push(trouble),
    proofs: { receiptsShare: 0, random: () => 0.5, onUnproved: (means: string) => unproved.push(means), ...options.proofs } as ProofOptions,
  }
  const run = <Value>(work: Promise<Value>): Promise<Value> => clock.runUntil(work, { limitMs: 600_000 })
  return {
    clock,
    run,
    asked,
    down,
    unproved,
    /** From now on lies are told. */
    lie(): void {
      isLying = true
    },
    told: (): string[] => troubles.map(({ endpoint, trouble }) => `${endpoint.slice('https://'.length)} ${trouble}`),
    anchor: () => run(connectAnchorChain({ ...common, protocolState: STATE, dataMarket: MARKET, pollMs: 500, reorgDepthMax: 64 })),
    source: () => run(connectSourceChain(common)),
  }
}

/** Epochs by block, as a follower from block 1 hears of them up to `last`. */
export async function followed(world: ReturnType<typeof openLiars>, last: number): Promise<string[]> {
  const chain = await world.anchor()
  world.lie()
  const seen: string[] = []
  const work = (async () => {
    for await (const step of chain.follow({ from: 1 as BlockNumber, known: [], signal: AbortSignal.timeout(60_000) })) {
      if (step.kind === 'rollback') throw new Error('nothing was rewritten')
      seen.push(`${step.block.number}: ${step.events.map((event) => ('epochId' in event ? event.epochId : '')).join(' ')}`)
      if (step.block.number === last) break
    }
  })()
  await world.run(work)
  return seen
}

export const honest = (last: number): string[] =>
  Array.from({ length: last }, (_, index) => index + 1).map(
    (block) => `${block}: ${block % 3 === 0 ? `${block * 10} ${block * 10 + 1}` : ''}`,
  )

export const HEAD = 60
export const blocks = chainOf(HEAD + 1)
/** An honest one. */
export const node = (): LiarNode => nodeOf(blocks, () => HEAD)

const ofMarket = ({ topics }: ScriptedLog): boolean => topics[1] === `0x${MARKET.slice(2).padStart(64, '0')}`

/** What an endpoint does, under which word it is told of, and what share of the other blocks must be looked at to see it. */
export const LIES: readonly (readonly [string, string, Lying, number])[] = [
  ['answers with what are no logs', 'invalid', { eth_getLogs: () => () => [{ address: STATE }] }, 0],
  ['answers with no headers', 'invalid', { eth_getBlockByNumber: () => () => 'a header', eth_getBlockByHash: () => () => 7 }, 0],
  ['keeps all logs back', 'omits', { eth_getLogs: () => () => [] }, 0],
  [
    'keeps one log of two back',
    'omits',
    {
      eth_getLogs:
        (logs) =>
        (...params: never[]) =>
          (logs(...params) as ScriptedLog[]).filter(({ logIndex }) => logIndex !== '0x1'),
    },
    1,
  ],
  [
    'invents a log where there was none',
    'invents',
    {
      eth_getLogs:
        (logs) =>
        (...params: never[]) => {
          const given = logs(...params) as ScriptedLog[]
          const [first] = given.filter(ofMarket)
          const { header } = blocks[32] as (typeof blocks)[0]
          return first === undefined ? given : [...given, { ...first, blockNumber: '0x20', blockHash: header.hash, logIndex: '0x0' }]
        },
    },
    0,
  ],
  [
    'writes other data into a log',
    'invents',
    {
      eth_getLogs:
        (logs) =>
        (...params: never[]) =>
          (logs(...params) as ScriptedLog[]).map((log) => ({ ...log, data: log.data.replace(/a(.{64})/, '9$1') })),
    },
    1,
  ],
  [
    'gives headers a bloom that excludes the logs it keeps back',
    'forges',
    {
      eth_getLogs: () => () => [],
      eth_getBlockByNumber:
        (header) =>
        (...params: never[]) =>
          withBloom(header(...params) as object | null),
      eth_getBlockByHash:
        (header) =>
        (...params: never[]) =>
          withBloom(header(...params) as object | null),
    },
    0,
  ],
  [
    'makes up what contracts see',
    'forges',
    {
      eth_getBlockByNumber:
        (header) =>
        (...params: never[]) =>
          seeing(header(...params) as object | null),
      eth_getBlockByHash:
        (header) =>
        (...params: never[]) =>
          seeing(header(...params) as object | null),
    },
    0,
  ],
  [
    'keeps logs back, and gives other receipts of their blocks',
    'forges',
    {
      eth_getLogs: () => () => [],
      eth_getBlockReceipts:
        (receipts) =>
        (...params: never[]) =>
          (receipts(...params) as { logs: unknown[] }[]).map((receipt) => ({ ...receipt, logs: [] })),
    },
    0,
  ],
  [
    'keeps logs and receipts back',
    'withholds',
    {
      eth_getLogs: () => () => [],
      eth_getBlockReceipts: () => () => refuse(-32_601, 'method not found'),
      eth_getTransactionReceipt: () => () => null,
    },
    0,
  ],
  [
    'gives logs of another fork',
    'other_forks',
    {
      eth_getLogs:
        (logs) =>
        (...params: never[]) =>
          (logs(...params) as ScriptedLog[]).map((log) => ({ ...log, blockHash: hashOf(`other ${log.blockNumber}`) })),
    },
    0,
  ],
]

const seeing = (header: object | null) => header && { ...header, l1BlockNumber: '0x7' }
const withBloom = (header: object | null) => header && { ...header, logsBloom: bloomOf([]) }
