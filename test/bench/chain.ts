import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPublicClient, http, parseAbi } from 'viem'
import type { BlockNumber } from '#domain/ids.ts'
import { headerHash } from '#io/chain/proof/header.ts'
import { createProofs } from '#io/chain/proof/proofs.ts'
import { blockAbove } from '#io/chain/proof/provable.test-chain.ts'
import { createBlockSource } from '#io/chain/read/block-source.ts'
import { followBlocks } from '#io/chain/read/follow.ts'
import { logOf, MARKET, NODES, STATE } from '#io/chain/read/scene.test-chain.ts'
import type { LogFilter } from '#io/chain/read/scene.test-chain.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { hex } from '#io/chain/rpc/scripted.test-node.ts'
import { systemClock } from '#io/clock/system.ts'
import { SETTINGS } from '#node/settings/settings.ts'

/**
 * What following the anchor chain costs: CPU per block and per 1,000 logs, requests per block, per epoch and against the least, catching up with a backlog and at the head,
 * against bare viem that polls the same logs, without and with the headers that tell of a reorganisation; without proofs of what the node
 * says, with those that are usual, and with the receipts of every block. All in this run; the node is a process of its own.
 */

const BACKLOG = 10_000
const AT_HEAD = 300
const LOGS_PER_BLOCK = 3
const RANGE = 1_000n
/** Of ten source blocks, twelve seconds each, in anchor blocks of two. */
const EPOCH_BLOCKS = 60
/** Calls in one request, as many providers take them. */
const CALLS_MAX = 100
/**
 * The least that sees logs and reorganisations: per block at the head one request that tells of it, and one for its logs; per range of a backlog
 * the head, two filters and all headers, a hundred calls per request.
 */
const LEAST_AT_HEAD = 2
const LEAST_IN_BACKLOG = Math.ceil((1 + 2 + Number(RANGE)) / CALLS_MAX) / Number(RANGE)
/** What roles compare with receipts unless they are told otherwise (`--proof-sample-percent`). */
const USUAL_SHARE = SETTINGS.proofSamplePercent.fallback / 100
const SERVE = 'serve'
/** No block is later than that. */
const BLOCKS_MAX = BACKLOG + AT_HEAD + 1

interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
}

/** A node that has all answers ready: a chain whose head is moved by `mine`, its logs all of ProtocolState. */
async function serve(): Promise<void> {
  let head = 0
  let requests = 0
  const released = { of: STATE, name: 'EpochReleased', args: { dataMarketAddress: MARKET, epochId: 1n, begin: 1n, end: 10n } }
  const sample = logOf({ block: 1, index: 0 }, released)
  const { header, receipts } = blockAbove(
    undefined,
    Array.from({ length: LOGS_PER_BLOCK }, () => sample),
  )
  const headers: (typeof header)[] = []
  for (let number = 0; number <= BLOCKS_MAX; number += 1) {
    const fields = {
      ...header,
      parentHash: headers.at(-1)?.hash ?? header['parentHash'],
      number: hex(number),
      timestamp: hex(1_000 + number),
    }
    headers.push({ ...fields, hash: headerHash(fields) })
  }
  const numbers = new Map(headers.map(({ hash }, number) => [hash as string, number]))
  const logsOf = (block: number) =>
    Array.from({ length: LOGS_PER_BLOCK }, (_, index) => ({
      ...sample,
      blockNumber: hex(block),
      blockHash: headers[block]?.hash,
      logIndex: hex(index),
      transactionHash: (header['transactions'] as string[])[index],
      transactionIndex: hex(index),
      removed: false,
    }))
  function logsIn({ address, blockHash, fromBlock, toBlock }: LogFilter): unknown[] {
    if (![address].flat().includes(STATE)) return []
    if (blockHash !== undefined) return logsOf(numbers.get(blockHash) ?? 0)
    const [from, to] = [Number(fromBlock), Math.min(head, Number(toBlock))]
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => logsOf(from + index)).flat()
  }
  const resultOf = ({ method, params }: Call): unknown => {
    if (method === 'eth_blockNumber') return hex(head)
    if (method === 'eth_getLogs') return logsIn(params[0] as LogFilter)
    const number = method === 'eth_getBlockByHash' ? numbers.get(String(params[0])) : params[0] === 'latest' ? head : Number(params[0])
    if (number === undefined || number > head) return null
    if (method !== 'eth_getBlockReceipts') return headers[number]
    return receipts.map((receipt) => ({ ...receipt, blockHash: headers[number]?.hash }))
  }
  const server = createServer(async (request, response) => {
    requests += 1
    const body = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) as Call | Call[]
    const answers = [body].flat().map((call) => ({ jsonrpc: '2.0', id: call.id, result: resultOf(call) }))
    response.setHeader('content-type', 'application/json').end(JSON.stringify(Array.isArray(body) ? answers : answers[0]))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send?.({ port: (server.address() as AddressInfo).port })
  process.on('message', (message: { readonly head?: number }) => {
    if (message.head !== undefined) head = message.head
    process.send?.({ requests })
    requests = 0
  })
  process.on('disconnect', () => process.exit())
}

