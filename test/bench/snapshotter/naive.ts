import pLimit from 'p-limit'
import type { RawLog } from '#io/chain/read/events.ts'
import { parseLogs } from '#io/chain/read/events.ts'
import { parseHeader, quantity } from '#io/chain/rpc/block.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { createSignatures, decodeLog, decodeOutputs, encodeCall } from '#io/chain/source/decode.ts'
import { readTransactions } from '#io/chain/source/transactions.ts'
import { systemClock } from '#io/clock/system.ts'
import type { SourceReads } from '#roles/snapshotter/fork.ts'

/** Requests under way at once. */
const AT_ONCE = 32

/** The source chain as one reads it without a thought: a request for each value. */
export function naiveSource(url: string): SourceReads {
  const rpc = createRpc({ rpcUrl: url, pause: systemClock })
  const signatures = createSignatures()
  const limit = pLimit(AT_ONCE)
  let nextId = 1
  const ask = (method: string, params: readonly unknown[]) =>
    limit(async () => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params })
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      return ((await response.json()) as { readonly result?: unknown }).result
    })
  return {
    block: async (number) => parseHeader(rpc, await ask('eth_getBlockByNumber', [quantity(number), false])),
    async read(call) {
      const item = signatures.function(call.function)
      const result = await ask('eth_call', [{ to: call.address, data: encodeCall(item, call) }, quantity(call.blockNumber)])
      return decodeOutputs(item, call, result as `0x${string}`)
    },
    async events({ address, events, fromBlock, toBlock }) {
      const items = events.map((signature) => signatures.event(signature))
      const topics = [items.map(({ selector }) => selector)]
      const logs: readonly RawLog[] = parseLogs(
        rpc,
        await ask('eth_getLogs', [{ address, topics, fromBlock: quantity(fromBlock), toBlock: quantity(toBlock) }]),
      )
      return logs.map((log) => decodeLog(log, items)).filter((event) => event !== undefined)
    },
    transactions: (block) => readTransactions(rpc, block),
  }
}
