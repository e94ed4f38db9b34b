import type { ChainEvent } from '#domain/compute.ts'
import type { SourceChain } from '#io/chain/port.ts'
import type { RawLog } from '#io/chain/read/events.ts'
import { readLinkedLogs, readLogs } from '#io/chain/read/logs.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { decodeLog, type Signatures } from './decode.ts'
import { createTurn } from './turn.ts'

/** Contracts in one filter: geth takes 1,000. */
const ADDRESSES_MAX = 500

type EventFilter = Parameters<SourceChain['events']>[0]
interface Asked {
  readonly filter: EventFilter
  readonly topics: readonly string[]
  readonly resolve: (logs: Promise<readonly RawLog[]>) => void
}

/** Events of the same kinds and range that are asked for in one turn are asked for together, whichever contracts they are of. */
export function createEventReader(rpc: Rpc, signatures: Signatures): SourceChain['events'] {
  /** By contract. */
  async function logsOf(group: readonly Asked[], { filter, topics }: Asked): Promise<ReadonlyMap<string, readonly RawLog[]>> {
    const { toBlockHash } = filter
    const addresses = [...new Set(group.map((asked) => asked.filter.address))]
    const filters = [{ address: addresses.length === 1 ? filter.address : addresses, topics: [topics] }]
    const logs = toBlockHash === undefined ? readLogs(rpc, filters, filter) : readLinkedLogs(rpc, filters, { ...filter, toBlockHash })
    return Map.groupBy(await logs, ({ address }) => address)
  }

  const take = createTurn<Asked>((asked) => {
    for (const alike of Map.groupBy(asked, keyOf).values())
      for (let begin = 0; begin < alike.length; begin += ADDRESSES_MAX) {
        const group = alike.slice(begin, begin + ADDRESSES_MAX)
        const logs = logsOf(group, group[0] as Asked)
        for (const { filter, resolve } of group) resolve(logs.then((byContract) => byContract.get(filter.address) ?? []))
      }
  })

  return async (filter) => {
    const items = filter.events.map((signature) => signatures.event(signature))
    const topics = items.map(({ selector }) => selector)
    const logs = await new Promise<readonly RawLog[]>((resolve) => take({ filter, topics, resolve }))
    const events = logs.map((raw) => decodeLog(raw, items)).filter((event): event is ChainEvent => event !== undefined)
    return events.sort((left, right) => left.blockNumber - right.blockNumber || left.logIndex - right.logIndex)
  }
}

const keyOf = ({ filter: { fromBlock, toBlock, toBlockHash }, topics }: Asked): string =>
  [fromBlock, toBlock, toBlockHash, ...topics].join(' ')
