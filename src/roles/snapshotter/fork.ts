import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Hash } from '#domain/ids.ts'
import type { BlockRef, SourceChain } from '#io/chain/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { PATIENCE } from './patience.ts'

/** The source chain as computes read it. */
export type SourceReads = Pick<SourceChain, 'block' | 'read' | 'events' | 'transactions'>

/** Every answer is of a block that was pinned to its hash when it was read first (N17). */
export interface Fork extends SourceReads {
  /** Of the block below the one that it was opened with. */
  readonly hash: Hash
  /** Whether all blocks that were read are the chain's still: then they are of one fork. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`, the signal's reason. */
  isSteady(): Promise<boolean>
}

/** The chain on the fork that `above` lies on; nothing is read at it or above. */
export function openFork(
  { chain, above, signal }: { readonly chain: SourceReads; readonly above: BlockRef; readonly signal: AbortSignal },
  deps: PersistDeps,
): Fork {
  const pinned = new Map<number, Hash>([[above.number - 1, above.parentHash]])
  let looking: Promise<unknown> = Promise.resolve()
  let next: Promise<boolean> | undefined

  async function block(number: BlockNumber): Promise<BlockRef | undefined> {
    const found = await chain.block(number)
    if (found === undefined) return undefined
    const before = pinned.get(number)
    if (before !== undefined && before !== found.hash) throw invalid(`block ${number} was ${before}, now it is ${found.hash}`)
    pinned.set(number, found.hash)
    return found
  }

  /** Asked for by thousands of reads at once, each block is asked once. */
  const hashes = new Map<number, Promise<Hash>>()
  async function askHash(number: BlockNumber): Promise<Hash> {
    const hash = (await block(number))?.hash
    if (hash === undefined) throw invalid(`no block ${number}`)
    return hash
  }
  async function hashOf(number: BlockNumber): Promise<Hash> {
    const known = pinned.get(number)
    if (known !== undefined) return known
    const asked = hashes.get(number) ?? askHash(number).finally(() => hashes.delete(number))
    hashes.set(number, asked)
    return asked
  }

  async function isThere(number: BlockNumber, hash: Hash): Promise<boolean> {
    const look = async () => {
      const found = await chain.block(number)
      if (found === undefined) throw invalid(`no block ${number}`)
      return found.hash === hash
    }
    return persist({ doing: 'read_source', attempt: look, signal, ...PATIENCE }, deps)
  }

  async function look(): Promise<boolean> {
    const found = await Promise.all([...pinned].map(([number, hash]) => isThere(number as BlockNumber, hash)))
    return !found.includes(false)
  }

  return {
    hash: above.parentHash,
    block,
    read: async (call) => chain.read({ ...call, blockHash: await hashOf(call.blockNumber) }),
    events: async (filter) => chain.events({ ...filter, toBlockHash: await hashOf(filter.toBlock) }),
    transactions: async ({ blockNumber }) => chain.transactions({ blockNumber, blockHash: await hashOf(blockNumber) }),
    isSteady() {
      // Who asks while others look is answered by the next look, which begins after the question.
      next ??= looking.then(() => {
        next = undefined
        const found = look()
        looking = found.catch(() => undefined)
        return found
      })
      return next
    },
  }
}

const invalid = (detail: string) => new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'source chain', method: 'block', detail })
