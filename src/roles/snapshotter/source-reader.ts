import pLimit from 'p-limit'
import type { ChainEvent, ChainValue, ComputeEpoch, SourceReader } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { parseAddress, parseBlockNumber } from '#domain/ids.ts'
import type { BlockRef, SourceChain } from '#io/chain/port.ts'
import { type Backoff, type Pacing, retrying } from './pacing.ts'

/** An endpoint that fails five times in a row within some seconds is down; the compute then says so. */
const READ_BACKOFF: Backoff = { attemptsMax: 5, firstMs: 200, lastMs: 3_000 }
/** Our endpoint may lag behind the one that released the epoch: asked this often, until the window closes. */
const SYNC_BACKOFF: Backoff = { attemptsMax: Number.POSITIVE_INFINITY, firstMs: 250, lastMs: 2_000 }
/** Requests of one epoch under way at once: more only fill the endpoint's own queue. */
const READS_AT_ONCE_MAX = 32

export interface EpochSource {
  readonly epoch: ComputeEpoch
  readonly chain: SourceChain
  readonly signal: AbortSignal
}

/** Waits until our endpoint has the epoch's last block, so that no compute sees a chain that ends too early. Rejects with the signal's reason. */
export async function awaitSource({ epoch, chain, signal }: EpochSource, pacing: Pacing): Promise<void> {
  const last = parseBlockNumber(epoch.end)
  const look = async () => {
    if ((await chain.block(last)) === undefined)
      throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'source chain', method: 'block', detail: `block ${last} is not there yet` })
  }
  await retrying(look, SYNC_BACKOFF, { ...pacing, signal })
}

/**
 * The source chain as the computes of one epoch see it: nothing after the epoch, each question asked once however many want to know (N3),
 * failures of the endpoint retried. Ends with the epoch's signal.
 */
export function createSourceReader(source: EpochSource, pacing: Pacing): SourceReader {
  const { epoch, chain, signal } = source
  const answers = new Map<string, Promise<unknown>>()
  const limit = pLimit(READS_AT_ONCE_MAX)

  /** A failed answer is not kept: the next who asks tries anew. */
  function once<Answer>(key: readonly unknown[], ask: () => Promise<Answer>): Promise<Answer> {
    const text = JSON.stringify(key, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
    const known = answers.get(text)
    if (known !== undefined) return known as Promise<Answer>
    const answer = limit(() => retrying(ask, READ_BACKOFF, { ...pacing, signal }))
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
  }
}