interface Node {
  readonly url: string
  /** Sets the head; how many requests came since the last time. */
  at(head: number): Promise<number>
  stop(): void
}

async function startNode(): Promise<Node> {
  const child = fork(import.meta.filename, [SERVE])
  const [{ port }] = (await once(child, 'message')) as [{ readonly port: number }]
  return {
    url: `http://127.0.0.1:${port}`,
    async at(head) {
      child.send({ head })
      const [{ requests }] = (await once(child, 'message')) as [{ readonly requests: number }]
      return requests
    },
    stop: () => void child.kill(),
  }
}

interface Cost {
  readonly cpuMicrosPerBlock: number
  readonly cpuMicrosPerThousandLogs: number
  readonly requestsPerBlock: number
  readonly seconds: number
}

/** CPU of this process while `work` reads `blocks` blocks, `work` begins with nothing read. */
async function measured(node: Node, blocks: number, work: () => Promise<number>): Promise<Cost> {
  const before = process.cpuUsage()
  const startMs = performance.now()
  const logs = await work()
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - startMs) / 1_000
  const requests = (await node.at(BACKLOG)) + headRequests.splice(0).reduce((sum, count) => sum + count, 0)
  if (logs !== blocks * LOGS_PER_BLOCK) throw new Error(`${logs} logs of ${blocks} blocks`)
  const cpu = user + system
  return { cpuMicrosPerBlock: cpu / blocks, cpuMicrosPerThousandLogs: (cpu * 1_000) / logs, requestsPerBlock: requests / blocks, seconds }
}
/** Requests counted at each move of the head. */
const headRequests: number[] = []

interface Span {
  readonly from: number
  readonly to: number
}

/** Our follower, from a block on until `to` is read; whenever there is nothing more, the head moves on by one block. */
async function weft(node: Node, { from, to, receiptsShare }: Span & { readonly receiptsShare?: number }): Promise<number> {
  const proofs = receiptsShare === undefined ? undefined : createProofs({ receiptsShare, random: Math.random })
  const rpc = createRpc({ rpcUrl: node.url, pause: systemClock, judge: proofs?.judge })
  const stop = new AbortController()
  let logs = 0
  let head = from - 1
  const source = createBlockSource(rpc, { protocolState: STATE, dataMarket: MARKET, nodes: NODES })
  const pause = async () => void headRequests.push(await node.at(Math.min(to, head + 1)))
  for await (const step of followBlocks(source, { from: from as BlockNumber, known: [], signal: stop.signal, reorgDepthMax: 64, pause })) {
    if (step.kind !== 'block') continue
    logs += step.events.length
    head = step.block.number
    if (head === to) stop.abort()
  }
  return logs
}

