import pLimit from 'p-limit'
import type { ChainEvent, ChainTransaction, ChainValue, ComputeEpoch, SourceReader } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { parseAddress, parseBlockNumber } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import type { Backoff } from '#life/backoff.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import type { SourceReads } from './fork.ts'
import { PATIENCE } from './patience.ts'

/** Our endpoint may lag behind the one that released the epoch: asked this often, until the window closes. */
const SYNC_BACKOFF: Backoff = { firstMs: 250, lastMs: 2_000 }
/** Reads of one epoch under way at once: those of one block travel together, so that so many are some dozens of requests. */
const READS_AT_ONCE_MAX = 4_096

export interface EpochSource {
  readonly epoch: ComputeEpoch
  readonly chain: SourceReads
  readonly signal: AbortSignal
}

/**
 * Waits until our endpoint has a block above the epoch's last one, so that no compute sees a chain that ends too early. Of its newest block
 * a node may answer with the state of the one that it is making. Resolves with that block. Rejects with the signal's reason.
 */
export async function awaitSource({ epoch, chain, signal }: EpochSource, deps: PersistDeps): Promise<BlockRef> {
  const above = parseBlockNumber(epoch.end + 1)
  const look = async () => {
    const found = await persist({ doing: 'read_source', attempt: () => chain.block(above), signal }, deps)
    if (found === undefined)
      throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'source chain', method: 'block', detail: `block ${above} is not there yet` })
    return found
  }
  // Without a name: a node that is some blocks behind is no trouble.
  return persist({ attempt: look, signal, backoff: SYNC_BACKOFF }, deps)
}

/**
 * The source chain as the computes of one epoch see it: nothing after the epoch, each question asked once however many want to know (N3),
 * failures of the endpoint retried. Ends with the epoch's signal.
 */
export function createSourceReader(source: EpochSource, deps: PersistDeps): SourceReader {
  const { epoch, chain, signal } = source
  const answers = new Map<string, Promise<unknown>>()
  const inTurn = pLimit(READS_AT_ONCE_MAX)

  /** A failed answer is not kept: the next who asks tries anew. */
  function once<Answer>(key: readonly unknown[], ask: () => Promise<Answer>): Promise<Answer> {
    const text = JSON.stringify(key, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
    const known = answers.get(text)
    if (known !== undefined) return known as Promise<Answer>
    const answer = persist({ doing: 'read_source', attempt: ask, signal, inTurn, ...PATIENCE }, deps)
    answers.set(text, answer)
    answer.catch(() => answers.delete(text))
    return answer
  }

  function within(blockNumber: number) {
    if (blockNumber > epoch.end)
      throw new WeftError('ID_MALFORMED', { what: `block up to the epoch's last, ${epoch.end}`, text: String(blockNumber) })
    return parseBlockNumber(blockNumber)
  }

  return {
    async timestamp(blockNumber) {
      const number = within(blockNumber)
      const block = await once<BlockRef>(['block', number], async () => {
        const found = await chain.block(number)
        if (found === undefined)
          throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'source chain', method: 'block', detail: `no block ${number}` })
        return found
      })
      return block.timestamp
    },
    async read(call) {
      const asked = { ...call, address: parseAddress(call.address), blockNumber: within(call.blockNumber) }
      return once<readonly ChainValue[]>(['read', asked.address, asked.function, asked.args, asked.blockNumber], () => chain.read(asked))
    },
    async events(filter) {
      const asked = {
        address: parseAddress(filter.address),
        events: filter.events,
        fromBlock: within(filter.fromBlock),
        toBlock: within(filter.toBlock),
      }
      return once<readonly ChainEvent[]>(['events', asked.address, asked.events, asked.fromBlock, asked.toBlock], () => chain.events(asked))
    },
    async transactions(number) {
      const blockNumber = within(number)
      return once<readonly ChainTransaction[]>(['transactions', blockNumber], () => chain.transactions({ blockNumber }))
    },
  }
}
