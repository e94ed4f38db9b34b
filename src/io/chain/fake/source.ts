import type { ChainEvent, ChainTransaction, ChainValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, ContractNumber, Hash } from '#domain/ids.ts'
import type { BlockRef, SourceChain } from '#io/chain/port.ts'
import { keccak256 } from '#wire/keccak.ts'
import type { FakeLag } from './anchor.ts'
import { createOmissions, type FakeOmission } from './omissions.ts'

type ReadCall = Parameters<SourceChain['read']>[0]
type EventFilter = Parameters<SourceChain['events']>[0]

/** A scripted source chain. */
export interface FakeSourceChain extends SourceChain {
  /** Moves the head on by `count` blocks. */
  mine(count?: number): void
  /** Replaces the last `depth` blocks by as many with other hashes. */
  reorg(depth: number): void
  /** While unreachable every call throws `CHAIN_UNREACHABLE`. */
  setReachable(isReachable: boolean): void
  /** Every `every`th call is answered by a node that is so many blocks behind; without it none is. */
  setLag(lag?: FakeLag): void
  /** Every `every`th range comes without events that it has; that is found out, and the answer refused, as endpoints that omit are. */
  setOmission(omission?: FakeOmission): void
}

const textHash = (text: string): Hash => `0x${keccak256(new TextEncoder().encode(text)).toHex()}` as Hash

/** The name in `event Sync(uint112 reserve0, …)`. */
function eventName(signature: string): string {
  return /^event (\w+)\(/.exec(signature)?.[1] ?? signature
}

/**
 * `blocks`: how many there are at the start, numbered from 0. `read` answers view calls; throw `CALL_REVERTED` in it to revert.
 * `events` are filtered by address, name and range, and given in chain order.
 */
export function createFakeSourceChain(script: {
  readonly blocks: number
  readonly read?: (call: ReadCall) => readonly ChainValue[]
  readonly events?: readonly ChainEvent[]
  /** Of all blocks, in order. */
  readonly transactions?: readonly ChainTransaction[]
  readonly blockTimeSeconds?: number
  readonly startTimestamp?: number
  /** How far below the head the chain calls its blocks safe and final; 0 unless said. */
  readonly depthOf?: Partial<Record<'safe' | 'finalized', number>>
}): FakeSourceChain {
  const { blockTimeSeconds = 12, startTimestamp = 1_700_000_000 } = script
  const blocks: BlockRef[] = []
  let made = 0
  let isReachable = true
  const depthOf = { safe: 0, finalized: 0, ...script.depthOf }
  let lag: FakeLag | undefined
  const { whole, setOmission } = createOmissions()
  let calls = 0

  /** How many blocks the node has that answers. */
  function served(): number {
    calls += 1
    return lag !== undefined && calls % lag.every === 0 ? Math.max(1, blocks.length - lag.blocks) : blocks.length
  }
  function mine(count = 1): void {
    for (let mined = 0; mined < count; mined += 1) {
      const parentHash = blocks.at(-1)?.hash ?? textHash('before genesis')
      made += 1
      blocks.push({
        number: blocks.length as BlockNumber,
        contractNumber: blocks.length as ContractNumber,
        hash: textHash(`${parentHash} ${made}`),
        parentHash,
        timestamp: startTimestamp + blocks.length * blockTimeSeconds,
      })
    }
  }
  /** How many blocks there are, for whoever answers this call. */
  function assertServed(method: string, highest: number): number {
    if (!isReachable) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'fake', method })
    const count = served()
    if (highest >= count)
      throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'fake', method, detail: `block ${highest} is above the head` })
    return count
  }
  function assertSame(method: string, number: number, hash: Hash | undefined): void {
    if (hash === undefined || blocks[number]?.hash === hash) return
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'fake', method, detail: `block ${number} is not ${hash} any more` })
  }
  const isWanted = (event: ChainEvent, filter: EventFilter): boolean =>
    event.address === filter.address &&
    event.blockNumber >= filter.fromBlock &&
    event.blockNumber <= filter.toBlock &&
    filter.events.some((signature) => eventName(signature) === event.name)

  mine(script.blocks)
  return {
    async head(tag = 'latest') {
      const count = assertServed('head', 0)
      return blocks[Math.max(0, count - 1 - (tag === 'latest' ? 0 : depthOf[tag]))] as BlockRef
    },
    async block(number) {
      return number < assertServed('block', 0) ? blocks[number] : undefined
    },
    async read({ blockHash, ...call }) {
      // Of the newest block a node may answer with the state of the one that it is making.
      assertServed('read', blockHash === undefined ? call.blockNumber : call.blockNumber + 1)
      assertSame('read', call.blockNumber, blockHash)
      if (script.read === undefined) throw new WeftError('CALL_REVERTED', { call: call.function, reason: 'nothing is scripted' })
      return script.read(call)
    },
    async events({ toBlockHash, ...filter }) {
      assertServed('events', filter.toBlock)
      assertSame('events', filter.toBlock, toBlockHash)
      const events = (script.events ?? [])
        .filter((event) => isWanted(event, filter))
        .sort((left, right) => left.blockNumber - right.blockNumber || left.logIndex - right.logIndex)
      return whole(events, ({ blockNumber }) => blockNumber)
    },
    async transactions({ blockNumber, blockHash }) {
      assertServed('transactions', blockNumber)
      assertSame('transactions', blockNumber, blockHash)
      return (script.transactions ?? []).filter((transaction) => transaction.blockNumber === blockNumber)
    },
    mine,
    reorg(depth) {
      const gone = blocks.splice(-depth).length
      mine(gone)
    },
    setReachable(reachable) {
      isReachable = reachable
    },
    setLag(next) {
      lag = next
    },
    setOmission,
  }
}