const abi = parseAbi([
  'event EpochReleased(address indexed dataMarketAddress, uint256 indexed epochId, uint256 begin, uint256 end, uint256 timestamp)',
])

/** Bare viem: the head, then the logs up to it, and the headers when asked for. */
async function viem(node: Node, range: Span & { readonly withHeaders: boolean }): Promise<number> {
  const client = createPublicClient({ transport: http(node.url, { batch: true }), cacheTime: 0 })
  let logs = 0
  let next = BigInt(range.from)
  while (next <= range.to) {
    const head = await client.getBlockNumber()
    if (head < next) {
      headRequests.push(await node.at(Math.min(range.to, Number(head) + 1)))
      continue
    }
    const toBlock = next + RANGE - 1n < head ? next + RANGE - 1n : head
    const place = { fromBlock: next, toBlock } as const
    const numbers = range.withHeaders ? Array.from({ length: Number(toBlock - next) + 1 }, (_, index) => next + BigInt(index)) : []
    const [ofState, others] = await Promise.all([
      client.getLogs({ address: STATE as `0x${string}`, events: abi, ...place }),
      client.getLogs({ address: [MARKET, NODES] as unknown as `0x${string}`[], ...place }),
      ...numbers.map((blockNumber) => client.getBlock({ blockNumber })),
    ])
    logs += ofState.length + others.length
    next = toBlock + 1n
  }
  return logs
}

async function main(isJson: boolean): Promise<void> {
  const node = await startNode()
  const ways = {
    weft: (from: number, to: number) => weft(node, { from, to }),
    'weft with proofs': (from: number, to: number) => weft(node, { from, to, receiptsShare: USUAL_SHARE }),
    'weft, all receipts': (from: number, to: number) => weft(node, { from, to, receiptsShare: 1 }),
    viem: (from: number, to: number) => viem(node, { from, to, withHeaders: false }),
    'viem with headers': (from: number, to: number) => viem(node, { from, to, withHeaders: true }),
  }
  const results: Record<string, { backlog: Cost; atHead: Cost }> = {}
  // Once to warm up, unheard.
  for (const [name, way] of [...Object.entries(ways), ...Object.entries(ways)]) {
    await node.at(BACKLOG)
    const backlog = await measured(node, BACKLOG, () => way(1, BACKLOG))
    const atHead = await measured(node, AT_HEAD, () => way(BACKLOG + 1, BACKLOG + AT_HEAD))
    results[name] = { backlog, atHead }
  }
  node.stop()
  if (isJson)
    return void process.stdout.write(`${JSON.stringify({ logsPerBlock: LOGS_PER_BLOCK, blocks: BACKLOG, atHead: AT_HEAD, results })}\n`)
  const bare = results['viem with headers'] as (typeof results)[string]
  for (const [name, { backlog, atHead }] of Object.entries(results))
    for (const [where, cost, against, least] of [
      [`${BACKLOG} blocks of backlog`, backlog, bare.backlog, LEAST_IN_BACKLOG],
      ['at the head', atHead, bare.atHead, LEAST_AT_HEAD],
    ] as const)
      process.stdout.write(
        `${name.padEnd(19)} ${where.padEnd(24)} ${cost.cpuMicrosPerBlock.toFixed(0).padStart(6)} µs CPU per block, ${(cost.cpuMicrosPerThousandLogs / 1_000).toFixed(1).padStart(6)} ms per 1,000 logs, ${cost.requestsPerBlock.toFixed(3)} requests per block, ${(cost.requestsPerBlock * EPOCH_BLOCKS).toFixed(1).padStart(5)} per epoch, ${(cost.requestsPerBlock / least).toFixed(2)} × the least, ${cost.seconds.toFixed(2)} s, ${(cost.cpuMicrosPerBlock / against.cpuMicrosPerBlock).toFixed(2)} × viem with headers\n`,
      )
}

await (process.argv.includes(SERVE) ? serve() : main(process.argv.includes('--json')))
