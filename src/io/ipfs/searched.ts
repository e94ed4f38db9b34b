import type { CID } from 'multiformats/cid'
import { WeftError } from '#domain/errors.ts'
import { createGate } from '#domain/gate.ts'
import { createRecent } from '#domain/recent.ts'

/** Blocks for others: from here, or from connected peers. What these bring is remembered for a while, and never kept. */

/** Searches at once: less than there are places for questions, so that what is here is answered whoever searches. */
const SEARCHES_MAX = 32
/** Of one caller: a content is searched for eight blocks at a time. */
const SEARCHES_PER_CALLER_MAX = 16
/** Of what peers brought. */
const REMEMBERED_BYTES_MAX = 32 * 1024 * 1024

/** Where blocks come from: a `HeliaNode` fits. */
export interface BlockReader {
  /** Gives nothing that does not hash to its CID; `undefined` when it is not here. Throws `ID_MALFORMED`. */
  block(cid: string): Promise<Uint8Array | undefined>
  /** Asks connected peers, until the signal ends it with its reason. Without it nobody is asked. */
  find?(cid: string, signal: AbortSignal): Promise<Uint8Array>
}

export interface SearchedBlocks {
  /** Throws `CONTENT_NOT_HERE` where nobody is asked, `QUEUE_FULL`, or the signal's reason. */
  read(cid: CID, caller: string, signal: AbortSignal): Promise<Uint8Array>
}

export function searchedBlocks(blocks: BlockReader): SearchedBlocks {
  const gate = createGate({ queue: 'searches for blocks', lengthMax: SEARCHES_MAX, perHolderMax: SEARCHES_PER_CALLER_MAX })
  const remembered = createRecent<Uint8Array>(REMEMBERED_BYTES_MAX)
  return {
    async read(cid, caller, signal) {
      const text = cid.toString()
      const here = (await blocks.block(text)) ?? remembered.get(text)
      if (here !== undefined) return here
      if (blocks.find === undefined) throw new WeftError('CONTENT_NOT_HERE', { cid: text })
      const found = await gate.through(caller, () => blocks.find?.(text, signal) as Promise<Uint8Array>)
      remembered.set(text, found, found.length)
      return found
    },
  }
}
